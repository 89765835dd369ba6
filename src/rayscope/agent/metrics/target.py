"""One target: scraping it, what it had before, and how it is."""

from __future__ import annotations

import asyncio
import time
from array import array
from typing import Any, Callable, Dict, Optional

from rayscope.agent.metrics.backlog import Scrape, little
from rayscope.agent.metrics.exposition import Define, Parsed
from rayscope.agent.metrics.fetch import BadPage
from rayscope.agent.metrics.readers import Read
from rayscope.agent.metrics.table import Table

_OWN = ("up", "scrape_duration_seconds", "scrape_samples_scraped")


class Target:
    """What is scraped under one instance and job. ``attach`` gives what reads it, once it has numbers for its series."""

    def __init__(self, instance: str, job: str, attach: Callable[[Define], Read]) -> None:
        self.instance = instance
        self.job = job
        self.is_up: Optional[bool] = None
        self.began_s = float("-inf")
        self._attach = attach
        self._lock = asyncio.Lock()
        self.rejected: Dict[str, int] = {}
        self._example = self._error = ""
        self._samples = self._cut = 0
        self._duration_s = 0.0
        self._last: array[int] = array("I")
        self._last_bytes = b""
        self._highest = -1
        self._time_ms = 0

    def join(self, table: Table) -> None:
        """Take numbers from a table; from another one again, where it begins anew."""
        self._table = table
        self._number = table.target({"instance": self.instance, "job": self.job})
        define = table.definer(self._number)
        self._own = array("I", [define(name, {}) for name in _OWN])
        self._read = self._attach(define)
        self._last, self._last_bytes = array("I"), b""

    @property
    def is_busy(self) -> bool:
        """Whether a scrape is under way."""
        return self._lock.locked()

    @property
    def series(self) -> int:
        """How many the last scrape had."""
        return len(self._last)

    async def scrape(self, timeout_s: float) -> Scrape:
        """Once, after one that is under way."""
        async with self._lock:
            self.began_s, time_ms = time.monotonic(), time.time_ns() // 1_000_000
            try:
                parsed = await self._read(timeout_s)
            except BadPage as bad:
                return self._failed(time_ms, str(bad))
            return self._done(time_ms, parsed)

    def end(self) -> Scrape:
        """Its last word: none of its series goes on."""
        return self._scrape(time.time_ns() // 1_000_000, array("I"), array("d"))

    def health(self) -> Dict[str, Any]:
        """How the last scrape was, and what was rejected since the start."""
        known = {"instance": self.instance, "job": self.job, "up": bool(self.is_up), "samples": self._samples, "duration_s": round(self._duration_s, 4)}
        return {**known, "error": self._error, "rejected": dict(self.rejected), "example": self._example, "cut": self._cut}

    def _failed(self, time_ms: int, error: str) -> Scrape:
        self.is_up, self._error, self._samples = False, error, 0
        self._duration_s = time.monotonic() - self.began_s
        return self._scrape(time_ms, self._own, array("d", [0.0, self._duration_s, 0.0]))

    def _done(self, time_ms: int, parsed: Parsed) -> Scrape:
        self.is_up, self._error, self._samples = True, "", len(parsed.ids)
        self._duration_s = time.monotonic() - self.began_s
        self._cut += parsed.cut
        self._example = parsed.rejects.example or self._example
        for reason, count in parsed.rejects.counts.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + count
        self._table.add_families(parsed.families)
        values = array("d", [1.0, self._duration_s, float(len(parsed.ids))])
        return self._scrape(time_ms, self._own + parsed.ids, values + parsed.values)

    def _scrape(self, time_ms: int, ids: array[int], values: array[float]) -> Scrape:
        self._time_ms = time_ms = max(time_ms, self._time_ms + 1)  # the end may come within a millisecond of the last look, and is no second word on it
        raw = little(ids)
        stale = b""
        if raw == self._last_bytes:
            raw = self._last_bytes  # one copy, however many scrapes wait
        else:
            gone = array("I", sorted(set(self._last).difference(ids)))
            stale = little(gone)
            self._last, self._last_bytes = ids, raw
            self._highest = max([*ids, *gone], default=-1)
        return Scrape(self._number, time_ms, raw, little(values), stale, self._highest, time.monotonic())
