"""Log bytes from agents to the store: redact, journal, one fsync for all that wait, answer; and now and then a flush to segments."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, field, structs

from rayscope.errors import DiskFull, PayloadError, RayscopeError, Unavailable
from rayscope.ingest.meters import LogMeters
from rayscope.model.agent import Chunk, Chunks
from rayscope.ray.secrets import redact_bytes
from rayscope.store import limits
from rayscope.store.database import Database
from rayscope.store.logs.store import LogStore, check_session_name

log = logging.getLogger("rayscope.logs")

Redact = Callable[[bytes], tuple[bytes, int]]
"""The bytes with secrets masked, of the same length, and how many were."""

_decoder: Final = msgspec.msgpack.Decoder(Chunks)
_encode: Final = msgspec.msgpack.Encoder().encode
_AT_ONCE: Final = 16
_LOOK_S: Final = 0.25
_RETRY_S: Final = 1.0
_SPANS_LINES: Final = b"-----BEGIN"


class Body(Struct):
    """One POST of chunks, decoded, and who waits for its acceptance."""

    content: bytes
    chunks: Chunks
    session_no: int
    accepted: Future[dict[str, int]] = field(default_factory=Future)
    redacted: Sequence[int] = ()


def decode_chunks(content: bytes) -> Chunks:
    """A body of chunks, checked. Raises PayloadError."""
    try:
        chunks = _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PayloadError(f"the body is no msgpack of chunks: {error}") from error
    check_session_name(chunks.session)
    for chunk in chunks.chunks:
        if not chunk.file or chunk.offset < 0 or len(chunk.data) > limits.LOG_BODY_BYTES:
            raise PayloadError(f"not a chunk: file {chunk.file[:80]!r}, offset {chunk.offset}, {len(chunk.data)} bytes")
    return chunks


class LogIngest:
    """The only writer of log bytes. Opening one applies what a kill left in the journal; `close` flushes what waits.

    ``number`` gives a session's number. ``redact`` may be replaced while it runs.
    """

    def __init__(self, database: Database, folder: Path, number: Callable[[str], int], redact: Redact = redact_bytes) -> None:
        self.database = database
        self.store = LogStore(database, folder)
        self.redact = redact
        self.meters = LogMeters()
        self._number = number
        self._bodies: queue.SimpleQueue[Body | None] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._counting = threading.Lock()
        self._due = threading.Event()
        self._stopping = threading.Event()
        self._known: set[str] = set()
        self._replay()
        self._threads = [threading.Thread(target=step, name=f"rayscope-logs-{step.__name__.strip('_')}", daemon=True) for step in (self._accept, self._flush)]
        for thread in self._threads:
            thread.start()

    def knows(self, session: str) -> bool:
        """Whether the session's row is certainly in the database; see `know`."""
        return session in self._known

    def know(self, session: str) -> None:
        """The session's row is in the database."""
        self._known.add(session)

    def submit(self, content: bytes, chunks: Chunks) -> Future[dict[str, int]]:
        """Take one body. The future is done when it is durable; it raises DiskFull. Raises Unavailable when too much waits."""
        waiting = self._waiting_bytes + self.store.waiting_bytes
        if waiting + len(content) > limits.LOG_WAITING_BYTES:
            self._due.set()
            raise Unavailable(f"{waiting // limits.MIB} MiB of logs wait for their place on disk already", hint="agents wait, and send again by themselves")
        body = Body(content, chunks, self._number(chunks.session))
        self._count(len(content))
        self._bodies.put(body)
        return body.accepted

    def flush(self) -> None:
        """Put all that was accepted into segments now. Raises DiskFull."""
        self.store.flush()

    def close(self) -> None:
        """Accept what waits, flush, and stop. What a full disk keeps in the journal is applied by the next one."""
        self._bodies.put(None)
        self._threads[0].join()
        self._stopping.set()
        self._due.set()
        self._threads[1].join()
        try:
            self.store.flush()
            self.store.journal.empty()
        except DiskFull as error:
            log.warning("logs stay in the journal: %s", error)
        self.store.close()

    def _accept(self) -> None:
        """Thread: bodies into the journal, as many as wait at once."""
        while (first := self._bodies.get()) is not None:
            bodies: list[Body | None] = [first]
            while not self._bodies.empty() and len(bodies) < _AT_ONCE:
                bodies.append(self._bodies.get())
            self._accept_all([body for body in bodies if body is not None])
            if bodies[-1] is None:
                return

    def _accept_all(self, bodies: Sequence[Body]) -> None:
        wanted = [body for body in bodies if body.accepted.set_running_or_notify_cancel()]
        try:
            for body in wanted:
                self._redact(body)
            self._refuse_when_full()
            ends = self.store.journal.append([(body.chunks.session, body.content) for body in wanted]) if wanted else []
            for body, end in zip(wanted, ends, strict=True):
                body.accepted.set_result(self.store.apply(body.session_no, body.chunks, end, body.redacted))
                self.meters.bodies.add()
                self.meters.bytes.add(sum(len(chunk.data) for chunk in body.chunks.chunks))
        except Exception as error:
            if not isinstance(error, RayscopeError):
                log.exception("log chunks could not be accepted")
            for body in wanted:
                if not body.accepted.done():
                    body.accepted.set_exception(error)
        self._count(-sum(len(body.content) for body in bodies))
        if self.store.is_due(time.time_ns(), limits.LOG_FLUSH_BYTES, limits.LOG_FLUSH_S):
            self._due.set()

    def _refuse_when_full(self) -> None:
        if self.database.is_full():
            raise DiskFull("the store's disk is full", hint="make room; agents wait, and send again what was refused")

    def _redact(self, body: Body) -> None:
        """Nothing that looks like a secret reaches the disk: what is masked replaces the body, too."""
        if self._is_clean([chunk.data for chunk in body.chunks.chunks]):
            return
        masked = [self.redact(chunk.data) for chunk in body.chunks.chunks]
        if not any(count for _, count in masked):
            return
        chunks: list[Chunk] = []
        for chunk, (data, _) in zip(body.chunks.chunks, masked, strict=True):
            if len(data) != len(chunk.data):
                raise ValueError(f"redaction made {len(chunk.data)} bytes {len(data)}")
            chunks.append(structs.replace(chunk, data=data))
        before = len(body.content)
        body.chunks, body.redacted = structs.replace(body.chunks, chunks=chunks), [count for _, count in masked]
        body.content = _encode(body.chunks)
        self._count(len(body.content) - before)

    def _is_clean(self, parts: Sequence[bytes]) -> bool:
        """Whether nothing is to be masked in many small chunks, by one look at all of them. What may go over line ends is not told that way."""
        together = b"\n".join(parts)
        return _SPANS_LINES not in together and not self.redact(together)[1]

    def _count(self, size: int) -> None:
        with self._counting:
            self._waiting_bytes += size

    def _flush(self) -> None:
        """Thread: flushes what is due."""
        while not self._stopping.is_set():
            self._due.wait(_LOOK_S)
            self._due.clear()
            if self._stopping.is_set() or not self.store.is_due(time.time_ns(), limits.LOG_FLUSH_BYTES, limits.LOG_FLUSH_S):
                continue
            try:
                self.store.flush()
            except DiskFull as error:
                log.warning("logs wait for room on the disk: %s", error)
                self._stopping.wait(_RETRY_S)
            except Exception:
                log.exception("logs could not be put into segments; it is tried again")
                self._stopping.wait(_RETRY_S)

    def _replay(self) -> None:
        """Take from the journal what was acknowledged and is not in segments."""
        for record in self.store.journal.replay(self.store.position):
            chunks = _decoder.decode(record.body)
            self._known.add(chunks.session)  # its row is written before its first chunks are taken
            self.store.apply(self._number(chunks.session), chunks, record.end)
            if self.store.is_due(time.time_ns(), limits.LOG_FLUSH_BYTES, limits.LOG_FLUSH_S):
                self.store.flush()
