"""Blocks: samples of one target over some time, in chunks of series that can be read alone (docs/formats/metric-block.md)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from rayscope.store.metrics.codec import Chunk, decode_chunk, decode_times, encode_chunk, encode_times
from rayscope.store.metrics.frames import ABSENT, Times, is_absent
from rayscope.store.metrics.head import Matrix
from rayscope.store.metrics.series import Numbers
from rayscope.store.metrics.sums import Piece, of_chunk
from rayscope.store.segment_files import SegmentFile

_HEAD: Final = struct.Struct("<4sIIII")
_MAGIC: Final = b"RSM1"
_CODEC: Final = pa.Codec("zstd", compression_level=3)

CHUNK_SERIES: Final = 256
"""Series in a chunk: to read one, that many are unpacked; fewer would compress worse."""


class BlockRow(Struct, frozen=True, array_like=True):
    """A row of metric_block."""

    session_no: int
    target_no: int
    level: int
    segment_no: int
    position: int
    head_bytes: int
    size_bytes: int
    resolution_ms: int
    start_ms: int
    end_ms: int
    times: int
    series: int
    samples: int
    first_seq: int
    last_seq: int

    def touches(self, start_ms: int, end_ms: int) -> bool:
        """Whether some of it may be in a span of time."""
        return self.end_ms >= start_ms and self.start_ms <= end_ms


class _Told(Struct, frozen=True, array_like=True):
    """The head of a block, as it is written. ``lasts``: by series, the place of the last time at which it has a sample."""

    target_no: int
    resolution_ms: int
    times: bytes
    seqs: bytes
    series: bytes
    lasts: bytes
    sizes: list[int]
    raw_sizes: list[int]
    checks: list[int]


class Head(Struct, frozen=True, eq=False):
    """What a block says of itself."""

    target_no: int
    resolution_ms: int
    times: Times
    seqs: NDArray[np.int64]
    series: Numbers
    lasts: NDArray[np.int32]
    sizes: list[int]
    raw_sizes: list[int]
    checks: list[int]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Told).decode


def encode_block(matrix: Matrix, target_no: int, resolution_ms: int) -> tuple[bytes, int]:
    """The bytes of a block, and how many of them are its head."""
    chunks = [encode_chunk(matrix.values[at : at + CHUNK_SERIES]) for at in range(0, len(matrix.series), CHUNK_SERIES)]
    told = _Told(
        target_no=target_no,
        resolution_ms=resolution_ms,
        times=encode_times(matrix.times),
        seqs=encode_times(matrix.seqs),
        series=np.diff(matrix.series, prepend=0).astype("<i4").tobytes(),
        lasts=_lasts(matrix).astype("<i4").tobytes(),
        sizes=[len(data) for data, _ in chunks],
        raw_sizes=[raw for _, raw in chunks],
        checks=[zlib.crc32(data) for data, _ in chunks],
    )
    raw = _encode(told)
    packed = _CODEC.compress(raw, asbytes=True)
    size = sum(told.sizes)
    head = _HEAD.pack(_MAGIC, len(packed), len(raw), size, zlib.crc32(packed)) + packed
    return b"".join([head, *(data for data, _ in chunks)]), len(head)


def _lasts(matrix: Matrix) -> NDArray[Any]:
    """By series: the place of the last time with a sample."""
    there = ~is_absent(matrix.values)
    found: NDArray[Any] = len(matrix.times) - 1 - there[:, ::-1].argmax(axis=1)
    return found


def read_head(file: SegmentFile, row: BlockRow) -> Head:
    """A block's head, checked. Raises RayscopeError where it is damaged."""
    data = file.read(row.position, row.head_bytes)
    magic, packed, raw, _, crc = _HEAD.unpack_from(data)
    if magic != _MAGIC or _HEAD.size + packed != len(data) or zlib.crc32(memoryview(data)[_HEAD.size :]) != crc:
        raise file.damaged(row.position)
    told = _decode(_CODEC.decompress(memoryview(data)[_HEAD.size :], decompressed_size=raw, asbytes=True))
    return Head(
        target_no=told.target_no,
        resolution_ms=told.resolution_ms,
        times=decode_times(told.times),
        seqs=decode_times(told.seqs),
        series=np.cumsum(np.frombuffer(told.series, "<i4"), dtype=np.int32),
        lasts=np.frombuffer(told.lasts, "<i4"),
        sizes=told.sizes,
        raw_sizes=told.raw_sizes,
        checks=told.checks,
    )


