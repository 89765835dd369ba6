"""Lanes and levels, without a store."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rayscope.query.lanes import Slice, merge, pack
from rayscope.query.levels import add_amounts, amounts_of, level_series

SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30), st.sampled_from("abc"), st.booleans()), max_size=30)


def slices(spans: list[tuple[int, int, str, bool]]) -> list[tuple[Slice, int]]:
    ordered = sorted(spans)
    return [(Slice(begin, begin + width, 7, 1, int(failed), 100, at), ord(worker)) for at, (begin, width, worker, failed) in enumerate(ordered)]


@given(spans=SPANS, lanes=st.integers(1, 5))
def test_lanes_never_overlap(spans: list[tuple[int, int, str, bool]], lanes: int) -> None:
    """All are there, in no more lanes than allowed; only the last holds merged ones."""
    packed, used = pack(slices(spans), lanes)
    assert sum(one.count for one in packed) == len(spans)
    assert sum(one.failed for one in packed) == sum(failed for *_, failed in spans)
    assert used <= max(lanes, 2)
    last: dict[int, int] = {}
    for one in packed:
        assert one.begin >= last.get(one.lane, 0)
        last[one.lane] = one.until
        assert 1 <= one.lane <= used


def test_a_worker_keeps_its_lane() -> None:
    """Where it is free, also when another one is."""
    packed, _ = pack(slices([(0, 10, "a", False), (0, 20, "b", False), (15, 5, "c", False), (30, 5, "b", False)]), 8)
    assert [(one.begin, one.lane) for one in packed] == [(0, 1), (15, 1), (0, 2), (30, 2)]


def test_a_crowd_is_merged_with_its_longest_colour() -> None:
    """Overlapping ones are one, with all their failures."""
    crowd = [Slice(0, 10, 1, 1, 1, 100, 11), Slice(5, 40, 2, 1, 0, 100, 12), Slice(50, 60, 3, 1, 0, 100, 13)]
    merged = merge(crowd, 3)
    assert [(one.begin, one.until, one.color, one.count, one.failed, one.place) for one in merged] == [(0, 40, 2, 2, 1, -1), (50, 60, 3, 1, 0, 13)]


def test_levels() -> None:
    """The mean of each bin: what is busy in it, and what goes on from before."""
    assert level_series([(0, 5, 0), (1, 0, 2), (3, 4, -2)], 5, 10) == [0.5, 2.0, 2.0, 0.4, 0.0]
    used: dict[str, list[float]] = {}
    add_amounts(used, {'{"CPU": 2, "GPU": 0}': [(0, 10, 0)], "nonsense": [(0, 10, 0)], '{"CPU": 1}': [(1, 10, 0)]}, 2, 10)
    assert used == {"CPU": [2.0, 1.0]}
    assert amounts_of("[1]") == amounts_of("{") == {}
