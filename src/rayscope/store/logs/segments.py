"""Segment files: blocks of compressed log bytes, each with its own description, one behind the other (docs/formats/log-segment.md).

A block holds pieces of one or several files of one session. It is appended, then named in the database; bytes that a kill
left behind the last named block are never read.
"""

from __future__ import annotations

import logging
import shutil
import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
from msgspec import Struct

from rayscope.ray.log_lines import Mark
from rayscope.store.logs.tokens import Hashes, make_filter
from rayscope.store.segment_files import SegmentFile, segment_path

log = logging.getLogger("rayscope.logs")

_HEAD: Final = struct.Struct("<4sIIIII")
_MAGIC: Final = b"RSB1"
_LEVEL: Final = 1
_OPEN_SEGMENTS: Final = 64
_KEPT_BLOCKS: Final = 16


class PieceHead(Struct, frozen=True, array_like=True):
    """What a block says of one of its pieces. ``begins_inside``: its first bytes belong to a line of the piece before, whose own time is ``open_own_ns``."""

    file_no: int
    start: int
    size: int
    floor_ns: int
    begins_inside: bool
    open_own_ns: int | None
    utc_offset_s: int
    marks: tuple[Mark, ...]


class Block(Struct, frozen=True):
    """A block, read."""

    pieces: tuple[PieceHead, ...]
    data: bytes

    def piece(self, number: int) -> tuple[PieceHead, bytes]:
        """One piece's description and bytes."""
        before = sum(piece.size for piece in self.pieces[:number])
        head = self.pieces[number]
        return head, self.data[before : before + head.size]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[PieceHead, ...]).decode


def encode_block(pieces: Sequence[tuple[PieceHead, bytes]], words: list[Hashes]) -> bytes:
    """The bytes of a block."""
    raw = b"".join(data for _, data in pieces)
    head = _encode([piece for piece, _ in pieces])
    filter_ = make_filter(words)
    data = _CODEC.compress(raw, asbytes=True)
    crc = zlib.crc32(data, zlib.crc32(filter_, zlib.crc32(head)))
    return b"".join((_HEAD.pack(_MAGIC, len(head), len(filter_), len(data), len(raw), crc), head, filter_, data))


_CODEC: Final = pa.Codec("zstd", compression_level=_LEVEL)


class Segments:
    """Reads blocks of any session. Any number of threads. Read, not mapped: a search would make gigabytes of mapped files resident."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: OrderedDict[tuple[str, int], SegmentFile] = OrderedDict()
        self._blocks: OrderedDict[tuple[str, int, int], Block] = OrderedDict()
        self._lock = threading.Lock()

    def filter_of(self, session: str, segment_no: int, position: int) -> bytes:
        """The word filter of a block, without reading the block."""
        file = self._file(session, segment_no)
        _, head, filter_, _, _, _ = _head_of(file, position)
        return file.read(position + _HEAD.size + head, filter_)

    def block(self, session: str, segment_no: int, position: int) -> Block:
        """A block, checked; the last few are kept. Raises RayscopeError where it is damaged."""
        key = (session, segment_no, position)
        with self._lock:
            if (known := self._blocks.get(key)) is not None:
                self._blocks.move_to_end(key)
                return known
        found = _read_block(self._file(session, segment_no), position)
        with self._lock:
            self._blocks[key] = found
            while len(self._blocks) > _KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        return found

    def sizes(self) -> dict[str, int]:
        """Bytes on disk by session."""
        found: dict[str, int] = {}
        for path in self.folder.glob("*/*.seg"):
            found[path.parent.name] = found.get(path.parent.name, 0) + path.stat().st_size
        return found

    def size_of(self, session: str, segment_no: int) -> int:
        """Bytes on disk of one segment; none of one that is gone."""
        path = segment_path(self.folder / session, segment_no)
        return path.stat().st_size if path.exists() else 0

    def drop_segment(self, session: str, segment_no: int) -> int:
        """Delete a segment; the bytes that this frees. What reads it meanwhile reads on."""
        size = self.size_of(session, segment_no)
        segment_path(self.folder / session, segment_no).unlink(missing_ok=True)
        with self._lock:
            self._files.pop((session, segment_no), None)
            self._forget_blocks(lambda key: key[:2] == (session, segment_no))
        return size

    def drop_session(self, session: str) -> int:
        """Delete all segments of a session; the bytes that this frees."""
        size = self.sizes().get(session, 0)
        shutil.rmtree(self.folder / session, ignore_errors=True)
        with self._lock:
            for key in [key for key in self._files if key[0] == session]:
                del self._files[key]
            self._forget_blocks(lambda key: key[0] == session)
        return size

    def _forget_blocks(self, is_gone: Callable[[tuple[str, int, int]], bool]) -> None:
        for key in [key for key in self._blocks if is_gone(key)]:
            del self._blocks[key]

    def _file(self, session: str, segment_no: int) -> SegmentFile:
        """The segment, open. Raises NotFound for one that is gone."""
        key = (session, segment_no)
        with self._lock:
            known = self._files.get(key)
            if known is None:
                known = self._files[key] = SegmentFile(segment_path(self.folder / session, segment_no), "log lines")
                while len(self._files) > _OPEN_SEGMENTS:
                    self._files.popitem(last=False)
            return known


def _read_block(file: SegmentFile, position: int) -> Block:
    _, head, filter_, data, raw, crc = _head_of(file, position)
    content = memoryview(file.read(position + _HEAD.size, head + filter_ + data))
    if zlib.crc32(content) != crc:
        raise file.damaged(position)
    return Block(_decode(content[:head]), _CODEC.decompress(content[head + filter_ :], decompressed_size=raw, asbytes=True))


def _head_of(file: SegmentFile, position: int) -> tuple[bytes, int, int, int, int, int]:
    head: tuple[bytes, int, int, int, int, int] = _HEAD.unpack(file.read(position, _HEAD.size))
    if head[0] != _MAGIC:
        raise file.damaged(position)
    return head
