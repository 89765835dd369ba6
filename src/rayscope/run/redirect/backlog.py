"""Lines that wait for the terminal: bounded, and whoever brings more waits. So a slow terminal slows the reading, and loses nothing."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from rayscope.model.log import LogBatch, LogLine

LIMIT_BYTES: Final = 8 << 20
"""Text that waits in this process; the rest waits on the server's disk."""


class Backlog:
    """Batches in the order of their coming."""

    def __init__(self, limit_bytes: int | None = None) -> None:
        self._limit = LIMIT_BYTES if limit_bytes is None else limit_bytes
        self._batches: deque[LogBatch] = deque()
        self._bytes = 0
        self._lines = 0
        self._changed = threading.Condition()
        self._is_closed = False

    @property
    def lines(self) -> int:
        """How many wait."""
        return self._lines

    def put(self, batch: LogBatch) -> None:
        """Add one, when there is room."""
        with self._changed:
            self._changed.wait_for(lambda: self._bytes < self._limit or self._is_closed)
            self._batches.append(batch)
            self._bytes += _size(batch.lines)
            self._lines += len(batch.lines)
            self._changed.notify_all()

    def get(self, wait_s: float) -> list[LogLine]:
        """The next ones; none if none come within that time."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._batches) or self._is_closed, wait_s)
            if not self._batches:
                return []
            batch = self._batches.popleft()
            self._bytes -= _size(batch.lines)
            self._lines -= len(batch.lines)
            self._changed.notify_all()
            return batch.lines

    def drop(self) -> None:
        """Forget what waits: nobody wants to see it."""
        with self._changed:
            self._batches.clear()
            self._bytes = self._lines = 0
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody waits any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


def _size(lines: list[LogLine]) -> int:
    return sum(len(line.text) for line in lines)
