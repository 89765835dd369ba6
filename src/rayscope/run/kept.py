"""The file that keeps one stream of a program, with what looks like a secret masked: nothing of it stands on the disk otherwise."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

from rayscope.ray.secrets import redact_bytes

_LONGEST_LINE: Final = 65536
"""An unfinished line is kept once it is so long: a secret that begins before that place and ends behind it is not known as one."""


class KeptFile:
    """Append to it as bytes come. Whole lines are written at once, an unfinished one with `flush`. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb", buffering=0)
        self._rest = b""
        self._lock = threading.Lock()
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Take what came. The bytes that are written have the length of those that came."""
        with self._lock:
            data = self._rest + chunk
            end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
            if end == 0 and len(data) >= _LONGEST_LINE:
                end = len(data)
            self._rest = data[end:]
            self._put(data[:end])

    def flush(self) -> None:
        """Write the unfinished line as well."""
        with self._lock:
            data, self._rest = self._rest, b""
            self._put(data)

    @property
    def has_rest(self) -> bool:
        """Whether an unfinished line waits."""
        return bool(self._rest)

    def close(self) -> None:
        """Write what waits, and close. A byte that comes later is refused with ValueError."""
        self.flush()
        self._file.close()

    def _put(self, data: bytes) -> None:
        if not data:
            return
        rest = memoryview(redact_bytes(data)[0])
        while rest:
            rest = rest[os.write(self._file.fileno(), rest) :]
        self.size += len(data)
