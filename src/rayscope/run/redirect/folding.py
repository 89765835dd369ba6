"""Folding equal lines of several workers into one. Pure: lines and times in, lines out.

Equal means equal in every character: two values are two lines. What one worker repeats by itself is not folded.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

Line = TypeVar("Line")

MAX_TEXTS: Final = 10_000
"""Texts that are watched at a time; the oldest is told of when there are more. A window of five seconds in a busy cluster holds some thousands."""


@dataclass(slots=True)
class Shown(Generic[Line]):
    """A line to print, and how many equal ones it stands for: 1 is the line itself."""

    line: Line
    times: int = 1


@dataclass(slots=True)
class _Watched(Generic[Line]):
    since_s: float
    last: Line
    count: int = 0
    workers: set[str] = field(default_factory=set)


class Folding(Generic[Line]):
    """The texts of one window."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._watched: OrderedDict[tuple[str, str], _Watched[Line]] = OrderedDict()

    @property
    def due_s(self) -> float | None:
        """When `due` will have something to say, at the earliest."""
        first = next(iter(self._watched.values()), None)
        return None if first is None else first.since_s + self._window_s

    def add(self, line: Line, text: str, stream: str, worker: str, now_s: float) -> list[Shown[Line]]:
        """A line comes: what of it is shown now. The first of its kind always is."""
        if not text.strip():
            return [Shown(line)]
        watched = self._watched.get((stream, text))
        if watched is None:
            self._watched[stream, text] = _Watched(now_s, line, workers={worker})
            return [Shown(line), *self._cut()]
        watched.workers.add(worker)
        if len(watched.workers) == 1:
            return [Shown(line)]
        watched.last, watched.count = line, watched.count + 1
        return []

    def due(self, now_s: float) -> list[Shown[Line]]:
        """What was folded and whose window is over. A text that still repeats gets another window."""
        shown: list[Shown[Line]] = []
        while self._watched and now_s - next(iter(self._watched.values())).since_s >= self._window_s:
            key, watched = self._watched.popitem(last=False)
            shown += _told(watched)
            if watched.count > 1:
                watched.since_s, watched.count = now_s, 0
                self._watched[key] = watched
        return shown

    def rest(self) -> list[Shown[Line]]:
        """Everything that was folded, at the end."""
        shown = [told for watched in self._watched.values() for told in _told(watched)]
        self._watched.clear()
        return shown

    def _cut(self) -> list[Shown[Line]]:
        return _told(self._watched.popitem(last=False)[1]) if len(self._watched) > MAX_TEXTS else []


def _told(watched: _Watched[Line]) -> list[Shown[Line]]:
    return [Shown(watched.last, watched.count)] if watched.count else []
