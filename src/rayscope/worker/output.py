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

from .marks import Soon
from .ranges import Range, Ranges

PARTIAL_BYTES = 1 << 16
"""As much of a line waits for its end; a longer one goes out in pieces."""

_Writer = Tuple[int, Optional[str]]


class Output:
    """What `sys.stdout` is replaced by. Everything that it does not know itself is asked of the stream that it replaces."""

    def __init__(self, inner: Any, name: str, task: Callable[[], Optional[str]], soon: Soon, path: Optional[str]) -> None:
        """``inner``: the text stream, ``name``: stdout or stderr, ``task``: who calls, ``soon``: takes care of what waits here,
        ``path``: the file that the stream's descriptor should be.
        """
        self._inner = inner
        self._name = name
        self._task = task
        self._soon = soon
        self._encoding, self._errors = inner.encoding, inner.errors
        self._flush_inner = inner.flush
        self._fd: int = inner.fileno()
        self._inode = _inode_of(path, self._fd)
        self._lock = threading.RLock()
        self._partial: Dict[_Writer, bytes] = {}
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
    def is_placed(self) -> bool:
        """Whether positions in its file can be known."""
        return self._inode is not None

    @property
    def stream(self) -> Any:
        """The stream within, by the name that Ray's wrapper gives it."""
        return self._inner

    def write(self, text: str) -> int:
        """Whole lines go out now."""
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not %s" % type(text).__name__)
        data = text.encode(self._encoding, self._errors)
        writer = (get_ident(), self._task())
        with self._lock:
            partial = self._partial.pop(writer, None)
            if partial is not None:
                data = partial + data
            if data[-1:] == b"\n":
                self._put(data, writer)
            elif data:
                self._hold(data, writer)
        return len(text)

    def reconfigure(self, **changes: Any) -> None:
        """Change encoding, errors and the like, as of any text stream."""
        self._inner.reconfigure(**changes)
        self._encoding, self._errors = self._inner.encoding, self._inner.errors

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
                    self._put(self._partial.pop(writer), writer)
            self._inner.flush()

    def flush_task(self, task: Optional[str]) -> None:
        """Let out what a task has begun."""
        if self._partial:
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

    def _hold(self, data: bytes, writer: _Writer) -> None:
        """Until its line ends."""
        cut = data.rfind(b"\n") + 1 if len(data) <= PARTIAL_BYTES else len(data)
        if cut:
            self._put(data[:cut], writer)
            data = data[cut:]
        if data:
            self._partial[writer] = data
            if not self._soon.is_asked:
                self._soon.ask()

    def _flush_where(self, wanted: Callable[[_Writer], bool]) -> None:
        with self._lock:
            for writer in [writer for writer in self._partial if wanted(writer)]:
                self._put(self._partial.pop(writer), writer)

    def _put(self, data: bytes, writer: _Writer) -> None:
        """To the file, and learn where it is: the descriptor appends, so it stands at the end of what it wrote last."""
        self._flush_inner()
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
        try:
            end, task = os.lseek(self._fd, 0, os.SEEK_CUR), writer[1]
        except OSError:
            return
        if end - known.st_size == len(data):
            self._ranges.wrote(known.st_size + begun, end, task)
        else:
            self._ranges.lost(end, task)
        if not self._soon.is_asked:
            self._soon.ask()


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
