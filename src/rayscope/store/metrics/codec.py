"""Samples of some series at shared times, to bytes and back, bit for bit (docs/formats/metric-block.md).

Most of what Ray tells are whole numbers, or decimals of a few digits, that change little: those become differences in the smallest type that holds
them, so that a question can be answered from bytes without making floats of them. Everything else keeps the bits of its floats.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from rayscope.store.metrics.frames import ABSENT, STALE, Times, Values, is_absent, is_stale

_CODEC: Final = pa.Codec("zstd", compression_level=3)

SAME, INT8, INT16, INT32, INT64, FLOAT = range(6)
"""How a series is kept: one value; differences of whole numbers of a width; bits, each XORed with the one before."""

INTS: Final[dict[int, Any]] = {INT8: np.int8, INT16: np.int16, INT32: np.int32, INT64: np.int64}
_HAS_ABSENT: Final = 0x40
_HAS_STALE: Final = 0x80
_FALLS: Final = 0x20
_KIND: Final = 0x1F
_DIGITS: Final = (0, 1, 2, 3, 4, 6, 9)
_EXACT: Final = float(1 << 53)
_PEEK: Final = 4

Bits = NDArray[np.uint64]


class Chunk(Struct, frozen=True, eq=False):
    """Some series of a block, decompressed and not yet decoded. The arrays look into the decompressed bytes.

    ``firsts`` are bits: of a float, or of a whole number, which stands for itself divided by 10 ** ``digits``; ``totals`` is how much such a number
    changes in all, ``falls`` whether it is less than the one before somewhere. ``parts``: by kind the rows of that kind, with their differences from time
    to time, one time less than the block has.
    """

    kinds: NDArray[np.uint8]
    falls: NDArray[np.bool_]
    digits: NDArray[np.uint8]
    firsts: NDArray[np.int64]
    totals: NDArray[np.int64]
    absent: tuple[NDArray[np.intp], NDArray[np.bool_]]
    stale: tuple[NDArray[np.intp], NDArray[np.bool_]]
    parts: dict[int, tuple[NDArray[np.intp], NDArray[Any]]]
    times: int

    def values(self, rows: NDArray[np.intp] | None = None) -> Values:
        """The samples of these series (None: all), ABSENT where there is none."""
        found = np.empty((len(self.kinds), self.times), np.float64)
        found[:] = self.firsts.view(np.float64)[:, None]
        for kind, (where, changes) in self.parts.items():
            wanted = np.arange(len(where)) if rows is None else np.flatnonzero(np.isin(where, rows))
            if len(wanted):
                found[where[wanted]] = self._decoded(kind, where[wanted], changes[wanted])
        for (where, marks), mark in ((self.absent, ABSENT), (self.stale, STALE)):
            for row, places in zip(where.tolist(), marks, strict=True):
                found[row, places] = mark
        return found if rows is None else found[rows]

    def _decoded(self, kind: int, where: NDArray[np.intp], changes: NDArray[Any]) -> Values:
        if kind == FLOAT:
            bits = np.empty((len(where), self.times), np.uint64)
            bits[:, 0] = self.firsts.view(np.uint64)[where]
            bits[:, 1:] = changes
            return np.bitwise_xor.accumulate(bits, axis=1).view(np.float64)
        numbers = np.empty((len(where), self.times), np.int64)
        numbers[:, 0] = self.firsts[where]
        numbers[:, 1:] = changes
        np.cumsum(numbers, axis=1, out=numbers)
        found: Values = numbers.astype(np.float64)
        digits = self.digits[where]
        if digits.any():
            found /= np.power(10.0, digits)[:, None]
        return found


def encode_chunk(values: Values) -> tuple[bytes, int]:
    """The bytes of ``values[s, t]``, and how many there are decompressed."""
    kinds, absent, stale = np.zeros(len(values), np.uint8), is_absent(values), is_stale(values)
    filled = _filled(values, absent | stale)
    bits = filled.view(np.uint64)
    firsts, digits = bits[:, 0].astype(np.int64, copy=True), np.zeros(len(values), np.uint8)
    left = np.flatnonzero((bits != bits[:, :1]).any(axis=1))
    payloads: dict[int, list[bytes]] = {}
    numbers, exact = _whole(filled[left], digits, left)
    changes = np.diff(numbers[exact], axis=1)
    widths = _widths(changes)
    firsts[left[exact]] = numbers[exact, 0]
    totals = np.zeros(len(values), np.int64)
    totals[left[exact]] = numbers[exact, -1] - numbers[exact, 0]
    kinds[left[exact]], kinds[left[~exact]] = widths | np.where((changes < 0).any(axis=1), _FALLS, 0).astype(np.uint8), FLOAT
    for kind, type_ in INTS.items():
        payloads[kind] = [_shuffled(changes[widths == kind].astype(type_))]
    rough = bits[left[~exact]]
    payloads[FLOAT] = [_shuffled(rough[:, 1:] ^ rough[:, :-1])]
    marks = []
    for where, flag in ((absent, _HAS_ABSENT), (stale, _HAS_STALE)):
        has = where.any(axis=1)
        kinds[has] |= flag
        marks.append(np.packbits(where[has], axis=1).tobytes())
    raw = b"".join(
        [kinds.tobytes(), digits.tobytes(), firsts.tobytes(), totals.tobytes(), *marks, *(part for kind in sorted(payloads) for part in payloads[kind])]
    )
    return _CODEC.compress(raw, asbytes=True), len(raw)


def decode_chunk(data: Any, raw_size: int, series: int, times: int) -> Chunk:
    """What `encode_chunk` made of so many series and times."""
    raw = _CODEC.decompress(data, decompressed_size=raw_size)
    flags = np.frombuffer(raw, np.uint8, series)
    reader = _Reader(raw, 2 * series)
    firsts = reader.take(np.int64, series, 1).reshape(series)
    totals = reader.take(np.int64, series, 1).reshape(series)
    absent, stale = (reader.marks(np.flatnonzero(flags & flag), times) for flag in (_HAS_ABSENT, _HAS_STALE))
    kinds = (flags & _KIND).astype(np.uint8)
    parts: dict[int, tuple[NDArray[np.intp], NDArray[Any]]] = {}
    for kind in np.flatnonzero(np.bincount(kinds)).tolist():
        if kind != SAME:
            where = np.flatnonzero(kinds == kind)
            parts[kind] = (where, reader.unshuffled(INTS.get(kind, np.uint64), len(where), times - 1))
    digits = np.frombuffer(raw, np.uint8, series, series)
    return Chunk(kinds, (flags & _FALLS).astype(np.bool_), digits, firsts, totals, absent, stale, parts, times)


class _Reader:
    """Takes arrays from bytes, one behind the other."""

    def __init__(self, raw: Any, at: int) -> None:
        self._raw, self._at = raw, at

    def take(self, type_: Any, rows: int, columns: int) -> NDArray[Any]:
        count = rows * columns
        found = np.frombuffer(self._raw, type_, count, self._at) if count else np.empty(0, type_)
        self._at += count * np.dtype(type_).itemsize
        return found.reshape(rows, columns)

    def marks(self, where: NDArray[np.intp], times: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        packed = self.take(np.uint8, len(where), (times + 7) // 8)
        return where, np.unpackbits(packed, axis=1, count=times).astype(np.bool_) if len(where) else np.empty((0, times), np.bool_)

    def unshuffled(self, type_: Any, rows: int, columns: int) -> NDArray[Any]:
        width = np.dtype(type_).itemsize
        if width == 1:
            return self.take(type_, rows, columns)
        planes = self.take(np.uint8, width, rows * columns)
        found: NDArray[Any] = np.ascontiguousarray(planes.T).view(type_).reshape(rows, columns)
        return found


def _shuffled(changes: NDArray[Any]) -> bytes:
    """All lowest bytes first, then the next ones …: alike bytes stand beside each other."""
    width = changes.dtype.itemsize
    if width == 1 or not changes.size:
        return changes.tobytes()
    return np.ascontiguousarray(changes).view(np.uint8).reshape(-1, width).T.tobytes()


def _filled(values: Values, holes: NDArray[np.bool_]) -> Values:
    """The values with each hole as the sample before it, or, at the beginning, the first sample behind it: then nothing changes there."""
    holed = np.flatnonzero(holes.any(axis=1))
    found = np.ascontiguousarray(values)
    if not len(holed):
        return found
    found = found.copy()
    there = ~holes[holed]
    places = np.where(there, np.arange(values.shape[1]), -1)
    np.maximum.accumulate(places, axis=1, out=places)
    places = np.where(places < 0, there.argmax(axis=1)[:, None], places)
    found[holed] = np.take_along_axis(found[holed], places, axis=1)
    empty = ~there.any(axis=1)
    found[holed[empty]] = 0.0
    return found


def _whole(values: Values, digits: NDArray[np.uint8], where: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """As whole numbers by series, which are the values times 10 ** digits; and for which series that is exact. Sets their ``digits[where]``."""
    numbers, exact = np.zeros(values.shape, np.int64), np.zeros(len(values), np.bool_)
    left = np.flatnonzero(np.isfinite(values).all(axis=1))
    peek = np.unique(np.linspace(0, values.shape[1] - 1, _PEEK).astype(np.intp))
    for digit in _DIGITS:
        likely = left[_is_exact(values[np.ix_(left, peek)], digit)]
        sure = likely[_is_exact(values[likely], digit)]
        numbers[sure] = np.rint(values[sure] * 10.0**digit).astype(np.int64)
        digits[where[sure]], exact[sure] = digit, True
        left = left[~exact[left]]
    return numbers, exact


def _is_exact(values: Values, digits: int) -> NDArray[np.bool_]:
    """For which series rounding to so many digits gives all values back, bit for bit."""
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = np.rint(values * 10.0**digits)
        again = (numbers / 10.0**digits + 0.0).view(np.uint64) == values.view(np.uint64)  # + 0.0: an integer has no -0.0
        found: NDArray[np.bool_] = (again & (np.abs(numbers) < _EXACT)).all(axis=1)
    return found


def _widths(changes: NDArray[np.int64]) -> NDArray[np.uint8]:
    """By series: the kind of the smallest type that holds its changes."""
    kinds = np.full(len(changes), INT64, np.uint8)
    if not changes.size:
        return kinds
    low, high = changes.min(axis=1), changes.max(axis=1)
    for kind in (INT32, INT16, INT8):
        info = np.iinfo(INTS[kind])
        kinds[(low >= info.min) & (high <= info.max)] = kind
    return kinds


def encode_times(times: Times) -> bytes:
    """Ascending whole numbers as bytes that compress well."""
    return np.diff(times, prepend=0).astype("<i8").tobytes()


def decode_times(data: bytes) -> Times:
    """What `encode_times` was given."""
    return np.cumsum(np.frombuffer(data, "<i8"))
