"""The journal: accepted bodies on disk, in order, until their content is in the database.

Appending here and one fsync is what makes a batch durable; folding it into tables costs fifty times that, and is done for many batches at
once, a moment later. After a kill the journal is read again from the position that the database says it has applied.

Format (docs/formats/journal.md): files `<number>.log`; each record is a header of three little-endian unsigned 32-bit numbers, the
length of the label, the length of the body and the CRC-32 of both, then the label (UTF-8) and the body.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from rayscope.errors import DiskFull
from rayscope.store.limits import JOURNAL_FILE_BYTES

log = logging.getLogger("rayscope.journal")

_HEADER: Final = struct.Struct("<III")


class Position(Struct, frozen=True, order=True):
    """A place in the journal: the file's number, and the offset in it, in bytes."""

    file: int = 0
    offset: int = 0


class Record(Struct, frozen=True):
    """One body with its label, and the position behind it."""

    label: str
    body: bytes
    end: Position


class Journal:
    """One folder of journal files. One appender; `replay` before the first `append`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._number = max(self._numbers(), default=0) + 1  # never appended to a file that a kill may have torn
        self._descriptor = -1
        self._size = 0

    def replay(self, applied: Position) -> Iterator[Record]:
        """The whole records behind ``applied``, in order. A record that a kill has torn was never acknowledged; reading its file ends there."""
        for number in sorted(self._numbers()):
            if number >= applied.file:
                yield from _records(self._path(number), number, applied.offset if number == applied.file else 0)

    def append(self, entries: Sequence[tuple[str, bytes]]) -> list[Position]:
        """Write and fsync; the positions behind each entry. Raises DiskFull, and leaves the journal as it was."""
        if self._descriptor < 0 or self._size >= JOURNAL_FILE_BYTES:
            self._next_file()
        try:
            return self._append(entries)
        except OSError as error:
            os.ftruncate(self._descriptor, self._size)
            raise DiskFull(f"cannot write the journal in {self._folder}: {error.strerror}", hint="make room there; recording goes on by itself") from error

    def record_ending(self, end: Position, size_bytes: int) -> Record:
        """The record of that size that ends there. Raises ValueError where there is none."""
        records = _records(self._path(end.file), end.file, end.offset - size_bytes)
        if (record := next(records, None)) is None or record.end != end:
            raise ValueError(f"no record of {size_bytes} bytes ends at byte {end.offset} of {self._path(end.file)}")
        return record

    def forget(self, applied: Position) -> None:
        """Delete the files that lie wholly before ``applied``."""
        for number in self._numbers():
            if number < applied.file:
                self._path(number).unlink(missing_ok=True)

    def empty(self) -> None:
        """Free what the files hold: all of it was applied, and nothing is appended any more. The last one stays, for its number: numbers never fall."""
        self.close()
        *before, last = sorted(self._numbers()) or [0]
        for number in before:
            self._path(number).unlink(missing_ok=True)
        if last:
            os.truncate(self._path(last), 0)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _append(self, entries: Iterable[tuple[str, bytes]]) -> list[Position]:
        ends: list[Position] = []
        size = self._size
        for label, body in entries:
            size += _write_all(self._descriptor, _encode(label, body))
            ends.append(Position(self._number, size))
        os.fdatasync(self._descriptor)
        self._size = size
        return ends

    def _next_file(self) -> None:
        if self._descriptor >= 0:
            self.close()
            self._number += 1
        try:
            self._descriptor = os.open(self._path(self._number), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise DiskFull(f"cannot write the journal in {self._folder}: {error.strerror}", hint="make room there; recording goes on by itself") from error
        self._size = os.fstat(self._descriptor).st_size

    def _numbers(self) -> list[int]:
        return [int(path.stem) for path in self._folder.glob("*.log") if path.stem.isdigit()]

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:08d}.log"


def record_size(label: str, body: bytes) -> int:
    """How many bytes the record of a body takes."""
    return _HEADER.size + len(label.encode()) + len(body)


def _encode(label: str, body: bytes) -> list[bytes]:
    text = label.encode()
    return [_HEADER.pack(len(text), len(body), zlib.crc32(body, zlib.crc32(text))), text, body]


def _write_all(descriptor: int, parts: Sequence[bytes]) -> int:
    """Write all bytes; how many. The system may take fewer than it is given."""
    size = sum(len(part) for part in parts)
    written = os.writev(descriptor, parts)
    rest = memoryview(b"".join(parts))[written:] if written < size else memoryview(b"")
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    return size


def _records(path: Path, number: int, offset: int) -> Iterator[Record]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(offset)
        while header := file.read(_HEADER.size):
            if _is_torn(header, size - file.tell()):
                log.warning("%s ends in the middle of a record at byte %d, as after a kill; what follows was never acknowledged", path, file.tell())
                return
            label_size, body_size, crc = _HEADER.unpack(header)
            label, body = file.read(label_size), file.read(body_size)
            if zlib.crc32(body, zlib.crc32(label)) != crc:
                log.error("%s is damaged before byte %d: a batch of %d bytes is lost", path, file.tell(), body_size)
                continue
            yield Record(label.decode(), body, Position(number, file.tell()))


def _is_torn(header: bytes, left: int) -> bool:
    """Whether the file, with ``left`` bytes behind the header, ends before the record does.

    No record has an empty body: a header of zeros is what a power cut leaves where a file was made longer but not written.
    """
    if len(header) < _HEADER.size:
        return True
    label_size, body_size, _ = _HEADER.unpack(header)
    return bool(body_size == 0 or label_size + body_size > left)
