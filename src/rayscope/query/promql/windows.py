"""Samples of a frame as windows of time see them.

Prometheus 2.42 takes both ends of a window: a sample exactly as old as the range counts (from 3.0 on it does not).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayscope.model.metrics import Labels
from rayscope.query.metrics.frames import Frame, Times, Values, is_absent, is_stale
from rayscope.query.promql.values import Index, Mask

N = TypeVar("N", np.int64, np.float64, np.longdouble)

GATHERED = 4_000_000
"""Numbers gathered from windows at a time, where a function needs them side by side: 32 MB."""


_CHECKED = 64


def _no_check() -> None:
    """There is always time."""


class Windows(Struct, frozen=True, eq=False):
    """The samples of S series, each row packed to the left, and for each of N steps which of them are in its window.

    ``values`` [S, T]; ``times`` [S or 1, T]; the window of series s at step n is ``[s, lo[s, n]:hi[s, n]]``; ``lo`` and ``hi`` have one row
    where all series share it. ``end`` [N] is the right end of each window, ``range_ms`` its length.
    """

    labels: list[Labels]
    values: Values
    times: Times
    lo: Index
    hi: Index
    end: Times
    range_ms: int
    check: Callable[[], None] = _no_check
    """Raises when the time is over: long windows take long."""

    @property
    def count(self) -> Index:
        """Samples in each window, [S or 1, N]."""
        return self.hi - self.lo

    def with_at_least(self, count: int) -> Mask:
        """[S, N]: which windows have so many samples."""
        return np.broadcast_to(self.count >= count, (len(self.labels), len(self.end)))

    def value(self, at: Index) -> Values:
        """[S, N]: the values at places [S or 1, N]; out of bounds ones are clipped."""
        return take(self.values, at)

    def time(self, at: Index) -> Times:
        """[S or 1, N]: the times at places."""
        return take(self.times, at)

    def first(self) -> tuple[Times, Values]:
        """Of each window's first sample."""
        return self.time(self.lo), self.value(self.lo)

    def last(self) -> tuple[Times, Values]:
        """Of each window's last sample."""
        return self.time(self.hi - 1), self.value(self.hi - 1)

    def positions(self) -> Iterator[tuple[Index, Mask]]:
        """The first sample of all windows, the second of all, …: places, and which windows have so many."""
        longest = int(self.count.max(initial=0))
        for k in range(longest):
            if k % _CHECKED == 0:
                self.check()
            at = self.lo + k
            yield at, at < self.hi


def take(array: NDArray[N], at: Index) -> NDArray[N]:
    """``array[s, at[s, n]]``; either may have one row for all."""
    columns = array.shape[1]
    if columns == 0:
        return np.zeros((max(len(array), len(at)), at.shape[1]), array.dtype)
    at = np.clip(at, 0, columns - 1)
    if len(at) == 1:
        return array[:, at[0]]
    return array[0][at] if len(array) == 1 else np.take_along_axis(array, at, axis=1)


def windows_of(frame: Frame, end: Times, range_ms: int, check: Callable[[], None] = _no_check) -> Windows:
    """The windows that end at ``end``, over the samples of a frame. Stale marks are no samples."""
    lo, hi = bounds(frame.times, end, range_ms)
    missing = _missing(frame.values)
    if missing is None:
        return Windows(frame.labels, frame.values, frame.times[None, :], lo[None, :], hi[None, :], end, range_ms, check)
    order = np.argsort(missing, axis=1, kind="stable")
    before = np.zeros((len(frame.labels), len(frame.times) + 1), np.int64)
    np.cumsum(~missing, axis=1, out=before[:, 1:])
    return Windows(frame.labels, np.take_along_axis(frame.values, order, axis=1), frame.times[order], before[:, lo], before[:, hi], end, range_ms, check)


def bounds(times: Times, end: Times, range_ms: int) -> tuple[Index, Index]:
    """The columns [lo, hi) of each window."""
    return np.searchsorted(times, end - range_ms, "left"), np.searchsorted(times, end, "right")


def _missing(values: Values) -> Mask | None:
    """Where there is no sample; None where there is one everywhere."""
    if not np.isnan(values).any():
        return None
    missing = is_absent(values) | is_stale(values)
    return missing if missing.any() else None


def window_samples(windows: Windows) -> Iterator[tuple[slice, Values, Mask]]:
    """Windows with their samples side by side, some steps at a time: the steps, values [S, n, K], and which of them are samples."""
    longest = int(windows.count.max(initial=0))
    if longest == 0 or not windows.labels:
        return
    width = max(1, GATHERED // (longest * len(windows.labels)))
    series, offsets = np.arange(len(windows.labels))[:, None, None], np.arange(longest)
    for start in range(0, len(windows.end), width):
        windows.check()
        steps = slice(start, start + width)
        at = windows.lo[:, steps, None] + offsets
        inside = np.broadcast_to(at < windows.hi[:, steps, None], (len(windows.labels), *at.shape[1:]))
        yield steps, windows.values[series, np.minimum(at, windows.values.shape[1] - 1)], inside
