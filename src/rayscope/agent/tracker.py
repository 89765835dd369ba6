"""All files of one node: finding them, noticing what happens to them, and reading them on in fair rounds, in bounded memory."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Set

from rayscope.agent.followed import HEAD_BYTES, TAIL_BYTES, Descriptors, Followed, Known, identify, look, read_on, remember
from rayscope.agent.watch import Change, Watch

MARKS = "rayscope"
"""The folder of what worker hooks write: read after the logs, and sent before them."""

QUANTUM_BYTES = 256 * 1024
"""So much of one file, then the next has its turn."""

BODY_BYTES = 4 * 1024 * 1024
"""So much in one body: it is in memory twice while it is sent."""

SCAN_SPACE_S = 0.1
"""Between two looks at all files at least, however fast names come and go."""

LOOSE_S = 1.0
"""An unfinished line goes after so much quiet."""

_SKIPPED_FOLDERS = frozenset({"nsight", "rocprof_sys", "profiles"})
_SKIPPED_STARTS = ("debug_state", "rayscope-agent-")
_SKIPPED_ENDS = (".part", ".tmp", ".lock", ".pid", ".prom", ".gz", ".zip", ".bin", ".nsys-rep", ".svg", ".swp")

Owner = Callable[[str], Optional[bool]]


class Chunk(NamedTuple):
    """A stretch of a file, as it is sent; ``followed`` is where it came from."""

    followed: Followed
    offset: int
    data: bytes
    observed_ns: int
    ended: bool = False
    gap: Optional[Dict[str, Any]] = None

    def wire(self) -> Dict[str, Any]:
        """As the server takes it."""
        followed = self.followed
        known = {"file": followed.file, "path": followed.path, "offset": self.offset, "data": self.data, "observed_ns": self.observed_ns, "ended": self.ended}
        return {**known, "gap": self.gap, "meta": None}


class Tracker:
    """Follows the files below a folder. ``owner`` says of a path whether it is this node's; None: not known yet, ask again."""

    def __init__(self, log_dir: str, known: Dict[str, Known], owner: Owner, max_chunk: int = 1024 * 1024) -> None:
        self.log_dir = log_dir
        self.known = known
        self.dropped: List[Dict[str, Any]] = []
        self.is_flushing = False
        self.files: Dict[int, Followed] = {}
        self.watch = Watch()
        self._owner = owner
        self._max_chunk = max_chunk
        self._descriptors = Descriptors()
        self._by_where: Dict[str, Followed] = {}
        self._dirty: OrderedDict[Followed, None] = OrderedDict()
        self._loose: Set[Followed] = set()
        self._dead: Set[str] = set()
        self._foreign: Set[str] = set()
        self._is_stale = True
        self._scanned_s = self._next_s = 0.0

    # What is there

    def scan(self) -> None:
        """Look at every file: what inotify tells is only when to look or read sooner."""
        began_s = time.monotonic()
        self.watch.missed = self._is_stale = False
        seen = {followed.inode for entry in self._walk(self.log_dir) for followed in [self._see(entry)] if followed is not None}
        for inode in [inode for inode in self.files if inode not in seen]:
            self._lose(self.files[inode])
        self._scanned_s = time.monotonic()
        self._next_s = self._scanned_s + max(SCAN_SPACE_S, 10 * (self._scanned_s - began_s))

    def scan_wait_s(self, usual_s: float) -> float:
        """How long until the next look: soon where names came or went, but never more than a tenth of the time; else after the usual time."""
        due_s = self._next_s if self._is_stale or self.watch.missed else self._scanned_s + usual_s
        return max(due_s - time.monotonic(), 0.0)

    def note(self, changes: List[Change]) -> None:
        """Take in what inotify told."""
        for change in changes:
            where = os.path.join(change.folder, change.name)
            followed = self._by_where.get(where)
            if change.is_growth and followed is not None:
                self._soil(followed)
            elif not (change.is_growth and (where in self._foreign or _is_skipped(change.name))):
                self._is_stale = True

    @property
    def has_dirty(self) -> bool:
        """Whether there is something to read now."""
        return bool(self._dirty)

    def loose_wait_s(self) -> Optional[float]:
        """How long until an unfinished line goes; None where there is none."""
        if not self._loose:
            return None
        return max(min(followed.loose_s for followed in self._loose) + LOOSE_S - time.monotonic(), 0.0)

    def lag_bytes(self) -> int:
        """Bytes that are known to be there and are not durable at the server."""
        return sum(followed.lag for followed in self.files.values())

    def lag_s(self) -> float:
        """How long the oldest of them has been waiting."""
        waiting = [followed.dirty_s for followed in self.files.values() if followed.lag and followed.dirty_s]
        return max(time.monotonic() - min(waiting), 0.0) if waiting else 0.0

    def _walk(self, folder: str) -> Iterator[os.DirEntry[str]]:
        self.watch.add(folder)
        try:
            entries = list(os.scandir(folder))
        except OSError:
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED_FOLDERS:
                    yield from self._walk(entry.path)
            elif not _is_skipped(entry.name):
                yield entry

    def _see(self, entry: os.DirEntry[str]) -> Optional[Followed]:
        status = look(entry.path)
        if status is None:
            return None
        followed = self.files.get(status.st_ino)
        if followed is None:
            path = os.path.relpath(entry.path, self.log_dir)
            is_ours = self._owner(path)
            if not is_ours:
                if is_ours is False:
                    self._foreign.add(entry.path)
                return None
            followed = self.files[status.st_ino] = Followed(path, entry.path, status.st_ino, status.st_size)
        if followed.where != entry.path or entry.path not in self._by_where:
            self._by_where.pop(followed.where, None)
            followed.where = entry.path
            self._by_where[entry.path] = followed
        followed.size = status.st_size
        if followed.size != followed.read_to:
            self._soil(followed)
        return followed

    def _soil(self, followed: Followed) -> None:
        if followed not in self._dirty:
            followed.dirty_s = followed.dirty_s or time.monotonic()
            self._dirty[followed] = None

    def _lose(self, followed: Followed) -> None:
        """Its name is gone. Its end is told when what can still be read of it has been read."""
        followed.is_gone = True
        del self.files[followed.inode]
        if self._by_where.get(followed.where) is followed:
            del self._by_where[followed.where]
        self._loose.discard(followed)
        self._soil(followed)

    # Reading on

    def round(self, budget: int = BODY_BYTES) -> List[Chunk]:
        """The next stretches: of logs, each file in its turn, then of marks, which come first in the body."""
        now_s = time.monotonic()
        for followed in [followed for followed in self._loose if self.is_flushing or now_s - followed.loose_s >= LOOSE_S]:
            self._loose.discard(followed)
            self._soil(followed)
        logs = self._read_some([followed for followed in self._dirty if not _is_mark(followed)], budget)
        if self.watch.is_working:
            self.note(self.watch.read())
        marks = self._read_some([followed for followed in self._dirty if _is_mark(followed)], budget // 2)
        return [*marks, *logs]

    def acknowledge(self, chunks: List[Chunk], offsets: Dict[str, int]) -> None:
        """The server has these, up to its offsets. Where it says less than was sent, the rest is read again."""
        for followed in {chunk.followed: None for chunk in chunks}:
            offset = offsets.get(followed.file, followed.read_to)
            followed.sent_to = min(offset, followed.read_to)
            self.known[followed.file] = Known(followed.path, followed.sent_to)
            if offset < followed.read_to:
                followed.rewind()
                self._soil(followed)
            elif followed.size <= followed.sent_to:
                followed.dirty_s = 0.0
        for chunk in chunks:
            if chunk.ended:
                self._forget(chunk.followed)

    def ends(self) -> List[Chunk]:
        """What tells the server that nothing more comes of any file."""
        return [Chunk(followed, followed.read_to, b"", time.time_ns(), ended=True) for followed in list(self.files.values()) if followed.file]

    def close(self) -> None:
        """Let go of all descriptors."""
        self._descriptors.close()
        self.watch.close()

    def _read_some(self, files: List[Followed], budget: int) -> List[Chunk]:
        chunks: List[Chunk] = []
        while files and budget > 0:
            again: List[Followed] = []
            for followed in files:
                if budget <= 0:
                    break
                chunk = self._read(followed)
                if chunk is not None:
                    chunks.append(chunk)
                    budget -= len(chunk.data) + 200
                if followed in self._dirty:
                    self._dirty.move_to_end(followed)
                    again.append(followed)
            files = again
        return chunks

    def _read(self, followed: Followed) -> Optional[Chunk]:
        """The next stretch of one file; what it has no more of leaves the dirty ones."""
        descriptor = self._descriptors.get(followed)
        if descriptor is None:
            return self._vanished(followed)
        try:
            if not followed.file and not self._identify(followed, descriptor):
                return self._wait_for_more(followed)
            data = read_on(descriptor, followed, QUANTUM_BYTES)
            if data is not None and len(data) == QUANTUM_BYTES and b"\n" not in data:
                data = read_on(descriptor, followed, self._max_chunk)
            observed_ns = min(os.fstat(descriptor).st_mtime_ns, time.time_ns()) or time.time_ns()
        except OSError as error:
            return self._unreadable(followed, error)
        if data is None:
            return self._replaced(followed)
        return self._take(followed, data, observed_ns)

    def _take(self, followed: Followed, data: bytes, observed_ns: int) -> Optional[Chunk]:
        more = followed.read_to + len(data) < followed.size
        if not more:
            self._dirty.pop(followed, None)
        whole = self._whole(followed, data, more=more)
        if not whole:
            return self._end(followed) if followed.is_gone and not more else None
        offset = followed.read_to
        remember(followed, whole)
        is_end = followed.is_gone and followed.read_to >= followed.size
        followed.told_end = is_end
        return Chunk(followed, offset, whole, observed_ns, ended=is_end)

    def _whole(self, followed: Followed, data: bytes, *, more: bool) -> bytes:
        """What can go of it: whole lines, or all where the last line has been quiet, is huge, or will never be finished."""
        cut = data.rfind(b"\n") + 1
        if cut == len(data) or self.is_flushing or followed.is_gone:
            return data
        if len(data) - cut >= self._max_chunk or (more and not cut):
            return data
        end, now_s = followed.read_to + len(data), time.monotonic()
        if not more and followed.loose_to == end and now_s - followed.loose_s >= LOOSE_S:
            return data
        if not more:
            if followed.loose_to != end:
                followed.loose_to, followed.loose_s = end, now_s
            self._loose.add(followed)
        return data[:cut]

    def _identify(self, followed: Followed, descriptor: int) -> bool:
        head = os.pread(descriptor, HEAD_BYTES, 0)
        size = os.fstat(descriptor).st_size
        found = identify(head, followed.inode, size, self.known, self._dead) if head else None
        if found is None:
            return False
        followed.file, followed.read_to = found
        followed.sent_to = followed.read_to
        back = min(followed.read_to, TAIL_BYTES)
        followed.tail = os.pread(descriptor, back, followed.read_to - back)
        followed.path = self.known.setdefault(followed.file, Known(followed.path, followed.read_to)).path
        return True

    def _wait_for_more(self, followed: Followed) -> Optional[Chunk]:
        """It is empty, or too short to be known."""
        self._dirty.pop(followed, None)
        if followed.is_gone:
            self._descriptors.drop(followed.inode)
        return None

    def _end(self, followed: Followed, gap: Optional[Dict[str, Any]] = None, offset: Optional[int] = None) -> Optional[Chunk]:
        """The last word on a file."""
        self._dirty.pop(followed, None)
        self._loose.discard(followed)
        if not followed.file or followed.told_end:
            return None
        followed.told_end = True
        return Chunk(followed, followed.read_to if offset is None else offset, b"", time.time_ns(), ended=True, gap=gap)

    def _vanished(self, followed: Followed) -> Optional[Chunk]:
        """It can no longer be opened by its name. If it was moved, a scan finds it; else what was not read of it is lost."""
        if not followed.is_gone:
            self._dirty.pop(followed, None)
            status = look(followed.where)
            if status is not None and status.st_ino == followed.inode:
                return self._unreadable(followed, PermissionError(f"no permission to read {followed.path}"))
            self.scan()
            return None
        return self._lost(followed, "deleted before it was read")

    def _replaced(self, followed: Followed) -> Optional[Chunk]:
        """It was truncated or rewritten in place: the old one ends here, a new one begins under the same inode."""
        self._dead.add(followed.file)
        self._descriptors.drop(followed.inode)
        if self.files.get(followed.inode) is followed:
            followed.is_gone = True
            status = look(followed.where)
            if status is not None and status.st_ino == followed.inode:
                fresh = self.files[followed.inode] = Followed(followed.path, followed.where, followed.inode, status.st_size)
                self._by_where[followed.where] = fresh
                self._soil(fresh)
        followed.size = followed.read_to
        return self._end(followed)

    def _lost(self, followed: Followed, reason: str) -> Optional[Chunk]:
        missing = followed.size - followed.read_to
        if missing <= 0:
            return self._end(followed)
        self.drop(followed.path, missing, reason)
        if not followed.file:
            self._dirty.pop(followed, None)
            return None
        start, followed.read_to = followed.read_to, followed.size
        return self._end(followed, {"from": start, "reason": reason}, followed.size)

    def _unreadable(self, followed: Followed, error: OSError) -> Optional[Chunk]:
        """It stays where it is: the next scan tries again."""
        self._dirty.pop(followed, None)
        self._descriptors.drop(followed.inode)
        self.drop(followed.path, 0, f"cannot be read: {error.strerror or error}")
        return None

    def drop(self, path: str, size: int, reason: str) -> None:
        """Note what will never be sent, for the next word on our health."""
        entry = {"path": path, "bytes": size, "reason": reason}
        if entry not in self.dropped and len(self.dropped) < 100:  # noqa: PLR2004 a word, not a book
            self.dropped.append(entry)

    def _forget(self, followed: Followed) -> None:
        self._descriptors.drop(followed.inode)
        if self.files.get(followed.inode) is followed:
            del self.files[followed.inode]
            self._by_where.pop(followed.where, None)


def _is_skipped(name: str) -> bool:
    return name.startswith(_SKIPPED_STARTS) or name.endswith(_SKIPPED_ENDS)


def _is_mark(followed: Followed) -> bool:
    return followed.path.startswith(f"{MARKS}{os.sep}")
