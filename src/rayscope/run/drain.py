"""When a node's events are all out. Pure: counts and times in, a judgement out.

Ray's processes report to their node's agent once a second, and the agent sends on what it has. So a node is drained when nothing waits in the agent
and nothing new has come to it for longer than that second.
"""

from __future__ import annotations

from typing import Final

from rayscope.ray.exporter_metrics import ExporterCounts

QUIET_S: Final = 1.15
"""Longer than the interval in which Ray's processes report (1 s), by the time that a report takes."""

FLOW_S: Final = 6.0
"""After this long, events that still come are those of tasks that still run, not a backlog of what ran."""

BACKLOG_EVENTS: Final = 2_000
"""New events within one quiet time that are a backlog: a process that has one reports 10,000 at a time."""


class Drain:
    """Watches one node's counts."""

    def __init__(self, now_s: float) -> None:
        self._began_s = now_s
        self._changed_s = now_s
        self._grew = 0
        self._last: ExporterCounts | None = None

    @property
    def waiting(self) -> int:
        """Events known to wait in the agent."""
        return self._last.waiting if self._last else 0

    @property
    def dropped(self) -> int | None:
        """Events that the agent dropped because its buffer was full; None: not known."""
        return self._last.dropped if self._last else None

    @property
    def published(self) -> int:
        """Events that were sent out."""
        return self._last.published if self._last else 0

    def observe(self, counts: ExporterCounts, now_s: float) -> None:
        """Take in what the agent says now."""
        if self._last is None or counts.received != self._last.received:
            self._grew = counts.received - self._last.received if self._last else 0
            self._changed_s = now_s
        self._last = counts

    def is_done(self, now_s: float) -> bool:
        """Whether everything is out: nothing waits, and nothing more is coming but what still runs."""
        if self._last is None or self._last.waiting:
            return False
        if now_s - self._changed_s >= QUIET_S:
            return True
        return now_s - self._began_s >= FLOW_S and self._grew < BACKLOG_EVENTS
