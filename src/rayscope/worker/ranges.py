"""Which bytes of one growing file are whose. Pure: what was seen goes in, ranges come out.

A range is (start, end, task): half-open, in bytes from the file's start; a task is "<task id> <attempt>". Only what is certain becomes a range.
"""

from __future__ import annotations

from typing import List, Optional, Tuple

Range = Tuple[int, int, str]


class Ranges:
    """The ranges of one file. Those of one task that follow each other are one."""

    def __init__(self) -> None:
        self._closed: List[Range] = []
        self._task: Optional[str] = None
        self._start = self._end = 0
        self._seen = 0
        self._sole: Optional[str] = None

    def wrote(self, start: int, end: int, task: Optional[str]) -> None:
        """Bytes that ``task`` is known to have written, or that a writer wrote whose task is not known."""
        if start == self._end == self._seen and task is not None and task == self._task:
            self._end = self._seen = end
            return
        self._claim(start)
        self._seen = end
        if task is not None:
            self._add(start, end, task)

    def lost(self, end: int, task: Optional[str]) -> None:
        """Bytes of ``task`` are somewhere before ``end``, but others wrote at the same time. The only task that runs wrote them all."""
        if task is not None and task == self._sole:
            self._claim(end)
        self._seen = max(self._seen, end)

    def change(self, size: int, sole: Optional[str]) -> None:
        """The file is ``size`` bytes long, and from here on ``sole`` alone runs in this process; None: several, or nothing."""
        self._claim(size)
        self._seen = max(self._seen, size)
        self._sole = sole

    def take(self) -> List[Range]:
        """The ranges since the last time."""
        if self._task is not None and self._end > self._start:
            self._closed.append((self._start, self._end, self._task))
            self._start = self._end
        taken, self._closed = self._closed, []
        return taken

    def _claim(self, end: int) -> None:
        """What was written past us, by native code or a child, while one task alone ran, is that task's."""
        if self._sole is not None and end > self._seen:
            self._add(self._seen, end, self._sole)

    def _add(self, start: int, end: int, task: str) -> None:
        if task == self._task and start == self._end:
            self._end = end
            return
        if self._task is not None and self._end > self._start:
            self._closed.append((self._start, self._end, self._task))
        self._task, self._start, self._end = task, start, end
