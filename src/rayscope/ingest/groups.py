"""Works gathered into groups that are written together: folded as they come, so that what was decoded is let go at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future

from msgspec import Struct

from rayscope.ingest.changes import Changes
from rayscope.ingest.fold import fold_batch
from rayscope.ray.decode import Batch
from rayscope.store import limits
from rayscope.store.journal import Position

Fold = Callable[[Changes], None]


class Work(Struct):
    """One thing to apply: a decoded batch with its place in the journal, or a report with whoever waits for it.

    ``content`` is None once a batch was folded: the journal has it still. ``end`` and ``size_bytes`` say where.
    """

    content: Batch | Fold | None
    events: int = 1
    cluster: str | None = None
    end: Position | None = None
    size_bytes: int = 0
    applied: Future[None] | None = None

    def hold(self) -> None:
        """From here on nobody can cancel it. A report is applied although its sender went away."""
        if self.applied is not None and not self.applied.set_running_or_notify_cancel():
            self.applied = Future()


class Group:
    """Works, and what they change together. ``error`` is why that cannot be known: then each is applied by itself."""

    def __init__(self, number: Callable[[str], int]) -> None:
        self.works: list[Work] = []
        self.changes = Changes(number, time.time_ns())
        self.error: Exception | None = None
        self._events = 0
        self._began_s = 0.0
        self._is_awaited = False

    def add(self, work: Work) -> None:
        """Fold one more work in."""
        if not self.works:
            self._began_s = time.monotonic()
            self.changes.now_ns = time.time_ns()  # an empty group may have waited for hours
        self.works.append(work)
        self._events += work.events
        self._is_awaited = self._is_awaited or work.applied is not None
        if self.error is None and work.content is not None:
            self._fold(work, work.content)

    @property
    def end(self) -> Position | None:
        """The place in the journal up to which this group applies it."""
        return max((work.end for work in self.works if work.end is not None), default=None)

    @property
    def is_full(self) -> bool:
        """Whether a larger group would gain little."""
        return self._events >= limits.GROUP_EVENTS

    @property
    def left_s(self) -> float | None:
        """How long it may still wait for more; None while it is empty. Where much comes it waits longer: fewer, larger groups cost less."""
        if not self.works:
            return None
        busy = self._events >= limits.BUSY_EVENTS and not self._is_awaited
        wait_s = limits.BUSY_WAIT_S if busy else limits.GROUP_WAIT_S
        return max(self._began_s + wait_s - time.monotonic(), 0.0)

    def _fold(self, work: Work, content: Batch | Fold) -> None:
        self.changes.cluster = work.cluster
        try:
            if isinstance(content, Batch):
                fold_batch(self.changes, content)
            else:
                content(self.changes)
        except Exception as error:  # noqa: BLE001 a report's fold may raise anything; it meets its error when it is applied alone
            self.error = error
        if work.end is not None:
            work.content = None
