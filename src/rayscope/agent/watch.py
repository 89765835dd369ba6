"""Being told of changes in folders: inotify through ctypes. Where the system has none (or no watch is left), a full look now and then takes its place."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import struct
from typing import Any, Dict, List, NamedTuple, Optional

_MODIFY, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE, _DELETE_SELF = 0x2, 0x40, 0x80, 0x100, 0x200, 0x400
_OVERFLOW, _IGNORED, _IS_FOLDER, _ONLY_FOLDERS = 0x4000, 0x8000, 0x40000000, 0x01000000
_MASK = _MODIFY | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _ONLY_FOLDERS
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC
_HEAD = struct.Struct("iIII")


class Change(NamedTuple):
    """Something happened to a name of a folder. ``is_growth``: only its bytes changed."""

    folder: str
    name: str
    is_growth: bool


class Watch:
    """The changes below some folders. ``is_working`` is False where only looking helps; ``missed`` tells that changes were lost."""

    def __init__(self) -> None:
        self._libc = _libc()
        self._file = self._libc.inotify_init1(_FLAGS) if self._libc else -1
        self._folders: Dict[int, str] = {}
        self._numbers: Dict[str, int] = {}
        self.is_working = self._file >= 0
        self.missed = False

    def fileno(self) -> int:
        """The descriptor to wait on; -1 where there is none."""
        return self._file

    def add(self, folder: str) -> None:
        """Watch one more folder. Where that is refused, looking has to do from now on."""
        if self._libc is None or self._file < 0 or folder in self._numbers:
            return
        number = self._libc.inotify_add_watch(self._file, os.fsencode(folder), _MASK)
        if number < 0:
            self.is_working = False
            return
        self._folders[number] = folder
        self._numbers[folder] = number

    def read(self) -> List[Change]:
        """What happened since the last time."""
        changes: List[Change] = []
        while self._file >= 0:
            try:
                raw = os.read(self._file, 1 << 16)
            except (BlockingIOError, InterruptedError):
                return changes
            self._parse(raw, changes)
        return changes

    def close(self) -> None:
        """Let go of the descriptor."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _parse(self, raw: bytes, changes: List[Change]) -> None:
        at = 0
        while at + _HEAD.size <= len(raw):
            number, mask, _, size = _HEAD.unpack_from(raw, at)
            name = os.fsdecode(raw[at + _HEAD.size : at + _HEAD.size + size].rstrip(b"\0"))
            at += _HEAD.size + size
            self._take(number, mask, name, changes)

    def _take(self, number: int, mask: int, name: str, changes: List[Change]) -> None:
        if mask & _OVERFLOW:
            self.missed = True
            return
        folder = self._folders.get(number)
        if folder is None:
            return
        if mask & _IGNORED:
            del self._folders[number], self._numbers[folder]
            return
        changes.append(Change(folder, name, is_growth=bool(mask & _MODIFY) and not mask & _IS_FOLDER))


def _libc() -> Optional[Any]:
    try:
        libc = ctypes.CDLL(ctypes.util.find_library("c") or None, use_errno=True)
        libc.inotify_init1.restype = ctypes.c_int
    except (OSError, AttributeError):
        return None
    return libc
