"""Which of a track's lanes a slice lies in, so that no two overlap. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Slice(Struct, gc=False):
    """What is drawn from ``begin`` to ``until``: one attempt, or many. ``place`` is -1 where it is not one."""

    begin: int
    until: int
    color: int
    count: int
    failed: int
    fill: int
    place: int
    lane: int = 0


def pack(spans: Iterable[tuple[Slice, int]], lanes: int) -> tuple[list[Slice], int]:
    """Put slices, given by begin with the worker of each, into lanes from 1 on; what finds none free is merged in the last. Returns the lanes used.

    A worker's slices keep to its lane where they can: what ran in one process stands in one line.
    """
    free_at = [0] * max(lanes - 1, 1)
    used: list[Slice] = []
    home: dict[int, int] = {}
    crowd: list[Slice] = []
    for one, worker in spans:
        lane = _free(free_at, one.begin, home.get(worker))
        if lane is None:
            crowd.append(one)
            continue
        home[worker] = lane
        free_at[lane] = max(one.until, one.begin + 1)
        one.lane = lane + 1
        used.append(one)
    merged = merge(crowd, len(free_at) + 1)
    top = max((one.lane for one in (*used, *merged)), default=0)
    return sorted([*used, *merged], key=lambda one: (one.lane, one.begin)), top


def _free(free_at: list[int], begin: int, home: int | None) -> int | None:
    if home is not None and free_at[home] <= begin:
        return home
    return next((lane for lane, until in enumerate(free_at) if until <= begin), None)


def merge(crowd: Iterable[Slice], lane: int) -> list[Slice]:
    """Overlapping slices, given by begin, as one each: with their count, how many failed, and the colour of the longest."""
    merged: list[Slice] = []
    longest = taken = 0
    for one in crowd:
        width = one.until - one.begin
        if merged and one.begin < merged[-1].until:
            last = merged[-1]
            last.color, longest = (one.color, width) if width > longest else (last.color, longest)
            last.until, last.count, last.failed, taken = max(last.until, one.until), last.count + 1, last.failed + one.failed, taken + width
            last.place = -1
        else:
            merged.append(Slice(one.begin, one.until, one.color, 1, one.failed, 100, one.place, lane))
            longest = taken = width
        merged[-1].fill = round(100 * taken / max(merged[-1].until - merged[-1].begin, 1))
    return merged
