"""Samples from agents and from outside to the store: redact, journal, one fsync for all that wait, answer; and now and then a flush to blocks."""

from __future__ import annotations

import hashlib
import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct, field, structs

from rayscope.errors import DiskFull, PayloadError, RayscopeError, Unavailable
from rayscope.ingest.meters import MetricMeters
from rayscope.model.metrics import MetricBody, Rejected, Write
from rayscope.ray.redact import redact
from rayscope.store import limits
from rayscope.store.database import Database
from rayscope.store.journal import Record
from rayscope.store.logs.store import check_session_name
from rayscope.store.metrics.session import SessionMetrics
from rayscope.store.metrics.store import MetricStore
from rayscope.store.metrics.upkeep import Upkeep

log = logging.getLogger("rayscope.metrics")

_decoder: Final = msgspec.msgpack.Decoder(MetricBody)
_encode: Final = msgspec.msgpack.Encoder().encode
_writes: Final = msgspec.msgpack.Decoder(list[tuple[dict[str, str], bytes, bytes]])
_AT_ONCE: Final = 32
_LOOK_S: Final = 0.5
_RETRY_S: Final = 1.0
_WAIT_S: Final = 60.0
_SALT: Final = secrets.token_bytes(16)


class _Work(Struct):
    """A body, or samples from outside, and who waits for its acceptance."""

    content: bytes
    name: str
    what: MetricBody | Sequence[Write]
    accepted: Future[Any] = field(default_factory=Future)
    came_s: float = field(default_factory=time.monotonic)


def decode_metrics(content: bytes) -> MetricBody:
    """A body of samples, checked as far as it can be by itself. Raises PayloadError."""
    try:
        body = _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PayloadError(f"the body is no msgpack of samples: {error}") from error
    check_session_name(body.session)
    if not body.epoch or len(body.epoch) > _NAME_CHARS or len(body.node_id) > _NAME_CHARS or body.seq < 0:
        raise PayloadError(f"not a body of samples: epoch {body.epoch[:80]!r}, seq {body.seq}, node {body.node_id[:80]!r}")
    return body


_NAME_CHARS: Final = 200


