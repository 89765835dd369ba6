"""Metrics in memory: what arrived, and what can be asked of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from rayscope.errors import Conflict, PayloadError
from rayscope.model.metrics import MetricBody, Rejected, Write
from rayscope.store.journal import Position
from rayscope.store.metrics.head import Matrix, matrix_of
from rayscope.store.metrics.series import Numbers
from rayscope.store.metrics.session import Epoch, SessionMetrics, check_body, groups_of

Chosen = tuple[SessionMetrics, Numbers]
"""Series of a session."""


class LiveMetrics:
    """The metrics of all sessions, as they came. `apply` and `apply_writes` have one caller; reading is free. `limit`: series a session may have."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.position, self.seq = Position(), 0
        self._lock = threading.Lock()
        self._sessions: dict[str, SessionMetrics] = {}

    # what comes in

    def session(self, session_no: int, session: str) -> SessionMetrics:
        """A session's metrics; empty ones for a session that has none."""
        known = self._sessions.get(session)
        if known is None:
            known = self._sessions[session] = SessionMetrics(session_no, session, self.limit)
        return known

    def admit(self, session: SessionMetrics, body: MetricBody, expected: int | None = None) -> bool:
        """Whether a body is new. Raises Conflict where its definitions are not known, PayloadError where it is malformed.

        ``expected``: the number that comes next where bodies of its epoch wait to be applied.
        """
        epoch = session.epochs.get((body.node_id, body.epoch))
        following = expected if expected is not None else epoch.next_seq if epoch is not None else 0
        if body.seq > following:
            raise Conflict(
                f"body {body.seq} of epoch {body.epoch[:40]!r} comes where {following} is expected", hint="begin a new epoch, with all definitions, from 0"
            )
        if body.seq < following:
            return False
        fault = check_body(*((len(epoch.targets), epoch.series.size) if epoch is not None else (0, 0)), body)
        if fault is not None:
            raise PayloadError(f"body {body.seq} of epoch {body.epoch[:40]!r} is malformed: {fault}")
        return True

    def apply(self, session: SessionMetrics, body: MetricBody, now_ms: int, end: Position) -> int:
        """Take a body that is in the journal, up to ``end``; how many samples of it are kept."""
        with self._lock:
            self.seq += 1
            epoch = session.epochs.get((body.node_id, body.epoch))
            if epoch is None:
                epoch = session.epochs[body.node_id, body.epoch] = Epoch(node_id=body.node_id, epoch=body.epoch)
            session.take_definitions(epoch, body)
            kept = sum(session.take_scrape(epoch, scrape, self.seq, now_ms) for scrape in body.scrapes)
            epoch.next_seq = body.seq + 1
            self.position = end
        return kept

    def apply_writes(self, session: SessionMetrics, writes: Sequence[Write], now_ms: int, end: Position) -> Rejected:
        """Take samples from outside that are in the journal; what was refused."""
        with self._lock:
            self.seq += 1
            before, dropped = session.rejected.copy(), session.dropped_samples
            taken = [kept for write in writes if (kept := session.take_write(write, self.seq, now_ms)) is not None]
            for target, part in groups_of(taken):
                session.targets[target].active.append(part)
            self.position = end
            refused = dict(session.rejected - before)
            if over := session.dropped_samples - dropped:
                refused["over budget"] = over
        return Rejected(refused)

    # what is asked

    def known(self, session: str | None) -> list[SessionMetrics]:
        """The sessions that have metrics: that one, or all."""
        if session is not None:
            return [self._sessions[session]] if session in self._sessions else []
        return list(self._sessions.values())

    def estimate(self, session: SessionMetrics, series: Numbers, start_ms: int, end_ms: int) -> int:
        """How many samples of series there are in a span of time, at most."""
        return sum(matrix.values.size for matrix in self._of_targets(session, series, start_ms, end_ms))

    def matrices(self, session: SessionMetrics, series: Numbers, start_ms: int, end_ms: int) -> list[Callable[[], Matrix | None]]:
        """By target: a function that reads its samples."""
        return [lambda matrix=matrix: matrix for matrix in self._of_targets(session, series, start_ms, end_ms)]  # type: ignore[misc]

    def present(self, session: SessionMetrics, series: Numbers, start_ms: int, end_ms: int) -> Numbers:
        """Of these series those that have samples in a span of time, or about it: by the times of their first and last one."""
        index = session.index
        kept: Numbers = series[(index.last_ms[series] >= start_ms) & (index.first_ms[series] <= end_ms)]
        return kept

    def _of_targets(self, session: SessionMetrics, series: Numbers, start_ms: int, end_ms: int) -> list[Matrix]:
        targets = sorted(set(session.index.targets[series].tolist()))
        with self._lock:
            parts = [session.targets[target].parts for target in targets]
        found = [matrix_of(held, series, (start_ms, end_ms)) for held in parts]
        return [matrix for matrix in found if matrix is not None]

    def after(self, seq: int, max_samples: int) -> tuple[int, list[tuple[SessionMetrics, Matrix]]]:
        """What arrived after a number, some of it where it is much; and the number of the last arrival that is in it."""
        with self._lock:
            held = [(session, target, [part for part in target.parts if part.seq > seq]) for session in self._sessions.values() for target in session.targets]
            last = self.seq
        sizes = sorted((part.seq, part.values.size) for _, _, parts in held for part in parts)
        total = 0
        for number, size in sizes:
            if total and total + size > max_samples and number > seq + 1:
                last = number - 1
                break
            total += size
        found = []
        for session, _, parts in held:
            matrix = matrix_of([part for part in parts if part.seq <= last])
            if matrix is not None:
                found.append((session, matrix))
        return last, found
