"""Attempts binned to pixels: counts, failures and time by bin, and the longest attempts as they are. Pure; reads its rows a chunk at a time, so that a
picture of ten million attempts takes no more memory than one of ten.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from msgspec import Struct
from msgspec.structs import astuple, replace
from numpy.typing import NDArray

from rayscope.query.shares import Shares

Ints = NDArray[np.int64]
_KEPT: Final = 4
"""Wide attempts are kept until there are that many times as many as may have a slice of their own."""


class Rows(Struct, frozen=True):
    """Attempts as columns. ``track`` counts from 0, -1 is none of the page's; times are UTC ns; ``bad``: 1 failed or lost, 2 and ended so.

    ``place`` names the row in the store; ``worker`` and ``color`` tell them apart.
    """

    track: NDArray[np.int32]
    color: NDArray[np.uint64]
    begin: Ints
    until: Ints
    bad: NDArray[np.int8]
    place: Ints
    worker: NDArray[np.uint64]

    def at(self, places: Any) -> Rows:
        """Those at some places, in that order."""
        return Rows(*(column[places] for column in astuple(self)))

    def only(self, chosen: NDArray[np.bool_]) -> Rows:
        """Those that are chosen."""
        return self if bool(chosen.all()) else self.at(chosen)


class Runs(Struct, frozen=True):
    """Slices as columns, by track, lane and time: times are ns from the range's start; ``place`` is -1 where a slice is not one attempt."""

    track: Ints
    begin: Ints
    until: Ints
    color: NDArray[np.uint64]
    count: Ints
    failed: Ints
    fill: Ints
    place: Ints
    lane: Ints


