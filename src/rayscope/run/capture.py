"""A program's output: shown as it comes, and kept in a file. A terminal stays a terminal for the program, a pipe a pipe."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import termios
import threading
import time
from pathlib import Path
from typing import Final

from rayscope.run.kept import KeptFile
from rayscope.run.screen import Screen

_CHUNK: Final = 65536
_CLOSE_S: Final = 2.0
_IDLE_S: Final = 1.0
_SETTLE_S: Final = 0.3


class Capture:
    """One stream of the program: give ``writer`` to the child, then `start`, and `close` when the child has ended."""

    def __init__(self, shown: int, kept: Path, screen: Screen) -> None:
        """``shown``: the descriptor that the program's output goes to, ``screen``: what stands behind it, ``kept``: the file that it is kept in as well."""
        self._shown = shown
        self._screen = screen
        self._kept = KeptFile(kept)
        self.is_terminal = os.isatty(shown)
        self._reader, self.writer = _terminal_like(shown) if self.is_terminal else os.pipe()
        self._thread = threading.Thread(target=self._copy, name=f"capture-{kept.stem}", daemon=True)

    def start(self) -> None:
        """Begin to copy. The child has the writer by now."""
        os.close(self.writer)
        self._thread.start()

    def resize(self) -> None:
        """Pass on the window's size."""
        if self.is_terminal:
            _copy_size(self._shown, self._reader)

    @property
    def path(self) -> Path:
        """The file that it is kept in."""
        return self._kept.path

    @property
    def size(self) -> int:
        """Bytes in that file."""
        return self._kept.size

    def settle(self) -> None:
        """Bring what was printed until now into the file, if that takes no longer than a moment."""
        deadline = time.monotonic() + _SETTLE_S
        while time.monotonic() < deadline and _waits(self._reader):
            time.sleep(_SETTLE_S / 100)
        self._kept.flush()

    def close(self) -> None:
        """Wait for the last bytes. A process that the program left behind may hold the stream open: it is not waited for."""
        self._thread.join(_CLOSE_S)
        self._kept.close()

    def _copy(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # a terminal whose writers are gone says EIO; a late byte finds the file closed
            while chunk := self._read():
                self._screen.pass_on(self._shown, chunk)
                self._kept.write(chunk)

    def _read(self) -> bytes:
        """What comes next. A line that stays unfinished for a while, as a question does, is kept as it is."""
        if self._kept.has_rest and not select.select([self._reader], [], [], _IDLE_S)[0]:
            self._kept.flush()
        return os.read(self._reader, _CHUNK)


def _waits(reader: int) -> bool:
    """Whether something was written that nobody has read."""
    try:
        return bool(struct.unpack("i", fcntl.ioctl(reader, termios.FIONREAD, b"\0" * 4))[0])
    except OSError:
        return False


def _terminal_like(shown: int) -> tuple[int, int]:
    """A pseudo-terminal of the same size that changes no byte: the real one does that."""
    reader, writer = pty.openpty()
    attributes = termios.tcgetattr(writer)
    attributes[1] &= ~termios.OPOST
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(writer, termios.TCSANOW, attributes)
    _copy_size(shown, writer)
    return reader, writer


def _copy_size(source: int, target: int) -> None:
    with contextlib.suppress(OSError):
        fcntl.ioctl(target, termios.TIOCSWINSZ, fcntl.ioctl(source, termios.TIOCGWINSZ, b"\0" * 8))
