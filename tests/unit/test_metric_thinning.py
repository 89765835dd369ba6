"""Which blocks are merged, and what is kept of old samples."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rayscope.query.metrics.frames import ABSENT, STALE, is_absent, is_stale
from rayscope.store.limits import METRIC_BLOCK_TIMES, METRIC_MINUTES_S, METRIC_RAW_S
from rayscope.store.metrics.blocks import BlockRow
from rayscope.store.metrics.head import Matrix
from rayscope.store.metrics.thinning import FOUR_MINUTES, MINUTE, RAW, merges, thinned

NOW_MS = 1_795_521_600_000
DAY_MS = 86_400_000


def row(number: int, end_ms: int, times: int = 10, **more: Any) -> BlockRow:
    """A block of ten seconds between its times."""
    known = {"session_no": 1, "target_no": 0, "level": 0, "segment_no": 1, "position": number, "head_bytes": 1, "size_bytes": 1, "resolution_ms": 0}
    span = {
        "start_ms": end_ms - (times - 1) * 10_000,
        "end_ms": end_ms,
        "times": times,
        "series": 3,
        "samples": 3 * times,
        "first_seq": number,
        "last_seq": number,
    }
    return BlockRow(**(known | span | more))


def rows(count: int, times: int = 10, last_ms: int = NOW_MS) -> list[BlockRow]:
    return [row(number, last_ms - (count - 1 - number) * times * 10_000, times) for number in range(count)]


def test_small_blocks_wait_for_enough_of_them() -> None:
    assert not list(merges(rows(7), NOW_MS))
    (merge,) = merges(rows(9), NOW_MS)
    assert (len(merge.rows), merge.resolution_ms) == (9, RAW)
    (merge,) = merges(rows(5, METRIC_BLOCK_TIMES // 4), NOW_MS)
    assert sum(one.times for one in merge.rows) >= METRIC_BLOCK_TIMES


def test_the_last_blocks_of_what_ended_are_merged() -> None:
    (merge,) = merges(rows(3), NOW_MS + 2 * 3_600_000)
    assert len(merge.rows) == 3
    assert not list(merges(rows(1), NOW_MS + 2 * 3_600_000))


def test_old_blocks_are_thinned() -> None:
    old = NOW_MS + int(METRIC_RAW_S * 1000) + 1
    assert [(merge.resolution_ms, len(merge.rows)) for merge in merges(rows(3), old)] == [(MINUTE, 3)]
    minutes = [row(0, NOW_MS, 400, resolution_ms=MINUTE)]
    older = NOW_MS + int(METRIC_MINUTES_S * 1000) + 1
    assert [merge.resolution_ms for merge in merges(minutes, older)] == [FOUR_MINUTES]
    assert not list(merges([row(0, NOW_MS, 400, resolution_ms=FOUR_MINUTES)], older + DAY_MS))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(1, 30), st.data())
def test_blocks_come_to_rest(count: int, times: int, data: st.DataObject) -> None:
    """Merging ends, keeps every sample, and leaves blocks of a good size."""
    held = rows(count, times)
    for turn in range(200):
        merge = next(merges(held, NOW_MS), None)
        if merge is None:
            break
        first, last = held.index(merge.rows[0]), held.index(merge.rows[-1])
        assert held[first : last + 1] == merge.rows
        held[first : last + 1] = [row(1000 + turn, merge.rows[-1].end_ms, sum(one.times for one in merge.rows), level=merge.level)]
    assert next(merges(held, NOW_MS), None) is None
    assert sum(one.times for one in held) == count * times
    assert len(held) <= 2 * 8 + count * times // (METRIC_BLOCK_TIMES // 2)


VALUES = st.one_of(st.sampled_from([ABSENT, STALE]), st.integers(0, 1000).map(float))
SAMPLES = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=30), elements=VALUES)


def increase(values: Any) -> float:
    numbers = [value for value in values.tolist() if value == value]  # noqa: PLR0124 a NaN is not
    return sum(after - before if after >= before else after for before, after in pairwise(numbers))


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=30), elements=VALUES), st.lists(st.integers(1, 50_000), min_size=30, max_size=30)
)
def test_thinning_keeps_what_counters_count(values: Any, steps: list[int]) -> None:
    """All of a counter's increase, each minute's last sample, and each end; twice changes nothing."""
    times = NOW_MS + np.cumsum(steps[: values.shape[1]])
    matrix = Matrix(np.arange(len(values), dtype=np.int32), times, values, np.zeros(len(times), np.int64))
    counters, first_ms = np.ones(len(values), np.bool_), np.full(len(values), times[0])
    thin = thinned(matrix, MINUTE, counters, first_ms)
    kept = np.searchsorted(times, thin.times)
    there = ~is_absent(thin.values)
    assert (thin.values.view(np.uint64)[there] == values[:, kept].view(np.uint64)[there]).all()
    for before, after in zip(values, thin.values, strict=True):
        assert increase(after) == increase(before)
        assert is_stale(after[~is_absent(after)][-1:]).tolist() == is_stale(before[~is_absent(before)][-1:]).tolist()
    again = thinned(thin, MINUTE, counters, np.full(len(values), thin.times[0])) if len(thin.times) else thin
    assert (again.values.view(np.uint64) == thin.values.view(np.uint64)).all()
    gauges = thinned(matrix, MINUTE, ~counters, first_ms)
    minutes = len(np.unique(times // MINUTE))
    assert ((~is_absent(gauges.values) & ~is_stale(gauges.values)).sum(axis=1) <= minutes).all()