class Bins:
    """The picture of a range, while it is made.

    Attempts longer than ``width_ns`` have a slice of their own, the longest ``most`` of them; ``width_ns`` grows where there are more.
    """

    def __init__(self, *, tracks: int, from_ns: int, to_ns: int, bin_ns: int, width_ns: int, most: int) -> None:
        self.width_ns = width_ns
        self.attempts = self.failed = 0
        self._from_ns, self._to_ns, self._bin_ns, self._most = from_ns, to_ns, bin_ns, most
        self._bins = -(-(to_ns - from_ns) // bin_ns)
        self._tracks = tracks
        self.by_track = np.zeros((3, tracks), np.int64)
        """Of each track: attempts, failed, time in the range."""
        cells = tracks * self._bins
        self._count, self._failed, self._busy, self._delta, self._marks = np.zeros((5, cells), np.int64)
        self._place = np.zeros(cells, np.int64)
        self._shares = Shares(cells)
        self._wide = [_NONE]

    def add(self, rows: Rows) -> None:
        """Take in attempts that overlap the range."""
        self.attempts += len(rows.bad)
        self.failed += int(np.count_nonzero(rows.bad))
        rows = rows.only(rows.track >= 0)
        np.add.at(self.by_track[0], rows.track, 1)
        np.add.at(self.by_track[1], rows.track, (rows.bad > 0).astype(np.int64))
        begin, until = self._clipped(rows)
        np.add.at(self.by_track[2], rows.track, until - begin)
        ended = rows.only((rows.bad > 1) & (rows.until >= self._from_ns) & (rows.until < self._to_ns))
        np.add.at(self._marks, self._cell(ended, ended.until - self._from_ns), 1)
        is_wide = rows.until - rows.begin > self.width_ns
        self._bin(rows.only(~is_wide))
        self._wide.append(rows.only(is_wide))
        if sum(len(part.bad) for part in self._wide) > self._most * _KEPT:
            self._narrow()

    def _clipped(self, rows: Rows) -> tuple[Ints, Ints]:
        """From when to when in the range, in ns from its start."""
        return np.maximum(rows.begin, self._from_ns) - self._from_ns, np.minimum(rows.until, self._to_ns) - self._from_ns

    def _cell(self, rows: Rows, at: Ints) -> Ints:
        return rows.track.astype(np.int64) * self._bins + at // self._bin_ns

    def _bin(self, rows: Rows) -> None:
        """An attempt counts in the bin in which it begins, or in the first one.

        It takes the time until the bin's end there, all of each bin between, and the rest in the last one.
        """
        begin, until = self._clipped(rows)
        base = rows.track.astype(np.int64) * self._bins
        first = begin // self._bin_ns
        last = np.maximum(first, (until - 1) // self._bin_ns)  # an end on the border of two bins takes nothing of the second
        cell = base + first
        np.add.at(self._count, cell, 1)
        np.add.at(self._failed, cell, (rows.bad > 0).astype(np.int64))
        self._place[cell] = rows.place
        np.add.at(self._busy, cell, np.minimum(until, (first + 1) * self._bin_ns) - begin)
        over, through = last > first, last > first + 1
        np.add.at(self._busy, (base + last)[over], (until - last * self._bin_ns)[over])
        np.add.at(self._delta, (cell + 1)[through], 1)
        np.add.at(self._delta, (base + last)[through], -1)
        self._shares.add(cell, rows.color, until - begin)

    def _narrow(self) -> None:
        """Let the longest alone keep slices of their own."""
        wide = _joined(self._wide)
        if len(wide.bad) > self._most:
            length = wide.until - wide.begin
            self.width_ns = int(np.partition(length, -self._most - 1)[-self._most - 1])
            is_wide = length > self.width_ns
            self._bin(wide.only(~is_wide))
            wide = wide.only(is_wide)
        self._wide = [wide]

    def long(self) -> Rows:
        """Those with a slice of their own, by track and time, clipped to the range: times are ns from its start."""
        self._narrow()
        wide = self._wide[0]
        begin, until = self._clipped(wide)
        return replace(wide, begin=begin, until=until).at(np.lexsort((wide.place, until, begin, wide.track)))

    def marks(self) -> list[tuple[list[int], list[int]]]:
        """Of each track the bins in which attempts ended badly, and how many."""
        found = []
        for row in self._marks.reshape(self._tracks, self._bins):
            at = np.flatnonzero(row)
            found.append((at.tolist(), row[at].tolist()))
        return found

    def density(self) -> Runs:
        """All that has no slice of its own, after `long`. Neighbours that look alike are one.

        That is: of one colour, both with failures or both without, and about as full: a step is a half of it. A bin has the colour with the
        most time of what begins in it, or else that of the bin before it.
        """
        level = np.cumsum(self._delta.reshape(self._tracks, self._bins), axis=1).ravel()
        fill = np.rint(100 * (self._busy / self._bin_ns + level)).astype(np.int64)
        at = np.flatnonzero((self._count > 0) | (fill > 0))
        track, place = at // self._bins, at % self._bins
        count, failed, fill = self._count[at], self._failed[at], fill[at]
        touches = np.zeros(len(at), bool)
        touches[1:] = (np.diff(at) == 1) & (np.diff(track) == 0)
        speaks = np.maximum.accumulate(np.where((count > 0) | ~touches, np.arange(len(at)), 0))
        color = self._shares.leading()[at][speaks]
        is_first = ~touches
        for looks in (color, failed > 0, np.frexp(fill.astype(np.float64))[1]):
            is_first[1:] |= looks[1:] != looks[:-1]
        first = np.flatnonzero(is_first)
        last = np.append(first[1:], len(at))[: len(first)] - 1
        begin, until = place * self._bin_ns, np.minimum((place + 1) * self._bin_ns, self._to_ns - self._from_ns)
        total = _sums(count, first)
        return Runs(
            track=track[first],
            begin=begin[first],
            until=until[last],
            color=color[first],
            count=total,
            failed=_sums(failed, first),
            fill=np.rint(_sums(fill * (until - begin).astype(np.float64), first) / (until[last] - begin[first])).astype(np.int64),
            place=np.where(total == 1, _sums(np.where(count == 1, self._place[at], 0), first), -1),
            lane=np.zeros(len(first), np.int64),
        )


def _sums(values: Any, first: Ints) -> Any:
    """The sum of each run of neighbours, given by where they begin."""
    return np.add.reduceat(values, first) if len(first) else values[:0]


def _joined(parts: list[Rows]) -> Rows:
    columns: Any = map(np.concatenate, zip(*map(astuple, parts), strict=True))
    return Rows(*columns)


_EMPTY: Final[Any] = np.zeros(0, np.int64)
_NONE: Final = Rows(_EMPTY.astype(np.int32), _EMPTY.astype(np.uint64), _EMPTY, _EMPTY, _EMPTY.astype(np.int8), _EMPTY, _EMPTY.astype(np.uint64))
