"""Talk: everything that is not the answer goes to stderr, each hint on a line of its own."""

from __future__ import annotations

import sys

from rayscope.cli.output.colour import paint


def tell(text: str) -> None:
    """A line for the person at the terminal."""
    print(text, file=sys.stderr, flush=True)


def tell_error(message: str, hint: str | None) -> None:
    """What went wrong, and what to do."""
    tell(f"{paint('error:', 'red', sys.stderr)} {message}")
    if hint:
        tell_hint(hint)


def tell_hint(hint: str) -> None:
    """What to do next."""
    tell(f"{paint('hint:', 'blue', sys.stderr)} {hint}")


def tell_warning(text: str) -> None:
    """What is missing or was cut."""
    tell(f"{paint('warning:', 'yellow', sys.stderr)} {text}")