class MetricIngest:
    """The only writer of samples. Opening one applies what a kill left in the journal; `close` flushes what waits.

    ``number`` gives a session's number, ``note`` puts a session into the store.
    """

    def __init__(self, database: Database, folder: Path, number: Callable[[str], int], note: Callable[[str], None], series: int) -> None:
        self.database = database
        self.store = MetricStore(database, folder, series)
        self.upkeep = Upkeep(self.store)
        self.meters = MetricMeters()
        self._tidied_s = time.monotonic()
        self._number = number
        self._note = note
        self._works: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._counting = threading.Lock()
        self._due = threading.Event()
        self._stopping = threading.Event()
        self._replay()
        steps = {"accept": self._accept, "flush": self._flush}
        self._threads = [threading.Thread(target=step, name=f"rayscope-metrics-{name}", daemon=True) for name, step in steps.items()]
        for thread in self._threads:
            thread.start()

    def submit(self, content: bytes, body: MetricBody) -> Future[None]:
        """Take one body. The future is done when it is durable; it raises DiskFull, Conflict, PayloadError. Raises Unavailable when too much waits."""
        masked = masked_body(body)
        if masked is not body:
            content = _encode(masked)
        return self._put(_Work(content, body.session, masked))

    def write(self, session: str, writes: Sequence[Write]) -> Rejected:
        """Take samples from outside, and wait until they are durable."""
        check_session_name(session)
        self._note(session)
        masked = [Write(masked_labels(one.labels), np.asarray(one.times, np.int64), np.asarray(one.values, np.float64)) for one in writes]
        content = _encode([(one.labels, one.times.tobytes(), one.values.tobytes()) for one in masked])
        refused: Rejected = self._put(_Work(content, session, masked)).result(_WAIT_S)
        return refused

    def _put(self, work: _Work) -> Future[Any]:
        if self._waiting_bytes + len(work.content) > limits.METRIC_WAITING_BYTES or self.store.waiting_samples > 4 * limits.METRIC_FLUSH_SAMPLES:
            self._due.set()
            raise Unavailable(
                f"{self._waiting_bytes // limits.MIB} MiB of samples wait to be accepted already", hint="agents wait, and send again by themselves"
            )
        self._count(len(work.content))
        self._works.put(work)
        return work.accepted

    def _session(self, session: str) -> SessionMetrics:
        return self.store.writable(self._number(session), session)

    def close(self) -> None:
        """Accept what waits, flush, and stop. What a full disk keeps in the journal is applied by the next one."""
        self._works.put(None)
        self._threads[0].join()
        self._stopping.set()
        self._due.set()
        self._threads[1].join()
        try:
            self.store.flush()
            self.store.journal.empty()
        except DiskFull as error:
            log.warning("samples stay in the journal: %s", error)
        self.store.close()

    def flush(self) -> None:
        """Put all that was accepted into blocks now. Raises DiskFull."""
        self.store.flush()

    def _flush(self) -> None:
        """Thread: flushes what is due, and tidies in between."""
        while not self._stopping.is_set():
            self._due.wait(_LOOK_S)
            self._due.clear()
            if self._stopping.is_set():
                return
            try:
                if self.store.is_due(limits.METRIC_FLUSH_SAMPLES, limits.METRIC_FLUSH_S):
                    self.store.flush()
                elif time.monotonic() - self._tidied_s >= limits.METRIC_TIDY_S:
                    self.upkeep.tidy(time.time_ns() // 1_000_000, limits.METRIC_TIDY_S / 3)
                    self._tidied_s = time.monotonic()
            except DiskFull as error:
                log.warning("samples wait for room on the disk: %s", error)
                self._stopping.wait(_RETRY_S)
            except Exception:
                log.exception("samples could not be put into blocks; it is tried again")
                self._stopping.wait(_RETRY_S)

    def _accept(self) -> None:
        """Thread: bodies into the journal, as many as wait at once."""
        while (first := self._works.get()) is not None:
            works: list[_Work | None] = [first]
            while not self._works.empty() and len(works) < _AT_ONCE:
                works.append(self._works.get())
            self._accept_all([work for work in works if work is not None])
            if works[-1] is None:
                return

    def _accept_all(self, works: Sequence[_Work]) -> None:
        now_ms = time.time_ns() // 1_000_000
        wanted = [work for work in works if work.accepted.set_running_or_notify_cancel()]
        try:
            self._refuse_when_full()
            while wanted:
                wanted = self._accept_some(wanted, now_ms)
        except Exception as error:
            if not isinstance(error, RayscopeError):
                log.exception("samples could not be accepted")
            for work in works:
                if not work.accepted.done():
                    work.accepted.set_exception(error)
        self._count(-sum(len(work.content) for work in works))
        if self.store.is_due(limits.METRIC_FLUSH_SAMPLES, limits.METRIC_FLUSH_S):
            self._due.set()

    def _accept_some(self, wanted: Sequence[_Work], now_ms: int) -> list[_Work]:
        """Accept what can be with one fsync; what has to wait for that: further bodies of the same agents, which what is before them defines."""
        taken: list[_Work] = []
        later: list[_Work] = []
        busy: set[tuple[str, str]] = set()
        for work in wanted:
            key = (work.name, work.what.node_id if isinstance(work.what, MetricBody) else "")
            if key in busy:
                later.append(work)
            elif self._is_admitted(work):
                taken.append(work)
                busy.add(key)
        ends = self.store.journal.append([(_label(work, now_ms), work.content) for work in taken]) if taken else []
        for work, end in zip(taken, ends, strict=True):
            session = self._session(work.name)
            if isinstance(work.what, MetricBody):
                self.meters.took(self.store.apply(session, work.what, now_ms, end), work.came_s)
                work.accepted.set_result(None)
            else:
                work.accepted.set_result(self.store.apply_writes(session, work.what, now_ms, end))
        return later

    def _is_admitted(self, work: _Work) -> bool:
        if not isinstance(work.what, MetricBody):
            return True
        try:
            if self.store.admit(self._session(work.name), work.what):
                return True
            work.accepted.set_result(None)
        except RayscopeError as error:
            work.accepted.set_exception(error)
        return False

    def _refuse_when_full(self) -> None:
        if self.database.is_full():
            raise DiskFull("the store's disk is full", hint="make room; agents wait, and send again what was refused")

    def _count(self, size: int) -> None:
        with self._counting:
            self._waiting_bytes += size

    def _replay(self) -> None:
        """Take from the journal what was acknowledged and is not in blocks."""
        for record in self.store.journal.replay(self.store.position):
            kind, now_ms, name = record.label.split("\t")
            try:
                self._apply_again(kind, self._session(name), record, int(now_ms))
            except Exception:
                log.exception("a record of the journal of samples could not be applied; all others are")
            if self.store.is_due(limits.METRIC_FLUSH_SAMPLES, limits.METRIC_FLUSH_S):
                self.store.flush()

    def _apply_again(self, kind: str, session: SessionMetrics, record: Record, now_ms: int) -> None:
        if kind == "writes":
            writes = [Write(labels, np.frombuffer(times, np.int64), np.frombuffer(values)) for labels, times, values in _writes.decode(record.body)]
            self.store.apply_writes(session, writes, now_ms, record.end)
        else:
            self.store.apply(session, _decoder.decode(record.body), now_ms, record.end)


def _label(work: _Work, now_ms: int) -> str:
    """What a record of the journal is, when it came, and of which session."""
    return f"{'body' if isinstance(work.what, MetricBody) else 'writes'}\t{now_ms}\t{work.name}"


def masked_body(body: MetricBody) -> MetricBody:
    """The body without what looks like a secret in its labels; the same one where nothing does."""
    series = [(number, target, name, masked_labels(labels)) for number, target, name, labels in body.series]
    if all(mine[3] is theirs[3] for mine, theirs in zip(series, body.series, strict=True)):
        return body
    return structs.replace(body, series=series)


def masked_labels(labels: dict[str, str]) -> dict[str, str]:
    """The labels without what looks like a secret; the same ones where nothing does."""
    masked = {name: _masked(name, value) for name, value in labels.items()}
    return labels if masked == labels else masked


@lru_cache(maxsize=50_000)  # most series share their labels with others
def _masked(name: str, value: str) -> str:
    """With a word that differs where the secrets do, so that two series do not become one. It says nothing else: its salt dies with the process."""
    found = redact({name: value})[name]
    return value if found == value else f"{found} {hashlib.blake2b(value.encode(errors='replace'), key=_SALT, digest_size=4).hexdigest()}"
