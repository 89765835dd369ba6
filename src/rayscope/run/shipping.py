"""What the program prints, shipped to the server while it runs, as log files of the clusters that it starts: from the run's own files, by a thread.

What was printed before the second cluster began belongs to the first, and so on.
"""

from __future__ import annotations

import threading
import time
import zlib
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from rayscope.client import Client
from rayscope.errors import RayscopeError, Unavailable
from rayscope.run.folder import ClusterFacts

_LOOK_S: Final = 0.2
_CHUNK_BYTES: Final = 1024 * 1024
_NAMED_BY: Final = 64
"""Bytes at its beginning that go into a stretch's id."""

FINISH_S: Final = 30.0
"""How long at the end the server is given to take what is left."""


class Stream(Protocol):
    """One stream of the program: how much of it stands in its file, and bringing all that was printed until now there."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def size(self) -> int:
        """Bytes in it."""

    def settle(self) -> None:
        """Bring what was printed until now into the file."""


class _Stretch(Struct):
    """The part of one stream that belongs to one job. ``sent`` counts from ``start``."""

    facts: ClusterFacts
    name: str
    stream: Stream
    start: int
    end: int | None = None
    sent: int = 0
    file: str | None = None
    is_whole: bool = False

    @property
    def waiting(self) -> int:
        """Bytes that are there and not sent."""
        return (self.stream.size if self.end is None else self.end) - self.start - self.sent


class Shipper:
    """Ships until `finish`. ``address`` and ``ingest_token`` are the server's."""

    def __init__(self, client: Client, ingest_token: str, streams: dict[str, Stream]) -> None:
        self._client = client
        self._ingest_token = ingest_token
        self._streams = streams
        self._stretches: list[_Stretch] = []
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="shipper", daemon=True)
        self.error: RayscopeError | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def begin(self, facts: ClusterFacts) -> None:
        """A driver has begun: what is printed from now on is its, and of the first also what was before. The program waits meanwhile."""
        for stream in self._streams.values():
            stream.settle()
        with self._lock:
            known = {stretch.facts.session_name + stretch.facts.job_id for stretch in self._stretches}
            if facts.session_name + facts.job_id in known:
                return
            for stretch in self._stretches:
                stretch.end = stretch.stream.size if stretch.end is None else stretch.end
            first = not self._stretches
            self._stretches += [_Stretch(facts, name, stream, 0 if first else stream.size) for name, stream in self._streams.items()]

    def finish(self) -> None:
        """The streams are closed: ship what is left. Sets ``error`` where that cannot be done in time."""
        with self._lock:
            for stretch in self._stretches:
                stretch.end = stretch.stream.size if stretch.end is None else stretch.end
        self._ending.set()
        self._thread.join(FINISH_S)
        waiting = sum(stretch.waiting for stretch in self._stretches)
        if waiting and self.error is None:
            self.error = Unavailable(f"{waiting:,} bytes of the program's output did not reach the server in {FINISH_S:.0f} s")
        if not waiting:
            self.error = None
        self._client.close()

    def _work(self) -> None:
        deadline = float("inf")
        while time.monotonic() < deadline:
            if self._ending.is_set() and deadline == float("inf"):
                deadline = time.monotonic() + FINISH_S
            with self._lock:
                stretches = list(self._stretches)
            try:
                sent = sum(self._ship(stretch) for stretch in stretches)
                self.error = None
            except (RayscopeError, OSError) as error:
                self.error = error if isinstance(error, RayscopeError) else Unavailable(f"the program's output cannot be read back: {error}")
                sent = 0
            if self._ending.is_set() and all(stretch.is_whole for stretch in stretches):
                return
            if not sent:
                self._ending.wait(_LOOK_S) if not self._ending.is_set() else time.sleep(_LOOK_S)

    def _ship(self, stretch: _Stretch) -> int:
        """Send one chunk, if there is something; how many bytes."""
        if stretch.is_whole:
            return 0
        data = self._read(stretch)
        is_last = stretch.end is not None and stretch.start + stretch.sent + len(data) >= stretch.end
        if not data and not is_last:
            return 0
        if stretch.file is None:
            if not data:
                stretch.is_whole = True  # nothing was ever printed
                return 0
            head = data[:_NAMED_BY]
            stretch.file = f"{stretch.stream.path.stat().st_ino:x}+{stretch.start:x}-{len(head)}-{zlib.crc32(head):08x}"
        before = stretch.sent
        stretch.sent = self._post(stretch, data, ended=is_last)
        stretch.is_whole = is_last and stretch.waiting <= 0
        return stretch.sent - before

    def _read(self, stretch: _Stretch) -> bytes:
        """What is there, up to a whole line if there is one."""
        length = min(stretch.waiting, _CHUNK_BYTES)
        if length <= 0:
            return b""
        with stretch.stream.path.open("rb") as file:
            file.seek(stretch.start + stretch.sent)
            data = file.read(length)
        whole = data.rfind(b"\n") + 1
        return data[:whole] if whole and len(data) == _CHUNK_BYTES else data

    def _post(self, stretch: _Stretch, data: bytes, *, ended: bool) -> int:
        """Send it; how far the server has come with the stretch."""
        facts = stretch.facts
        assert stretch.file is not None
        chunk: dict[str, Any] = {
            "file": stretch.file,
            "path": f"driver-{facts.job_id}.{stretch.name}",
            "offset": stretch.sent,
            "data": data,
            "observed_ns": time.time_ns(),
            "ended": ended,
            "gap": None,
            "meta": {"source": "driver", "job_id": facts.job_id, "pid": facts.pid, "stream": stretch.name},
        }
        body = {"session": facts.session_name, "node_id": facts.node_id, "agent_id": f"run-{facts.pid}", "chunks": [chunk]}
        return self._client.post_chunks(self._ingest_token, msgspec.msgpack.encode(body))[stretch.file]
