"""Where the blocks of each session are: what the database says of them in memory, and the segment files, open."""

from __future__ import annotations

import shutil
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from rayscope.store.limits import METRIC_SEGMENT_BYTES
from rayscope.store.metrics.blocks import BlockRow, Head, read_head
from rayscope.store.segment_files import SegmentFile, SegmentWriter, segment_path

_OPEN: Final = 64
_SPARE_S: Final = 60.0
_HEAD_NUMBERS: Final = 4_000_000


class Directory:
    """Segments lie in `<session>/<level>/`. Rows of blocks are changed by the store, under its lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[int, dict[int, list[BlockRow]]] = {}
        self._files: OrderedDict[tuple[str, int, int], SegmentFile] = OrderedDict()
        self._heads: OrderedDict[tuple[str, int, int, int], Head] = OrderedDict()
        self._kept = 0
        self._empty: dict[Path, float] = {}
        self._writers: dict[tuple[str, int], SegmentWriter] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close what is written to."""
        for writer in self._writers.values():
            writer.close()

    # rows

    def add(self, rows: Sequence[BlockRow]) -> None:
        """New blocks; of each target they stay in the order of their times."""
        for row in rows:
            held = self.rows.setdefault(row.session_no, {}).setdefault(row.target_no, [])
            held.append(row)
            if len(held) > 1 and held[-2].start_ms > row.start_ms:
                held.sort(key=lambda one: (one.start_ms, one.first_seq))

    def remove(self, rows: Sequence[BlockRow]) -> None:
        """Blocks that are gone."""
        gone = {(row.session_no, row.level, row.segment_no, row.position) for row in rows}
        for session_no, target_no in {(row.session_no, row.target_no) for row in rows}:
            held = self.rows.get(session_no, {})
            held[target_no] = [row for row in held.get(target_no, ()) if (row.session_no, row.level, row.segment_no, row.position) not in gone]

    def of(self, session_no: int) -> list[BlockRow]:
        """All blocks of a session."""
        return [row for rows in self.rows.get(session_no, {}).values() for row in rows]

    # files

    def writer(self, session: str, level: int) -> SegmentWriter:
        """Who appends to a session's segments of a level."""
        if (found := self._writers.get((session, level))) is None:
            found = self._writers[session, level] = SegmentWriter(self.folder / session / str(level), METRIC_SEGMENT_BYTES)
        return found

    def file(self, session: str, row: BlockRow) -> SegmentFile:
        """The segment of a block, open. Raises NotFound for one that is gone."""
        key = (session, row.level, row.segment_no)
        with self._lock:
            if (known := self._files.get(key)) is None:
                path = segment_path(self.folder / session / str(row.level), row.segment_no)
                known = self._files[key] = SegmentFile(path, "samples")
                while len(self._files) > _OPEN:
                    self._files.popitem(last=False)
            self._files.move_to_end(key)
            return known

    def head(self, session: str, row: BlockRow) -> Head:
        """A block's head; those last used are kept."""
        key = (session, row.level, row.segment_no, row.position)
        with self._lock:
            if (known := self._heads.get(key)) is not None:
                self._heads.move_to_end(key)
                return known
        found = read_head(self.file(session, row), row)
        with self._lock:
            self._heads[key] = found
            self._kept += _size(found)
            while self._kept > _HEAD_NUMBERS:
                self._kept -= _size(self._heads.popitem(last=False)[1])
        return found

    def sizes(self) -> dict[str, int]:
        """Bytes of segments by session."""
        found: dict[str, int] = {}
        for path in self.folder.glob("*/*/*.seg"):
            session = path.parent.parent.name
            found[session] = found.get(session, 0) + path.stat().st_size
        return found

    def sweep(self, session: str, used: set[tuple[int, int]], now_s: float) -> None:
        """Delete the segments that have held no block for a while: whoever read one is done then."""
        for path in (self.folder / session).glob("*/*.seg"):
            level, number = int(path.parent.name), int(path.stem)
            writer = self._writers.get((session, level))
            if (level, number) in used or (writer is not None and writer.segment_no == number):
                continue
            if now_s - self._empty.setdefault(path, now_s) >= _SPARE_S:
                path.unlink(missing_ok=True)
                del self._empty[path]
                with self._lock:
                    self._files.pop((session, level, number), None)

    def drop_session(self, session: str) -> int:
        """Delete all segments of a session; the bytes that this frees."""
        size = self.sizes().get(session, 0)
        for key in [key for key in self._writers if key[0] == session]:
            self._writers.pop(key).close()
        shutil.rmtree(self.folder / session, ignore_errors=True)
        self._empty = {path: since_s for path, since_s in self._empty.items() if path.parent.parent.name != session}
        with self._lock:
            for file in [file for file in self._files if file[0] == session]:
                del self._files[file]
            for place in [place for place in self._heads if place[0] == session]:
                self._kept -= _size(self._heads.pop(place))
        return size


def _size(head: Head) -> int:
    """Numbers that a head keeps in memory, more or less."""
    return 2 * len(head.series) + 4 * len(head.times) + int(np.size(head.sizes)) * 8 + 64
