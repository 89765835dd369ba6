"""Which words may be late ones, on attempts that are in the cold table already.

Looking for an attempt there means reading a column of the whole table, so it is done only for words that can be late: by session, those that
speak of a time before the last settled end. An attempt that was appended to the cold table while its cluster still speaks of that time would
raise this bound too early; its key is remembered instead, until the grace is over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from operator import attrgetter
from typing import Final

from msgspec import Struct

from rayscope.store.attempt import COLUMNS, EARLIEST, Attempt
from rayscope.store.limits import CLOCK_SKEW_S, GRACE_S

_SKEW_NS: Final = int(CLOCK_SKEW_S * 1_000_000_000)
_GRACE_NS: Final = int(GRACE_S * 1_000_000_000)
_first_times: Final = attrgetter(*(name for name in COLUMNS if name in EARLIEST and not name.startswith("std")))


class _Appended(Struct):
    """What one group appended: when, its keys, and by session the latest end."""

    at_ns: int
    keys: frozenset[int]
    until: dict[int, int]


class Settled:
    """The bounds of each session, UTC ns, and the keys of what was appended within the grace."""

    def __init__(self, until: Mapping[int, int] | None = None) -> None:
        self._until = dict(until or {})
        self._appended: deque[_Appended] = deque()

    def may_hold(self, fragment: Attempt) -> bool:
        """Whether a fragment can be a late word on a settled attempt. One that names no time (a definition by itself) may be, too."""
        if any(fragment.task_key in group.keys for group in self._appended):
            return True
        until = self._until.get(fragment.session_no)
        return until is not None and min(filter(None, _first_times(fragment)), default=0) <= until + _SKEW_NS

    def widen(self, until: Mapping[int, int]) -> None:
        """Attempts settled, with these ends by session."""
        for session_no, ns in until.items():
            self._until[session_no] = max(ns, self._until.get(session_no, ns))

    def append(self, attempts: Collection[Attempt], until: Mapping[int, int], now_ns: int) -> None:
        """Attempts went to the cold table at once, with these ends by session."""
        while self._appended and self._appended[0].at_ns < now_ns - _GRACE_NS:
            self.widen(self._appended.popleft().until)
        if attempts:
            self._appended.append(_Appended(now_ns, frozenset(attempt.task_key for attempt in attempts), dict(until)))
