"""Colour in a terminal: state, and nothing else. None where the output is no terminal, or NO_COLOR is set."""

from __future__ import annotations

import os
from typing import Final, TextIO

_CODES: Final = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "grey": "90", "bold": "1"}

STATE_COLOURS: Final = {
    "FINISHED": "green",
    "SUCCEEDED": "green",
    "RUNNING": "blue",
    "ALIVE": "blue",
    "LIVE": "blue",
    "CREATED": "blue",
    "FAILED": "red",
    "LOST": "magenta",
    "NIL": "magenta",
    "DEAD": "grey",
    "ENDED": "grey",
    "REMOVED": "grey",
    "STOPPED": "grey",
    "RESTARTING": "yellow",
    "RESCHEDULING": "yellow",
}


def colour_of_state(state: str) -> str | None:
    """The colour of a state; states that wait are yellow."""
    return STATE_COLOURS.get(state, "yellow" if state.startswith(("PENDING", "SUBMITTED", "DEPENDENCIES", "GETTING")) else None)


def paint(text: str, colour: str | None, stream: TextIO) -> str:
    """The text in a colour, or as it is."""
    if colour is None or not is_coloured(stream):
        return text
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"


def is_coloured(stream: TextIO) -> bool:
    """Whether the stream takes colour."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
