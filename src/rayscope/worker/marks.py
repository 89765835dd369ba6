"""The file of marks: which bytes of a worker's output belong to which attempt. See docs/formats/marks.md.

Marks wait in memory for 0.1 s at most, so that a task that prints a line at a time costs one mark, not one a line.
"""

from __future__ import annotations

import _thread
import os
import threading
from time import monotonic, sleep
from typing import Callable, List, Optional, Tuple

from .ranges import Range

FLUSH_S = 0.1
"""How long a mark may wait: a line is shipped within a second, and its mark should not come later."""

LIMIT_BYTES = 64 << 20
"""Bytes of marks that one worker writes at most: some 900,000 marks. Only a concurrent actor whose methods take turns at every line comes near it, after
a gigabyte or so of output; what it prints then is the worker's."""

_COUNT_AGAIN_S = 10.0


class MarksFile:
    """Appends marks, up to the limit; those beyond it are counted. It is made with the first output, also where that is nobody's: that it is there says
    that Ray's ranges count for nothing here.
    """

    def __init__(self, path: str, head: str, limit_bytes: int = LIMIT_BYTES) -> None:
        self._path = path
        self._head = head
        self._left = limit_bytes
        self._lock = threading.RLock()
        self._file: Optional[int] = None
        self._is_off = False
        self._beyond = self._counted = 0
        self._counted_s = 0.0

    def append(self, ranges: List[Tuple[str, Range]]) -> None:
        """Each with the letter of its stream. A file that cannot be written is given up: output matters, marks do not."""
        with self._lock:
            if self._is_off or (not ranges and self._file is not None):
                return
            try:
                self._append(ranges)
            except OSError:
                self._is_off = True

    def close(self) -> None:
        """Say how many marks were left out."""
        with self._lock:
            self._counted_s = 0.0
            self.append_count()

    def append_count(self) -> None:
        """The count so far, now and then: a worker may be killed."""
        if self._is_off or self._beyond == self._counted or monotonic() - self._counted_s < _COUNT_AGAIN_S:
            return
        self._counted, self._counted_s = self._beyond, monotonic()
        self._write("x %d\n" % self._beyond)

    def stop(self) -> None:
        """In a forked child: the file is the parent's."""
        self._lock = threading.RLock()
        self._is_off = True

    def _append(self, ranges: List[Tuple[str, Range]]) -> None:
        if self._left <= 0:
            self._beyond += len(ranges)
            self.append_count()
            return
        text = "".join("%s %d %d %s\n" % (letter, start, end, task) for letter, (start, end, task) in ranges)
        self._left -= len(text)
        self._write(text)

    def _write(self, text: str) -> None:
        if self._file is None:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            text = self._head + text
        rest = text.encode("ascii")
        while rest:
            rest = rest[os.write(self._file, rest) :]


class Soon:
    """Calls something within `FLUSH_S` after it was asked to. Its thread is made when it is needed, and unknown to `threading`."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._wanted = threading.Event()
        self.is_asked = False
        self._is_started = False

    def ask(self) -> None:
        """Call it soon."""
        if self.is_asked:
            return
        self.is_asked = True
        self._wanted.set()
        if not self._is_started:
            self._is_started = True
            try:
                _thread.start_new_thread(self._run, ())
            except RuntimeError:
                return  # the interpreter ends, or no thread is to be had: then at the task's end, or at exit

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            sleep(FLUSH_S)
            self._wanted.clear()
            self.is_asked = False
            try:
                self._work()
            except Exception:
                return
