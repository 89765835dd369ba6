"""Which of a track's lanes a slice lies in, so that no two overlap. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct


class Slice(Struct):
    """What is drawn from ``begin`` to ``until``: one attempt, or many."""

    begin: int
    until: int
    color: str
    count: int
    failed: int
    fill: int
    place: tuple[int, int] | None
    lane: int = 0


def pack(spans: Iterable[tuple[Slice, str]], lanes: int) -> tuple[list[Slice], int]:
    """Put slices, given by begin with the worker of each, into lanes from 1 on; what finds none free is merged in the last. Returns the lanes used.

    A worker's slices keep to its lane where they can: what ran in one process stands in one line.
    """
    free_at = [0] * max(lanes - 1, 1)
    used: list[Slice] = []
    home: dict[str, int] = {}
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
            last.place = None
        else:
            merged.append(Slice(one.begin, one.until, one.color, 1, one.failed, 100, one.place, lane))
            longest = taken = width
        merged[-1].fill = round(100 * taken / max(merged[-1].until - merged[-1].begin, 1))
    return merged


def density(cells: Iterable[tuple[Any, ...]], bin_ns: int, length_ns: int) -> list[Slice]:
    """One track's cells (bin, n, failed, busy, delta, color, part, place) as slices in lane 0: neighbours that look alike are one.

    A cell in which nothing begins takes the colour of the one before it, and a gap is filled while something still runs.
    """
    found: list[Slice] = []
    level, expected = 0, 0
    for at, n, failed, busy, delta, color, part, place in cells:
        if level > 0 and at > expected:
            _add(found, Slice(expected * bin_ns, at * bin_ns, "", 0, 0, 100 * level, None))
        level += delta
        fill = round(100 * (busy + level * bin_ns) / bin_ns)
        if n or fill:
            until = min((at + 1) * bin_ns, length_ns)
            _add(found, Slice(at * bin_ns, until, color or "", n, failed, fill, (part, place) if n == 1 else None))
        expected = at + 1
    return found


def _add(found: list[Slice], fresh: Slice) -> None:
    last = found[-1] if found else None
    touches = last is not None and last.until == fresh.begin
    if last is not None and touches and not fresh.count:
        fresh.color = last.color
    if last is None or not touches or not _alike(last, fresh):
        found.append(fresh)
        return
    width, more = last.until - last.begin, fresh.until - fresh.begin
    last.fill = round((last.fill * width + fresh.fill * more) / (width + more))
    last.place = last.place if not fresh.count else fresh.place if not last.count else None
    last.until, last.count, last.failed = fresh.until, last.count + fresh.count, last.failed + fresh.failed


def _alike(one: Slice, other: Slice) -> bool:
    """Of one colour, both with failures or both without, and about as full: a step is a half of it."""
    return one.color == other.color and (one.failed > 0) == (other.failed > 0) and one.fill.bit_length() == other.fill.bit_length()
