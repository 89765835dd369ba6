"""Sums of series that share their times, made of the differences in blocks: no float a sample, and no row a series.

Of 86 million samples of counters, as `sum by (node) (rate(x[1m]))` asks for, this adds 86 MB of small integers; as floats they would be 690 MB.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayscope.store.metrics.codec import FLOAT, INT8, INT16, SAME, Chunk
from rayscope.store.metrics.frames import STALE, Times, Values, is_absent, is_stale
from rayscope.store.metrics.head import Matrix
from rayscope.store.metrics.series import Numbers

_MARGIN: Final = 1.1
"""A counter that is at least that many times its largest change is never, by the rule of `rate`, thought to have begun within a window."""

Places = NDArray[np.intp]
Marks = NDArray[np.bool_]


class Summed(Struct, frozen=True, eq=False):
    """Sums: ``values[g, t]`` of group g at ``times[t]``, STALE where the target vanished. ``odd``: the series that are in none of them."""

    times: Times
    values: Values
    odd: Numbers


class _Part(Struct, frozen=True, eq=False):
    """Some series at the times of a piece, by row: which of the wanted series it is (-1: none), its first and last value, and its largest change.

    ``odd``: it has holes. ``falls``: it is less than before somewhere. ``stale``: when all of them ended. ``changes``: by kind of the codec, rows and their
    differences; ``floats``: rows and values.
    """

    where: Places
    first: Values
    last: Values
    step: Values
    odd: Marks
    falls: Marks
    stale: Marks
    digits: NDArray[np.uint8]
    changes: dict[int, tuple[Places, NDArray[Any]]]
    floats: tuple[Places, Values] | None


class Piece(Struct, frozen=True, eq=False):
    """The wanted series in one block, or in memory."""

    times: Times
    parts: list[_Part]


def of_chunk(chunk: Chunk, where: Places) -> _Part:
    """A chunk, of whose rows these are wanted."""
    scale = np.power(10.0, chunk.digits)
    bits = (chunk.kinds == FLOAT) | (chunk.kinds == SAME)
    first = np.where(bits, chunk.firsts.view(np.float64), chunk.firsts / scale)
    last, step, falls = first + chunk.totals / scale, np.zeros(len(first)), chunk.falls.copy()
    odd: Marks = np.zeros(len(first), np.bool_)
    np.logical_not(np.isfinite(first), out=odd)
    odd[chunk.absent[0]] = True
    stale = _common(chunk.stale, len(first), chunk.times, odd)
    changes = {kind: part for kind, part in chunk.parts.items() if kind != FLOAT}
    for own, differences in changes.values():
        step[own] = _largest(differences) / scale[own]
    floats = None
    if FLOAT in chunk.parts and len(own := _wanted(chunk.parts[FLOAT][0], where)):
        floats = (own, chunk.values(own))
        _note_floats(own, floats[1], (last, step), (odd, falls))
    return _Part(where, first, last, step, odd, falls, stale, chunk.digits, changes, floats)


def of_matrix(matrix: Matrix, where: Places) -> _Part:
    """What is in memory."""
    rows, absent = np.arange(len(where)), is_absent(matrix.values)
    odd: Marks = np.asarray(absent.any(axis=1))
    gone = is_stale(matrix.values)
    ended = np.flatnonzero(gone.any(axis=1))
    stale = _common((ended, gone[ended]), len(where), len(matrix.times), odd)
    values = matrix.values[:, np.maximum.accumulate(np.where(stale, 0, np.arange(len(stale))))]
    last, step, falls = values[:, -1].copy(), np.zeros(len(where)), np.zeros(len(where), np.bool_)
    _note_floats(rows, values, (last, step), (odd, falls))
    return _Part(where, values[:, 0], last, step, odd, falls, stale, np.zeros(len(where), np.uint8), {}, (rows, values))


def _note_floats(rows: Places, values: Values, ends: tuple[Values, Values], marks: tuple[Marks, Marks]) -> None:
    """Set last value and step, and whether it is odd and falls, of rows that are floats."""
    with np.errstate(invalid="ignore"):
        differences = np.diff(values, axis=1)
        ends[0][rows], ends[1][rows] = values[:, -1], _largest(differences)
        marks[0][rows] |= ~np.isfinite(values).all(axis=1)
        marks[1][rows] |= (differences < 0).any(axis=1)


def _common(ended: tuple[Places, Marks], rows: int, times: int, odd: Marks) -> Marks:
    """When all rows end together; where only some do, or all do at the first time, those that end are odd."""
    where, marks = ended
    if len(where) == rows and rows and (marks == marks[0]).all() and not marks[0, 0]:
        together: Marks = marks[0]
        return together
    odd[where] = True
    return np.zeros(times, np.bool_)


def _wanted(rows: Places, where: Places) -> Places:
    return rows[where[rows] >= 0]


def _largest(differences: NDArray[Any]) -> Values:
    found: Values = differences.max(axis=1, initial=0).astype(np.float64)
    return found


def summed(wanted: Numbers, groups: Places, count: int, pieces: Sequence[Piece], *, counters: bool) -> Summed | None:
    """The wanted series of a target, each in one of ``count`` groups, summed where that is the same as to sum what is made of each.

    It is where a series is there at all times and, of counters, never falls and is never near zero. None where nothing can be summed.
    """
    if not pieces or any(before.times[-1] >= after.times[0] for before, after in pairwise(pieces)):
        return None
    good = _good(len(wanted), pieces, counters=counters)
    if not good.any():
        return None
    values = np.concatenate([_sums(piece, good, groups, count) for piece in pieces], axis=1)
    return Summed(np.concatenate([piece.times for piece in pieces]), values, wanted[~good])


def _good(size: int, pieces: Sequence[Piece], *, counters: bool) -> Marks:
    """Which of the wanted series can be summed."""
    seen, odd = np.zeros(size, np.int64), np.zeros(size, np.bool_)
    first, last, step = np.zeros(size), np.full(size, -np.inf), np.zeros(size)
    for number, piece in enumerate(pieces):
        for part in piece.parts:
            rows = np.flatnonzero(part.where >= 0)
            where = part.where[rows]
            seen[where] += 1
            odd[where] |= part.odd[rows] | (part.stale != piece.parts[0].stale).any()
            if not number:
                first[where] = part.first[rows]
            else:
                step[where] = np.maximum(step[where], part.first[rows] - last[where])
                odd[where] |= counters & (part.first[rows] < last[where])
            odd[where] |= counters & part.falls[rows]
            step[where] = np.maximum(step[where], part.step[rows])
            last[where] = part.last[rows]
    good: Marks = (seen == len(pieces)) & ~odd
    return good & (first >= _MARGIN * step) if counters else good


def _sums(piece: Piece, good: Marks, groups: Places, count: int) -> Values:
    """By group and time."""
    found = np.zeros((count, len(piece.times)))
    for part in piece.parts:
        kept = part.where >= 0
        kept[kept] = good[part.where[kept]]
        own = np.where(kept, groups[part.where], 0)
        from_first = kept.copy()
        if part.floats is not None:
            rows = part.floats[0]
            from_first[rows] = False
            found += _grouped(part.floats[1][kept[rows]], own[rows[kept[rows]]], count, np.float64)
        found += np.bincount(own[from_first], weights=part.first[from_first], minlength=count)[:, None]
        for kind, (rows, differences) in part.changes.items():
            _add_changes(found, part, kind, rows, differences, kept, own)
    found[:, piece.parts[0].stale] = STALE
    return found


def _add_changes(found: Values, part: _Part, kind: int, rows: Places, differences: NDArray[Any], kept: Marks, own: Places) -> None:
    """Add what a kind of rows changes. In 32 bits there is room for the sums of more rows of 16 than a chunk has."""
    type_ = np.int32 if kind in {INT8, INT16} else np.int64
    for digits in np.unique(part.digits[rows]).tolist():
        same = kept[rows] & (part.digits[rows] == digits)
        chosen = differences if same.all() else differences[same]
        sums = _grouped(chosen, own[rows[same]], len(found), type_)
        found[:, 1:] += np.cumsum(sums, axis=1, dtype=np.int64) / 10.0**digits


def _grouped(rows: NDArray[Any], groups: Places, count: int, type_: Any) -> NDArray[Any]:
    """The sum of rows by their group."""
    if count == 1:
        total: NDArray[Any] = rows.sum(axis=0, dtype=type_)[None, :]
        return total
    found = np.zeros((count, rows.shape[1]), type_)
    if len(rows):
        order = np.argsort(groups, kind="stable")
        there, starts = np.unique(groups[order], return_index=True)
        found[there] = np.add.reduceat(rows[order], starts, axis=0, dtype=type_)
    return found
