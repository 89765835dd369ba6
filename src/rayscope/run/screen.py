"""One terminal, file or pipe that several write to: the program's own output, its workers' lines, and a status line.

A worker's line never lands inside a line of the program: it waits a moment for that to end, and then begins a new one.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import Final

_PATIENCE_S: Final = {True: 0.1, False: 1.0}
"""How long the program's unfinished line is waited for: in a terminal it may be a prompt or a bar, elsewhere it is data."""

_WIDTH: Final = 80
_POLL_S: Final = 0.01


class Screen:
    """What stands behind one or two descriptors."""

    def __init__(self, descriptor: int) -> None:
        self.is_terminal = os.isatty(descriptor)
        self._descriptor = descriptor
        self._lock = threading.RLock()
        self._is_inside = False  # the program has begun a line
        self._status = ""

    def pass_on(self, descriptor: int, chunk: bytes) -> None:
        """Output of the program, as it is. Whoever looked on may have left (`| head`); the program goes on."""
        with self._lock:
            self._take_status_away()
            self._is_inside = not chunk.endswith(b"\n")
            _write(descriptor, chunk)

    def lines(self, text: bytes) -> None:
        """Whole lines of workers."""
        deadline_s = time.monotonic() + _PATIENCE_S[self.is_terminal]
        while self._is_inside and time.monotonic() < deadline_s:
            time.sleep(_POLL_S)
        with self._lock:
            self._take_status_away()
            _write(self._descriptor, b"\n" + text if self._is_inside else text)
            self._is_inside = False

    def status(self, text: str) -> None:
        """A line at the bottom of a terminal, until something else is written; empty: none."""
        with self._lock:
            if not self.is_terminal or self._is_inside or text == self._status:
                return
            self._take_status_away()
            self._status = text
            _write(self._descriptor, self._fitting(text).encode())

    def _fitting(self, text: str) -> str:
        """In one row: of a line that wraps, only the last row could be taken away."""
        try:
            width = os.get_terminal_size(self._descriptor).columns or _WIDTH
        except OSError:
            width = _WIDTH
        return text if len(text) < width else f"{text[: width - 2]}…"

    def _take_status_away(self) -> None:
        if self._status:
            self._status = ""
            _write(self._descriptor, b"\r\x1b[K")


def screens() -> tuple[Screen, Screen]:
    """Of stdout and stderr: one and the same if both are one terminal or pipe."""
    out = Screen(1)
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(1), os.fstat(2)):
            return out, out
    return out, Screen(2)


def _write(descriptor: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    with contextlib.suppress(BrokenPipeError):
        while rest:
            rest = rest[os.write(descriptor, rest) :]
