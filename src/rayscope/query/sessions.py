"""Which sessions a question is about: a name, a unique prefix of one, `latest`, or `all`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rayscope.errors import Ambiguous, NotFound

LATEST: Final = "latest"
ALL: Final = "all"


def resolve_session(known: Sequence[tuple[int, str]], wanted: str) -> tuple[int, str] | None:
    """The (number, name) of one session among ``known`` (newest first); None for all of them. Raises NotFound or Ambiguous."""
    if wanted == ALL:
        return None
    if not known:
        raise NotFound("nothing is recorded yet", hint="run `rayscope run script.py`, or `rayscope demo` for an example")
    if wanted in {LATEST, ""}:
        return known[0]
    fits = [session for session in known if session[1] == wanted] or [session for session in known if session[1].startswith(wanted)]
    if not fits:
        raise NotFound(f"no session {wanted!r}", hint="`rayscope list sessions` shows what is recorded")
    if len(fits) > 1:
        raise Ambiguous(f"{wanted!r} fits {len(fits)} sessions: {', '.join(name for _, name in fits[:3])} …", hint="give more of the name")
    return fits[0]