def read_chunks(file: SegmentFile, row: BlockRow, head: Head, numbers: Sequence[int]) -> list[Chunk]:
    """Some chunks of a block, ascending, checked. What lies side by side is read at once. Raises RayscopeError where one is damaged."""
    starts = np.cumsum([0, *head.sizes])
    begin, end = int(starts[numbers[0]]), int(starts[numbers[-1] + 1])
    together = memoryview(file.read(row.position + row.head_bytes + begin, end - begin))
    found = []
    for number in numbers:
        at = int(starts[number]) - begin
        data = together[at : at + head.sizes[number]]
        if zlib.crc32(data) != head.checks[number]:
            raise file.damaged(row.position)
        series = min(CHUNK_SERIES, len(head.series) - number * CHUNK_SERIES)
        found.append(decode_chunk(data, head.raw_sizes[number], series, len(head.times)))
    return found


def chosen_chunks(head: Head, wanted: Numbers | None) -> dict[int, NDArray[np.intp] | None]:
    """By the number of a chunk: the rows of it that are wanted, None for all."""
    count = len(head.sizes)
    if wanted is None:
        return dict.fromkeys(range(count))
    places = np.flatnonzero(np.isin(head.series, wanted, assume_unique=True))
    if len(places) == len(head.series):
        return dict.fromkeys(range(count))
    found: dict[int, NDArray[np.intp] | None] = {}
    for number in np.unique(places // CHUNK_SERIES).tolist():
        inside = places[places // CHUNK_SERIES == number] - number * CHUNK_SERIES
        found[number] = inside
    return found


def read_matrix(file: SegmentFile, row: BlockRow, head: Head, wanted: Numbers | None, span: tuple[int, int] | None = None) -> Matrix | None:
    """The samples of a block of the wanted series (None: all) in a span of time; None where there are none."""
    chosen = chosen_chunks(head, wanted)
    if not chosen:
        return None
    first, last = (0, len(head.times)) if span is None else np.searchsorted(head.times, [span[0], span[1] + 1]).tolist()
    if first >= last:
        return None
    chunks = read_chunks(file, row, head, list(chosen))
    series = [_series_of(head, number, rows) for number, rows in chosen.items()]
    values = np.empty((sum(map(len, series)), last - first))
    at = 0
    for chunk, rows in zip(chunks, chosen.values(), strict=True):
        part = chunk.values(rows)
        values[at : at + len(part)] = part[:, first:last]
        at += len(part)
    return Matrix(np.concatenate(series), head.times[first:last], values, head.seqs[first:last])


def _series_of(head: Head, number: int, rows: NDArray[np.intp] | None) -> Numbers:
    part = head.series[number * CHUNK_SERIES : (number + 1) * CHUNK_SERIES]
    return part if rows is None else part[rows]


def read_piece(file: SegmentFile, row: BlockRow, head: Head, wanted: Numbers) -> Piece | None:
    """The wanted series of a block, to be summed; None where it has none of them."""
    where = np.searchsorted(wanted, head.series)
    where[where == len(wanted)] = 0
    where[wanted[where] != head.series] = -1
    numbers = np.unique(np.flatnonzero(where >= 0) // CHUNK_SERIES).tolist()
    if not numbers:
        return None
    chunks = read_chunks(file, row, head, numbers)
    parts = [of_chunk(chunk, where[number * CHUNK_SERIES : (number + 1) * CHUNK_SERIES]) for number, chunk in zip(numbers, chunks, strict=True)]
    return Piece(head.times, parts)


def joined(matrices: Sequence[Matrix]) -> Matrix:
    """Matrices of one target put together, each later one over the earlier ones where they tell of the same."""
    if len(matrices) == 1:
        return matrices[0]
    series = np.unique(np.concatenate([matrix.series for matrix in matrices]))
    times = np.unique(np.concatenate([matrix.times for matrix in matrices]))
    values, seqs = np.full((len(series), len(times)), ABSENT), np.zeros(len(times), np.int64)
    for matrix in matrices:
        rows, columns = np.searchsorted(series, matrix.series), np.searchsorted(times, matrix.times)
        _put(values, rows, columns, matrix)
        seqs[columns] = np.maximum(seqs[columns], matrix.seqs)
    return Matrix(series, times, values, seqs)


def _put(values: NDArray[np.float64], rows: NDArray[np.intp], columns: NDArray[np.intp], matrix: Matrix) -> None:
    first, last = int(columns[0]), int(columns[-1]) + 1
    if last - first != len(columns):  # other matrices have times in between
        there = ~is_absent(matrix.values)
        at_row, at_column = np.nonzero(there)
        values[rows[at_row], columns[at_column]] = matrix.values[there]
        return
    region = values[:, first:last]
    if len(rows) == len(values):
        np.copyto(region, matrix.values, where=~is_absent(matrix.values))
    else:
        region[rows] = np.where(is_absent(matrix.values), region[rows], matrix.values)
