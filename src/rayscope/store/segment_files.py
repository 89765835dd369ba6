"""Files that are only appended to, of which the database says what is in them: one writer each, and readers of any place."""

from __future__ import annotations

import os
from pathlib import Path

from rayscope.errors import DiskFull, NotFound, RayscopeError


class SegmentWriter:
    """Appends blocks to the last segment of a folder; a new one begins at ``size_bytes``. One user at a time."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._size_bytes = size_bytes
        self.segment_no = max((int(path.stem) for path in folder.glob("*.seg") if path.stem.isdigit()), default=0)
        self._descriptor = -1
        self._size = 0

    def append(self, block: bytes) -> tuple[int, int]:
        """Write one block: the segment's number, and the position. Durable after `sync`. Raises DiskFull."""
        if self._descriptor < 0 or self._size >= self._size_bytes:
            self._open_next()
        position = self._size
        try:
            rest = memoryview(block)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            os.ftruncate(self._descriptor, position)
            raise _disk_full(self._folder, error) from error
        self._size += len(block)
        return self.segment_no, position

    def sync(self) -> None:
        """Make what was appended durable. Raises DiskFull."""
        if self._descriptor >= 0:
            try:
                os.fdatasync(self._descriptor)
            except OSError as error:
                raise _disk_full(self._folder, error) from error

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open_next(self) -> None:
        """Never append to a file that a kill may have left with a torn end."""
        if self._descriptor >= 0:
            self.sync()
        self.close()
        try:
            path = segment_path(self._folder, self.segment_no + 1)
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            _sync_folder(self._folder)
        except OSError as error:
            raise _disk_full(self._folder, error) from error
        self.segment_no += 1
        self._size = 0


def segment_path(folder: Path, segment_no: int) -> Path:
    """Where a segment is."""
    return folder / f"{segment_no:06d}.seg"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _disk_full(folder: Path, error: OSError) -> DiskFull:
    return DiskFull(f"cannot write segments in {folder}: {error.strerror}", hint="make room there; agents send again what was refused")


class SegmentFile:
    """An open segment; closed when nobody reads it any more. ``what``: whose, for messages."""

    def __init__(self, path: Path, what: str) -> None:
        self.path, self._what = path, what
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise NotFound(f"the segment {path.name} of {path.parent.name} is gone", hint=f"retention deletes old {what}") from error

    def read(self, position: int, size: int) -> bytes:
        """Bytes at a position; all of them, unless the file is damaged."""
        data = os.pread(self._file.fileno(), size, position)
        if len(data) != size:
            raise self.damaged(position)
        return data

    def damaged(self, position: int) -> RayscopeError:
        """What to raise about a place."""
        return RayscopeError(
            f"{self.path.parent.name}/{self.path.name} is damaged at byte {position}", hint=f"the {self._what} in it are lost; all others can be read"
        )
