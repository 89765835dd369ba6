"""Binning attempts to pixels, without a store. `tests/store/test_timeline.py` compares whole pictures with the attempts themselves."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.query.bins import Bins, Rows
from rayscope.query.shares import Shares

Attempt = tuple[int, int, int, int, int]
"""Track, begin, length, colour, bad."""

ATTEMPTS = st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 99), st.integers(0, 60), st.integers(1, 3), st.sampled_from([0, 0, 1, 3])), max_size=40)


def rows_of(attempts: list[Attempt], first: int = 0) -> Rows:
    """Columns of attempts that began ``begin`` ns after 1,000; their places count from ``first``."""
    columns = np.array([(*one, first + at) for at, one in enumerate(attempts)], np.int64).reshape(-1, 6).T
    track, begin, length, color, bad, place = columns
    return Rows(track.astype(np.int32), color.astype(np.uint64), begin + 1000, begin + length + 1000, bad.astype(np.int8), place, place.astype(np.uint64))


def bins_of(attempts: list[Attempt], *, chunk: int = 1000, bin_ns: int = 10, width_ns: int = 19, most: int = 1000) -> Bins:
    """A picture of the 100 ns after 1,000."""
    bins = Bins(tracks=3, from_ns=1000, to_ns=1100, bin_ns=bin_ns, width_ns=width_ns, most=most)
    for first in range(0, len(attempts), chunk):
        bins.add(rows_of(attempts[first : first + chunk], first))
    return bins


@given(attempts=ATTEMPTS, chunk=st.integers(1, 10), most=st.integers(1, 5))
def test_chunks_do_not_matter(attempts: list[Attempt], chunk: int, most: int) -> None:
    """Counts, failures, fill, marks and the longest are the same, in however many parts the attempts come."""
    one, many = bins_of(attempts, most=most), bins_of(attempts, chunk=chunk, most=most)
    assert one.long().place.tolist() == many.long().place.tolist()
    assert (one.width_ns, one.attempts, one.failed, one.by_track.tolist(), one.marks()) == (
        many.width_ns,
        many.attempts,
        many.failed,
        many.by_track.tolist(),
        many.marks(),
    )
    for column in ("count", "failed"):
        assert sum(getattr(one.density(), column).tolist()) == sum(getattr(many.density(), column).tolist())


@given(attempts=ATTEMPTS, most=st.integers(1, 5))
def test_the_longest_are_left_whole(attempts: list[Attempt], most: int) -> None:
    """No more than there is room for, none shorter than one that is binned; and each attempt is in one of the two."""
    bins = bins_of(attempts, most=most)
    long, density = bins.long(), bins.density()
    drawn = [one for one in attempts if one[0] >= 0]
    assert len(long.bad) <= most
    assert len(long.bad) + density.count.sum() == len(drawn)
    assert int((long.bad > 0).sum()) + density.failed.sum() == sum(bad > 0 for *_, bad in drawn)
    assert sorted(attempts[place][2] for place in long.place.tolist()) == sorted(length for _, _, length, _, _ in drawn if length > bins.width_ns)


def test_density_parts_at_failures_colours_and_gaps() -> None:
    """Neighbours that look alike are one slice; a failure keeps its own place."""
    found = bins_of([(0, 0, 10, 1, 0), (0, 0, 10, 1, 0), (0, 10, 10, 1, 0), (0, 10, 10, 1, 0), (0, 20, 10, 1, 1), (0, 30, 10, 2, 0), (0, 60, 10, 2, 0)])
    runs = found.density()
    assert list(zip(*(column.tolist() for column in (runs.begin, runs.until, runs.color, runs.count, runs.failed, runs.fill, runs.place)), strict=True)) == [
        (0, 20, 1, 4, 0, 200, -1),
        (20, 30, 1, 1, 1, 100, 4),
        (30, 40, 2, 1, 0, 100, 5),
        (60, 70, 2, 1, 0, 100, 6),
    ]


def test_density_goes_on_between_the_ends_of_what_runs_long() -> None:
    """Bins in which nothing begins or ends are filled while something runs, in its colour."""
    runs = bins_of([(1, 5, 78, 3, 0)], width_ns=100).density()
    assert (runs.track[0], runs.begin[0], runs.until[-1], runs.count.sum()) == (1, 0, 90, 1)
    assert set(runs.color.tolist()) == {3}
    assert all(before == after for before, after in zip(runs.until[:-1].tolist(), runs.begin[1:].tolist(), strict=True))
    assert runs.fill.tolist() == [50, 100, 30]


def test_a_bin_has_the_colour_with_the_most_time() -> None:
    """Whatever comes first, also from another chunk: two of three ns are more than one of five."""
    attempts = [(0, 0, 3, 1, 0), (0, 0, 5, 2, 0), (0, 1, 3, 1, 0)]
    for order in (attempts, attempts[::-1]):
        assert bins_of(order, chunk=1).density().color.tolist() == [1]


TIMES = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9), st.integers(0, 20)), max_size=60)


@given(times=TIMES, chunk=st.integers(1, 10))
def test_the_leading_colour_of_a_cell(times: list[tuple[int, int, int]], chunk: int) -> None:
    """Against the same sums in Python."""
    shares, sums = Shares(6), dict[int, Counter[int]]()
    for first in range(0, len(times), chunk):
        cell, color, time = np.array(times[first : first + chunk], np.int64).T
        shares.add(cell, color.astype(np.uint64), time)
    for cell, color, time in times:
        sums.setdefault(cell, Counter())[color] += time
    found = shares.leading().tolist()
    assert [bool(color) for color in found] == [cell in sums for cell in range(6)]
    assert all(sums[cell][color] == max(sums[cell].values()) for cell, color in enumerate(found) if color)


def test_the_leading_colour_survives_where_not_all_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred colours with a little time each go; the one that comes with a little more in each part stays."""
    monkeypatch.setattr("rayscope.query.shares.TIMELINE_SHARES", 40)
    shares = Shares(3)
    for color in range(2, 100):
        shares.add(np.array([1, 1, 2]), np.array([1, color, color], np.uint64), np.array([3, 1, 1]))
    assert shares.leading().tolist()[:2] == [0, 1]


def test_tracks_do_not_run_into_each_other() -> None:
    """The last bin of one and the first of the next are two slices."""
    runs = bins_of([(0, 90, 10, 1, 0), (1, 0, 10, 1, 0)]).density()
    assert runs.track.tolist() == [0, 1]
    assert all(before <= after for before, after in pairwise(runs.track.tolist()))


def test_nothing_is_drawn_of_nothing() -> None:
    """No attempts, no slices."""
    bins = bins_of([])
    assert (len(bins.long().bad), len(bins.density().track), bins.marks()) == (0, 0, [([], [])] * 3)
