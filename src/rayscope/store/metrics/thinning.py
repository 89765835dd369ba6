"""Which blocks of a target are merged, or thinned with age, and what thinning keeps. Pure.

Of each series the last sample of a minute (then of four) stays, at its own time. Of counters also the samples on both sides of a fall, and the first of
all: so what `increase` says of any span between samples that stayed is what it said before. A mark that a series ended stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayscope.store import limits
from rayscope.store.metrics.blocks import BlockRow
from rayscope.store.metrics.frames import ABSENT, is_absent, is_stale
from rayscope.store.metrics.head import Matrix

RAW: Final = 0
MINUTE: Final = 60_000
FOUR_MINUTES: Final = 240_000

_MERGED: Final = 1
_WHOLE: Final = 2
_LEVELS: Final = {MINUTE: 3, FOUR_MINUTES: 4}
_SMALL_TIMES: Final = limits.METRIC_BLOCK_TIMES // 4
_RUN: Final = 8

Marks = NDArray[np.bool_]


class Merge(Struct, frozen=True):
    """Blocks of one target that become one, of a resolution, in the segments of a level."""

    rows: list[BlockRow]
    resolution_ms: int
    level: int


def merges(rows: Sequence[BlockRow], now_ms: int) -> Iterator[Merge]:
    """What is to be done with the blocks of a target, which are in order."""
    for resolution_ms, after_s, finer in ((FOUR_MINUTES, limits.METRIC_MINUTES_S, MINUTE), (MINUTE, limits.METRIC_RAW_S, RAW)):
        old = [row for row in rows if row.resolution_ms == finer and row.end_ms < now_ms - after_s * 1000]
        yield from (Merge(run, resolution_ms, _LEVELS[resolution_ms]) for run in _runs(old, factor=max(resolution_ms // max(finer, MINUTE), 4)))
    for resolution_ms in (RAW, MINUTE, FOUR_MINUTES):
        yield from _small(rows, resolution_ms, now_ms)


def _small(rows: Sequence[BlockRow], resolution_ms: int, now_ms: int) -> Iterator[Merge]:
    """Small blocks side by side, when there are enough of them, or no more are to come."""
    idle = bool(rows) and rows[-1].end_ms < now_ms - limits.METRIC_IDLE_S * 1000
    young_ms = now_ms - {RAW: limits.METRIC_RAW_S, MINUTE: limits.METRIC_MINUTES_S}.get(resolution_ms, now_ms / 1000) * 1000
    own = [row for row in rows if row.resolution_ms == resolution_ms and row.end_ms >= young_ms]
    for most in (_SMALL_TIMES, limits.METRIC_BLOCK_TIMES):
        run: list[BlockRow] = []
        for row in [*own, None]:
            if row is not None and row.times < most and _fits([*run, row]):
                run.append(row)
                continue
            if len(run) > 1 and (idle or len(run) >= _RUN or sum(one.times for one in run) >= most):
                level = _LEVELS.get(resolution_ms, _WHOLE if idle or most == limits.METRIC_BLOCK_TIMES else _MERGED)
                yield Merge(run, resolution_ms, level)
                return
            run = [row] if row is not None and row.times < most else []


def _runs(rows: Sequence[BlockRow], factor: int) -> Iterator[list[BlockRow]]:
    """Blocks side by side that make one of a good size when they are thinned by a factor."""
    run: list[BlockRow] = []
    for row in rows:
        if run and (not _fits([*run, row]) or sum(one.times for one in run) >= factor * limits.METRIC_BLOCK_TIMES):
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _fits(run: Sequence[BlockRow]) -> bool:
    """Whether blocks can be put together in memory."""
    return max(row.series for row in run) * sum(row.times for row in run) <= limits.METRIC_BLOCK_CELLS


def thinned(matrix: Matrix, resolution_ms: int, counters: Marks, first_ms: NDArray[np.int64]) -> Matrix:
    """The matrix with what is kept of it. ``counters`` and ``first_ms`` are by its series: which are counters, when each was first heard of."""
    absent, stale = is_absent(matrix.values), is_stale(matrix.values)
    number = ~absent & ~stale
    buckets = matrix.times // resolution_ms
    kept = _last_of_bucket(number, buckets) | (_last_of_bucket(~absent, buckets) & stale)
    kept |= _about_falls(matrix, number) & counters[:, None]
    kept |= _firsts(number) & (counters & (first_ms >= matrix.times[0]))[:, None]
    columns = kept.any(axis=0)
    values = np.where(kept, matrix.values, ABSENT)[:, columns]
    return Matrix(matrix.series, matrix.times[columns], np.ascontiguousarray(values), matrix.seqs[columns])


def _last_of_bucket(there: Marks, buckets: NDArray[np.int64]) -> Marks:
    """Of each series the last sample in each bucket."""
    count = there.shape[1]
    following = np.full(there.shape, count)
    following[:, :-1] = np.minimum.accumulate(np.where(there, np.arange(count), count)[:, ::-1], axis=1)[:, ::-1][:, 1:]
    next_bucket = np.append(buckets, -1)[following]
    found: Marks = there & (next_bucket != buckets)
    return found


def _about_falls(matrix: Matrix, number: Marks) -> Marks:
    """Samples that are less than the one before, and those before."""
    places = np.where(number, np.arange(number.shape[1]), -1)
    before = np.full(number.shape, -1)
    before[:, 1:] = np.maximum.accumulate(places, axis=1)[:, :-1]
    earlier = np.take_along_axis(matrix.values, np.maximum(before, 0), axis=1)
    found: Marks = number & (before >= 0) & (matrix.values < earlier)
    row, column = np.nonzero(found)
    found[row, before[row, column]] = True
    return found


def _firsts(number: Marks) -> Marks:
    found = np.zeros(number.shape, np.bool_)
    found[np.arange(len(number)), number.argmax(axis=1)] = True
    return found & number
