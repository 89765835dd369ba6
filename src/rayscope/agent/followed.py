"""One file that is followed: who it is, how far it was read, and reading on from there.

A file is known by its inode and a checksum of its first bytes, so that a rotation keeps it, and a truncation or a new file under the old name makes another.
Before reading on, the last bytes that were read are compared with those in the file: a file that was rewritten in place is another file, too.
"""

from __future__ import annotations

import os
import stat
import zlib
from typing import AbstractSet, Dict, Mapping, NamedTuple, Optional, Tuple

HEAD_BYTES = 64
"""So many of a file's first bytes name it."""

TAIL_BYTES = 48
"""So many bytes before the place of reading are remembered, to see that the file is still the same."""


class Known(NamedTuple):
    """A file as the server knows it."""

    path: str
    offset: int


class Gap(NamedTuple):
    """Bytes from ``start`` on that nobody can read any more."""

    start: int
    reason: str


class Followed:
    """A file and a place in it. ``read_to``: read and handed on. ``sent_to``: durable at the server. ``size``: as last seen.

    ``loose_to`` is where an unfinished line ended when it was last looked at, and ``loose_s`` since when. ``dirty_s``: since when there is something to send.
    ``is_gone``: it has no name any more, or is another file by now. ``told_end``: the server knows.
    """

    __slots__ = ("dirty_s", "file", "inode", "is_gone", "loose_s", "loose_to", "path", "read_to", "sent_to", "size", "tail", "told_end", "where")

    def __init__(self, path: str, where: str, inode: int, size: int) -> None:
        self.path = path
        self.where = where
        self.inode = inode
        self.size = size
        self.file = ""
        self.read_to = 0
        self.sent_to = 0
        self.tail = b""
        self.dirty_s = 0.0
        self.loose_to = -1
        self.loose_s = 0.0
        self.is_gone = False
        self.told_end = False

    @property
    def unread(self) -> int:
        """Bytes that are known to be there and not read yet."""
        return max(self.size - self.read_to, 0)

    @property
    def lag(self) -> int:
        """Bytes that are known to be there and not durable yet."""
        return max(self.size - self.sent_to, 0)

    def rewind(self) -> None:
        """What was read and not acknowledged is read again."""
        self.read_to = self.sent_to
        self.tail = b""
        self.loose_to = -1


def identify(head: bytes, inode: int, size: int, known: Mapping[str, Known], dead: AbstractSet[str]) -> Optional[Tuple[str, int]]:
    """The id of a file by its first bytes, and how far it has come; None where it is too short to be told from an earlier one.

    A file that was truncated and begins with the same bytes again gets an id from a shorter head than all before it: of several that fit, the shortest is the
    latest. ``dead`` are ids that were left behind so.
    """
    fitting = sorted((_length(file), file) for file in known if _fits(file, inode, head))
    if fitting and fitting[0][1] not in dead and known[fitting[0][1]].offset <= size:
        return fitting[0][1], known[fitting[0][1]].offset
    taken = {length for length, _ in fitting}
    free = [length for length in range(len(head), 0, -1) if length not in taken]
    length = next((length for length in free if length < min(taken, default=length + 1)), free[0] if free else 0)
    return (f"{inode:x}-{length}-{zlib.crc32(head[:length]):08x}", 0) if length else None


def _length(file: str) -> int:
    return int(file.split("-")[1])


def _fits(file: str, inode: int, head: bytes) -> bool:
    number, length, checksum = file.split("-")
    return number == f"{inode:x}" and int(length) <= len(head) and f"{zlib.crc32(head[: int(length)]):08x}" == checksum


def look(where: str) -> Optional[os.stat_result]:
    """A file's status; None where it is gone, or no plain file."""
    try:
        status = os.lstat(where)
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


class Descriptors:
    """Open files, few at a time: the ones used last. A file that is held open can be read to its end after its name is gone."""

    def __init__(self, most: int = 48) -> None:
        self._most = most
        self._open: Dict[int, int] = {}

    def get(self, followed: Followed) -> Optional[int]:
        """A descriptor of the very file, None where its name leads elsewhere by now."""
        descriptor = self._open.pop(followed.inode, None)
        if descriptor is None:
            descriptor = _open_same(followed)
        if descriptor is not None:
            self._open[followed.inode] = descriptor
            while len(self._open) > self._most:
                os.close(self._open.pop(next(iter(self._open))))
        return descriptor

    def holds(self, inode: int) -> bool:
        """Whether the file is open."""
        return inode in self._open

    def drop(self, inode: int) -> None:
        """Close one."""
        descriptor = self._open.pop(inode, None)
        if descriptor is not None:
            os.close(descriptor)

    def close(self) -> None:
        """Close all."""
        for inode in list(self._open):
            self.drop(inode)


def _open_same(followed: Followed) -> Optional[int]:
    try:
        descriptor = os.open(followed.where, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return None
    if os.fstat(descriptor).st_ino == followed.inode:
        return descriptor
    os.close(descriptor)
    return None


def read_on(descriptor: int, followed: Followed, most: int) -> Optional[bytes]:
    """The bytes that follow what was read; None where the file is no longer the one that it was."""
    back = len(followed.tail)
    status = os.fstat(descriptor)
    followed.size = status.st_size
    if status.st_size < followed.read_to:
        return None
    raw = os.pread(descriptor, back + most, followed.read_to - back)
    if raw[:back] != followed.tail:
        return None
    return raw[back:]


def remember(followed: Followed, data: bytes) -> None:
    """Note that so much was read."""
    followed.read_to += len(data)
    followed.tail = (followed.tail + data[-TAIL_BYTES:])[-TAIL_BYTES:]
    followed.size = max(followed.size, followed.read_to)
