"""A worker's stdout or stderr: lines go out whole, one writer a line, and it is known which bytes of the file each task wrote.

A writer is a thread and the task it is part of. What one writes without a line's end waits until that comes, `flush`, the end of the task, or, where
nothing runs beside it, 0.1 s. A writer that finds another's line unfinished in the file begins a new one.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from _thread import get_ident
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from .ranges import Range, Ranges

PARTIAL_BYTES = 1 << 16
"""As much of a line waits for its end; a longer one goes out in pieces."""

_Writer = Tuple[int, Optional[str]]


class Output:
    """What `sys.stdout` is replaced by. Everything that it does not know itself is asked of the stream that it replaces."""

    def __init__(self, inner: Any, name: str, task: Callable[[], Optional[str]], wake: Callable[[], None], path: Optional[str]) -> None:
        """``inner``: the text stream, ``name``: stdout or stderr, ``task``: who calls, ``path``: the file that its descriptor should be."""
        self._inner = inner
        self._name = name
        self._task = task
        self._wake = wake
        self._fd: int = inner.fileno()
        self._inode = _inode_of(path, self._fd)
        self._lock = threading.RLock()
        self._partial: Dict[_Writer, bytearray] = {}
        self._unfinished: Optional[_Writer] = None
        self._ranges = Ranges()

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":
            raise AttributeError(name)
        return getattr(self._inner, name)

    def __reduce__(self) -> Any:
        """Another process has its own."""
        return getattr, (sys, self._name)

    def __deepcopy__(self, _memory: Any) -> Output:
        return self

    @property
    def stream(self) -> Any:
        """The stream within, by the name that Ray's wrapper gives it."""
        return self._inner

    def write(self, text: str) -> int:
        """Whole lines go out now."""
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not %s" % type(text).__name__)
        inner = self._inner
        data = text.encode(inner.encoding, inner.errors)
        task = self._task()
        writer = (get_ident(), task)
        cut = data.rfind(b"\n") + 1
        with self._lock:
            partial = self._partial.get(writer)
            if partial is None and cut == len(data):
                if cut:
                    self._put(data, writer)
            else:
                self._write_partial(data, cut, partial, writer)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """One after the other."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Let out what the caller has begun."""
        with self._lock:
            if self._partial:
                writer = (get_ident(), self._task())
                if writer in self._partial:
                    self._put(bytes(self._partial.pop(writer)), writer)
            self._inner.flush()

    def flush_task(self, task: Optional[str]) -> None:
        """Let out what a task has begun."""
        self._flush_where(lambda writer: writer[1] == task)

    def flush_all(self) -> None:
        """Let out everything."""
        self._flush_where(lambda _writer: True)

    def change(self, sole: Optional[str]) -> None:
        """Another task begins or ends; from now on ``sole`` runs alone (None: not so)."""
        if self._inode is None:
            return
        with self._lock:
            known = os.fstat(self._fd)
            if known.st_ino == self._inode:
                self._ranges.change(known.st_size, sole)

    def take(self) -> List[Range]:
        """The ranges that became known since the last time."""
        with self._lock:
            return self._ranges.take()

    def stop(self) -> None:
        """In a forked child: what has been begun is the parent's to say, and so is whose the bytes are."""
        self._lock = threading.RLock()
        self._partial.clear()
        self._inode = None

    def _write_partial(self, data: bytes, cut: int, partial: Optional[bytearray], writer: _Writer) -> None:
        whole, rest = data[:cut], data[cut:]
        if partial is not None and cut:
            whole = bytes(self._partial.pop(writer)) + whole
            partial = None
        if whole:
            self._put(whole, writer)
        if not rest:
            return
        if partial is None:
            partial = self._partial[writer] = bytearray()
        partial += rest
        if len(partial) > PARTIAL_BYTES:
            self._put(bytes(self._partial.pop(writer)), writer)
        else:
            self._wake()

    def _flush_where(self, wanted: Callable[[_Writer], bool]) -> None:
        with self._lock:
            for writer in [writer for writer in self._partial if wanted(writer)]:
                self._put(bytes(self._partial.pop(writer)), writer)

    def _put(self, data: bytes, writer: _Writer) -> None:
        """To the file, and learn where it is: the descriptor appends, so it stands at the end of what it wrote last."""
        self._inner.flush()
        begun = 0
        if self._unfinished is not None and self._unfinished != writer:
            data, begun = b"\n" + data, 1
        self._unfinished = None if data.endswith(b"\n") else writer
        if self._inode is None:
            _write(self._fd, data)
            return
        known = os.fstat(self._fd)
        _write(self._fd, data)
        if known.st_ino != self._inode:
            return  # something else has taken the descriptor's place
        end, task = os.lseek(self._fd, 0, os.SEEK_CUR), writer[1]
        if end - known.st_size == len(data):
            self._ranges.wrote(known.st_size + begun, end, task)
        else:
            self._ranges.lost(end, task)
        self._wake()


def _write(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        data = data[written:]
        written = os.write(descriptor, data)


def _inode_of(path: Optional[str], descriptor: int) -> Optional[int]:
    """The file's number, if the descriptor is that file; with rotation it is a pipe, and positions cannot be known."""
    try:
        known = os.fstat(descriptor)
        return known.st_ino if path and stat.S_ISREG(known.st_mode) and os.path.samestat(known, os.stat(path)) else None
    except OSError:
        return None
