"""Counters and histograms of this process's own doings, for its page of metrics. Safe to use from any thread; each costs about a microsecond."""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rayscope.wire.exposition import Metric, Sample, number

LATENCIES: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds in seconds, from a page out of memory to a transaction on a slow disk."""


class Counter:
    """Only grows. ``labels`` are names; `add` takes a value for each."""

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = (), unit: str = "") -> None:
        self.name, self._help, self._labels, self._unit = name, help_text, tuple(labels), unit
        self._values: dict[tuple[str, ...], float] = {} if labels else {(): 0.0}
        self._lock = threading.Lock()

    def add(self, amount: float = 1.0, *values: str) -> None:
        """Grow by an amount."""
        with self._lock:
            self._values[values] = self._values.get(values, 0.0) + amount

    def value(self, *values: str) -> float:
        """How far it has come."""
        return self._values.get(values, 0.0)

    def metric(self) -> Metric:
        """As a family."""
        with self._lock:
            values = sorted(self._values.items())
        samples = tuple(Sample(value, dict(zip(self._labels, key, strict=True)), "_total") for key, value in values)
        return Metric(self.name, "counter", self._help, samples, self._unit)


class Histogram:
    """How long something took, in seconds, counted by bounds."""

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = (), bounds: Sequence[float] = LATENCIES) -> None:
        self.name, self._help, self._labels, self._bounds = name, help_text, tuple(labels), tuple(bounds)
        self._les = [repr(bound) for bound in bounds] + [number(float("inf"))]
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def observe(self, seconds: float, *values: str) -> None:
        """Count one."""
        place = bisect.bisect_left(self._bounds, seconds)
        with self._lock:
            counts = self._counts.get(values)
            if counts is None:
                counts = self._counts[values] = [0] * len(self._les)
            counts[place] += 1
            self._sums[values] = self._sums.get(values, 0.0) + seconds

    @contextmanager
    def timing(self, *values: str) -> Iterator[None]:
        """Count how long the body takes, also where it raises."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.observe(time.monotonic() - begun, *values)

    def metric(self) -> Metric:
        """As a family."""
        with self._lock:
            state = sorted((values, list(counts), self._sums[values]) for values, counts in self._counts.items())
        samples = tuple(sample for values, counts, total in state for sample in self._samples(values, counts, total))
        return Metric(self.name, "histogram", self._help, samples, "seconds")

    def _samples(self, values: tuple[str, ...], counts: list[int], total: float) -> Iterator[Sample]:
        labels = dict(zip(self._labels, values, strict=True))
        seen = 0
        for le, count in zip(self._les, counts, strict=True):
            seen += count
            yield Sample(seen, labels | {"le": le}, "_bucket")
        yield Sample(seen, labels, "_count")
        yield Sample(total, labels, "_sum")
