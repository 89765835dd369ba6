"""The numbers of sessions: the store keys its rows by a small integer, the world by Ray's session name."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from rayscope.errors import PayloadError


class Sessions:
    """Session names to numbers. A number that was given out is never given to another name, whether or not its session was stored."""

    def __init__(self, known: Mapping[str, int]) -> None:
        self._numbers = dict(known)
        self._lock = threading.Lock()

    def number(self, name: str) -> int:
        """The session's number; a new one for a new name. Raises PayloadError for an empty name."""
        known = self._numbers.get(name)
        return known if known is not None else self._add(name)

    def _add(self, name: str) -> int:
        if not name:
            raise PayloadError("an event without a session name")
        with self._lock:
            return self._numbers.setdefault(name, max(self._numbers.values(), default=0) + 1)
