"""From bodies to durable rows, in two steps by two threads.

The *accepter* decodes each body, masks what looks like a secret, appends all that wait to the journal with one fsync, and acknowledges them. The
*applier* folds accepted batches as they come, and writes many of them in one transaction, together with the journal's position, so that a restart
goes on exactly there. Reports take the second step only, and are acknowledged when it is done: whoever has posted one sees everything that was
acknowledged before it.

When a transaction fails for its content, the group is halved until the event that breaks it stands alone and goes to the quarantine, so one
bad event never stops the good ones beside it.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress

from msgspec import Struct, field, json
from msgspec.structs import asdict

from rayscope.errors import DiskFull, RayscopeError, Unavailable
from rayscope.ingest.backlog import Backlog
from rayscope.ingest.changes import Changes
from rayscope.ingest.fold import quarantine
from rayscope.ingest.groups import Fold, Group, Work
from rayscope.ingest.meters import EventMeters
from rayscope.ingest.pulse import Pulse, changed_rows
from rayscope.ingest.redaction import without_secrets
from rayscope.ingest.sessions import Sessions
from rayscope.ray.decode import Bad, Batch, decode_batch
from rayscope.store import limits
from rayscope.store.applied import applied_position, write_applied
from rayscope.store.attempts import settled_until
from rayscope.store.changes import write_changes, write_quarantine, write_received, write_sessions
from rayscope.store.closing import forget_silence, silent_sessions
from rayscope.store.database import Connection, Database
from rayscope.store.journal import Journal, Position, record_size
from rayscope.store.settled import Settled

log = logging.getLogger("rayscope.ingest")

_RETRY_S = 1.0


class Body(Struct):
    """One POST of events, and who waits for its acceptance."""

    content: bytes
    cluster: str | None
    accepted: Future[None] = field(default_factory=Future)
    came_s: float = field(default_factory=time.monotonic)


class Committer:
    """The only writer of events and reports. Opening one applies what a kill left in the journal; `close` applies what waits."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        self.pulse = Pulse()
        self.meters = EventMeters()
        self._sessions = Sessions(dict(database.read(lambda c: c.execute("SELECT session, session_no FROM session").fetchall())))
        self.settled = Settled(database.read(settled_until))
        self.silent: set[int] = database.read(silent_sessions)
        self.ends_ns = time.time_ns()  # when something last ended: what was open at the last stop is looked at once
        self.heard_ns = self.ends_ns  # when something was last written
        self._bodies: queue.SimpleQueue[Body | None] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._counting = threading.Lock()
        self._impatient = threading.Event()  # while opening and while closing a full disk is not waited out
        self._impatient.set()
        self._backlog: Backlog[Work] = Backlog(limits.BACKLOG_EVENTS)
        self._replay()
        self._impatient.clear()
        steps = (self._accept, self._apply)
        self._threads = [threading.Thread(target=step, name=f"rayscope-{step.__name__.strip('_')}", daemon=True) for step in steps]
        for thread in self._threads:
            thread.start()

    def submit_events(self, body: bytes, cluster: str | None = None) -> Future[None]:
        """Take one POST of Ray's exporter. The future is done when it is durable; it raises PayloadError or DiskFull. Raises Unavailable."""
        if self._waiting_bytes + len(body) > limits.QUEUE_BYTES:
            raise Unavailable(f"{self._waiting_bytes // limits.MIB} MiB of events wait to be accepted already", hint="Ray's exporter sends again by itself")
        item = Body(body, cluster)
        self._count_waiting(len(body))
        self._bodies.put(item)
        return item.accepted

    def number(self, session: str) -> int:
        """A session's number; a new one for a new name."""
        return self._sessions.number(session)

    @property
    def waiting_bytes(self) -> int:
        """How much was submitted and is not accepted yet."""
        return self._waiting_bytes

    @property
    def backlog_events(self) -> int:
        """How many events are accepted and not applied yet."""
        return self._backlog.weight

    def submit_report(self, fold: Fold) -> Future[None]:
        """Take a report: a function that adds it to the changes. The future is done when all that was accepted before it can be read, and it too."""
        done: Future[None] = Future()
        self._backlog.put(Work(fold, applied=done), 1)
        return done

    def close(self) -> None:
        """Accept and apply what waits, then stop. What a full disk keeps from being applied stays in the journal for the next opening."""
        self._impatient.set()
        self._bodies.put(None)
        self._threads[0].join()
        self._backlog.close()
        for thread in self._threads:
            thread.join()
        self._journal.close()

    def _accept(self) -> None:
        """Thread: bodies into the journal, as many as wait at once."""
        while (first := self._bodies.get()) is not None:
            bodies: list[Body | None] = [first]
            while not self._bodies.empty() and len(bodies) < _ACCEPT_AT_ONCE:
                bodies.append(self._bodies.get())
            self._accept_all([body for body in bodies if body is not None])
            if bodies[-1] is None:
                return

    def _accept_all(self, bodies: Sequence[Body]) -> None:
        read = [(body, batch) for body in bodies if self._begin(body) and (batch := self._read(body)) is not None]
        try:
            if self._database.is_full():
                raise DiskFull("the store's disk is full", hint="make room; recording goes on by itself, and Ray's exporter sends again what was refused")
            ends = self._journal.append([(body.cluster or "", body.content) for body, _ in read]) if read else []
        except RayscopeError as error:
            for body, _ in read:
                self._refuse(body, error)
            return
        for (body, batch), end in zip(read, ends, strict=True):
            body.accepted.set_result(None)
            self._count_accepted(body, batch)
            self._backlog.put(_work_of(body.cluster or "", body.content, batch, end), len(batch.events))

    def _begin(self, body: Body) -> bool:
        """Whether somebody still waits for it. A sender that went away sends again."""
        self._count_waiting(-len(body.content))
        return body.accepted.set_running_or_notify_cancel()

    def _count_waiting(self, size: int) -> None:
        with self._counting:
            self._waiting_bytes += size

    def _read(self, body: Body) -> Batch | None:
        """The body decoded; with a secret in it, it becomes one without."""
        try:
            batch = decode_batch(body.content)
            if (masked := without_secrets(body.content, batch)) is None:
                return batch
            body.content = masked
            return decode_batch(masked)
        except Exception as error:  # noqa: BLE001 the sender gets it, whatever it is
            self._refuse(body, error)
            return None

    def _refuse(self, body: Body, error: Exception) -> None:
        self.meters.refused.add(1, type(error).__name__)
        body.accepted.set_exception(error)

    def _count_accepted(self, body: Body, batch: Batch) -> None:
        self.meters.batches.add()
        self.meters.bytes.add(len(body.content))
        self.meters.events.add(len(batch.events) + len(batch.bad))
        self.meters.accepting.observe(time.monotonic() - body.came_s)

    def _new_group(self) -> Group:
        return Group(self._sessions.number)

    def _apply(self) -> None:
        """Thread: batches are folded as they come, and written in groups."""
        group = self._new_group()
        while (works := self._backlog.take(limits.FOLD_EVENTS, group.left_s)) is not None:
            for work in works:
                work.hold()
                group.add(work)
            if group.is_full or group.left_s == 0:
                try:
                    self._apply_all(group)
                except _LeftInJournalError:
                    self._refuse_reports(group.works)
                    return
                self._journal.forget(self._database.read(applied_position))
                group = self._new_group()
        with suppress(_LeftInJournalError):
            self._apply_all(group)

    def _refuse_reports(self, works: Sequence[Work] | None) -> None:
        """Nothing is applied past a batch that was left in the journal: reports that wait behind it are told."""
        while works is not None:
            for work in works:
                if work.applied is not None and not work.applied.done():
                    work.applied.set_exception(Unavailable("the server stops, and its disk is full", hint="make room, and start it again"))
            works = self._backlog.take(limits.FOLD_EVENTS, None)

    def _apply_all(self, group: Group) -> None:
        works = group.works
        try:
            self._write(group)
        except Exception as error:
            if not isinstance(error, RayscopeError):
                log.exception("a group of %d events could not be written; writing it piece by piece", sum(work.events for work in works))
            for work in works:
                self._apply_alone(work)
        else:
            for work in works:
                if work.applied is not None:
                    work.applied.set_result(None)

    def _apply_alone(self, work: Work) -> None:
        """What was acknowledged must go in: a full disk is waited out. A report's sender is told instead."""
        while True:
            try:
                self._write_pieces(work)
            except DiskFull as error:
                if work.applied is None:
                    log.warning("applying waits: %s", error)
                    if self._impatient.wait(_RETRY_S):
                        raise _LeftInJournalError from error
                    continue
                work.applied.set_exception(error)
            except Exception as error:
                log.exception("a report could not be written")
                if work.applied is not None:
                    work.applied.set_exception(error)
            else:
                if work.applied is not None:
                    work.applied.set_result(None)
            return

    def _write_pieces(self, work: Work) -> None:
        content = self._content(work)
        try:
            self._write_alone(work, content)
        except RayscopeError:
            raise
        except Exception as error:
            if not isinstance(content, Batch):
                raise
            *first, last = _halves(content, error)
            for half in first:
                self._write_pieces(Work(half, cluster=work.cluster))
            # with the last piece the batch is whole: only now has the journal's record been applied
            self._write_pieces(Work(last, cluster=work.cluster, end=work.end, size_bytes=work.size_bytes))

    def _write_alone(self, work: Work, content: Batch | Fold) -> None:
        group = self._new_group()
        group.add(Work(content, cluster=work.cluster, end=work.end, size_bytes=work.size_bytes))
        self._write(group)

    def _content(self, work: Work) -> Batch | Fold:
        """What there is to apply; of a batch that was folded once, from the journal."""
        if work.content is not None:
            return work.content
        assert work.end is not None
        return decode_batch(self._journal.record_ending(work.end, work.size_bytes).body)

    def _write(self, group: Group) -> None:
        if group.error is not None:
            raise group.error
        changes, end = group.changes, group.end
        with self.meters.applying.timing():
            self.silent -= self._database.write(lambda connection: self._write_changes(connection, changes, end))
        self.heard_ns = changes.now_ns
        if changes.ends:
            self.ends_ns = changes.now_ns
        self.pulse.beat(changed_rows(changes))

    def _write_changes(self, connection: Connection, changes: Changes, end: Position | None) -> set[int]:
        """All of it, in one transaction. Returns the sessions that were silent and spoke."""
        write_sessions(connection, [self._session_row(name, changes) for name in changes.sessions])
        write_changes(connection, changes, self.settled)
        write_received(connection, changes.received_rows())
        write_quarantine(connection, [asdict(row) for row in changes.quarantined])
        if again := self.silent & {self._sessions.number(name) for name in changes.sessions}:
            forget_silence(connection, sorted(again))
        if end is not None:
            write_applied(connection, end)
        return again

    def _session_row(self, name: str, changes: Changes) -> dict[str, object]:
        return asdict(changes.sessions[name]) | {"session": name, "session_no": self._sessions.number(name)}

    def _replay(self) -> None:
        """Apply what was acknowledged but not applied when the last server ended."""
        group = self._new_group()
        for record in self._journal.replay(self._database.read(applied_position)):
            group.add(_work_of(record.label, record.body, decode_batch(record.body), record.end))
            if group.is_full:
                self._reapply(group)
                group = self._new_group()
        self._reapply(group)

    def _reapply(self, group: Group) -> None:
        try:
            self._apply_all(group)
        except _LeftInJournalError as error:
            raise DiskFull("no room to apply what the journal holds", hint="make room in the data folder, and start the server again") from error


def _work_of(label: str, body: bytes, batch: Batch, end: Position) -> Work:
    return Work(batch, events=len(batch.events), cluster=label or None, end=end, size_bytes=record_size(label, body))


_ACCEPT_AT_ONCE = 16


class _LeftInJournalError(Exception):
    """The server stops while the disk is full: what was accepted is applied by the next one."""


def _halves(batch: Batch, error: Exception) -> list[Batch | Fold]:
    """The batch in two; a single event that cannot be written becomes a fold that quarantines it."""
    middle = len(batch.events) // 2
    if middle == 0:
        return [lambda changes: _set_aside(changes, batch, error)]
    return [Batch(batch.events[:middle], batch.bad, batch.unknown), Batch(batch.events[middle:], [], batch.unknown)]


def _set_aside(changes: Changes, batch: Batch, error: Exception) -> None:
    reason = f"{type(error).__name__}: {error}"
    for bad in [*(Bad(json.encode(event), reason, event.session_name or None) for event in batch.events), *batch.bad]:
        quarantine(changes, bad)
