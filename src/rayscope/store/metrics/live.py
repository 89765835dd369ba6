"""Metrics in memory: what arrived, and what can be asked of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayscope.errors import Conflict, PayloadError
from rayscope.model.metrics import MetricBody, Rejected, Write
from rayscope.store.journal import Position
from rayscope.store.metrics.blocks import BlockRow, joined
from rayscope.store.metrics.head import Matrix, Part, matrix_of
from rayscope.store.metrics.series import Numbers
from rayscope.store.metrics.session import SessionMetrics, check_body
from rayscope.store.metrics.sums import Piece, Summed, of_matrix, summed
from rayscope.store.metrics.tail import Held, Since, between, choose, from_memory

PART_SAMPLES: Final = 64
"""What arrives at once takes as much memory as so many samples more, however little it is."""


class View(Struct, frozen=True, eq=False):
    """Where the samples of some series of one target in a span of time are: blocks in order, and what is in memory."""

    session: SessionMetrics
    target: int
    wanted: Numbers
    span: tuple[int, int]
    blocks: list[BlockRow]
    parts: list[Part]

    def estimate(self) -> int:
        """How many samples it has, at most but for a few."""
        return sum(_share(row, self.span, len(self.wanted)) for row in self.blocks) + sum(
            min(part.values.size, len(part.times) * len(self.wanted)) for part in self.parts
        )


def _share(row: BlockRow, span: tuple[int, int], series: int) -> int:
    """The samples of so many series of a block within a span, its times being even."""
    length = row.end_ms - row.start_ms
    inside = min(row.end_ms, span[1]) - max(row.start_ms, span[0])
    times = row.times if inside >= length else max(row.times * inside // length, 1)
    return times * min(series, row.series)


class LiveMetrics:
    """The metrics of all sessions, as they came. `apply` and `apply_writes` have one caller; reading is free. `limit`: series a session may have."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.position, self.seq = Position(), 0
        self.changed: set[SessionMetrics] = set()
        self.waiting_samples = 0
        self.since_s = 0.0
        """When the first of the samples that wait for a flush came, on the monotonic clock."""
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
                epoch = session.begin_epoch(body.node_id, body.epoch)
            session.take_definitions(epoch, body)
            kept = sum(session.take_scrape(epoch, scrape, self.seq, now_ms) for scrape in body.scrapes)
            session.note_epoch(epoch, body.seq + 1)
            self._note(session, kept + PART_SAMPLES * len(body.scrapes), end)
        return kept

    def apply_writes(self, session: SessionMetrics, writes: Sequence[Write], now_ms: int, end: Position) -> Rejected:
        """Take samples from outside that are in the journal; what was refused."""
        with self._lock:
            self.seq += 1
            before, dropped = session.rejected.copy(), session.dropped_samples
            taken = session.take_writes(writes, self.seq, now_ms)
            for target, part in taken:
                session.targets[target].active.append(part)
            self._note(session, sum(part.values.size + PART_SAMPLES for _, part in taken), end)
            refused = dict(session.rejected - before)
            if over := session.dropped_samples - dropped:
                refused["over budget"] = over
        return Rejected(refused)

    def _note(self, session: SessionMetrics, samples: int, end: Position) -> None:
        if not self.changed:
            self.since_s = time.monotonic()
        self.changed.add(session)
        self.waiting_samples += samples
        self.position = end

    # what is asked

    def known(self, session: str | None) -> list[SessionMetrics]:
        """The sessions that have metrics: that one, or all."""
        if session is not None:
            return [self._sessions[session]] if session in self._sessions else []
        return list(self._sessions.values())

    def views(self, session: SessionMetrics, series: Numbers, start_ms: int, end_ms: int) -> list[View]:
        """Where the samples of series in a span of time are, by target. Nothing is read yet; what is read later is as it was now."""
        span = (start_ms, end_ms)
        owners = session.index.targets[series]
        order = np.argsort(owners, kind="stable")
        targets, starts = np.unique(owners[order], return_index=True)
        found = []
        with self._lock:
            for target, wanted in zip(targets.tolist(), np.split(series[order], starts)[1:], strict=True):
                parts = [part for part in session.targets[target].parts if part.times[-1] >= start_ms and part.times[0] <= end_ms]
                blocks = self._blocks_of(session, target, span)
                if parts or blocks:
                    found.append(View(session, target, wanted, span, blocks, parts))
        return found

    def _blocks_of(self, session: SessionMetrics, target: int, span: tuple[int, int]) -> list[BlockRow]:
        """The blocks of a target that touch a span of time, in order. In memory alone there are none."""
        del session, target, span
        return []

    def read(self, view: View) -> Matrix | None:
        """The samples of a view; None where there are none."""
        found = [self._read_block(view, row) for row in view.blocks]
        found.append(matrix_of(view.parts, view.wanted, view.span))
        there = [matrix for matrix in found if matrix is not None]
        return joined(there) if there else None

    def sums(self, view: View, groups: NDArray[np.intp], count: int, *, counters: bool) -> Summed | None:
        """The series of a view summed by group, as far as that can be; see `sums.summed`. Times outside of the span may be among those of the sums."""
        pieces = [self._piece(view, row) for row in view.blocks]
        if (matrix := matrix_of(view.parts, view.wanted)) is not None:
            where = np.searchsorted(view.wanted, matrix.series)
            pieces.append(Piece(matrix.times, [of_matrix(matrix, where)]))
        return summed(view.wanted, groups, count, [piece for piece in pieces if piece is not None], counters=counters)

    def _piece(self, view: View, row: BlockRow) -> Piece | None:
        del view, row
        return None

    def _read_block(self, view: View, row: BlockRow) -> Matrix | None:
        del view, row
        return None

    def present(self, session: SessionMetrics, series: Numbers, start_ms: int, end_ms: int) -> Numbers:
        """Of these series those that have samples in a span of time, or about it: by the times of their first and last one."""
        index = session.index
        kept: Numbers = series[(index.last_ms[series] >= start_ms) & (index.first_ms[series] <= end_ms)]
        return kept

    def after(self, seq: int, max_samples: int) -> tuple[int, list[tuple[SessionMetrics, Matrix]]]:
        """What arrived after a number, some of it where it is much; and the number of the last arrival that is in it."""
        with self._lock:
            since = self._since(seq)
            by_number = {session.session_no: session for session in self._sessions.values()}
        cut, count = choose(since, max_samples, lambda row: self._seqs_of(by_number[row.session_no], row))
        found = [(by_number[row.session_no], self._read_whole(by_number[row.session_no], row)) for row in since.blocks[:count]]
        stored = [(session, part) for session, matrix in found if (part := between(matrix, seq, cut)) is not None]
        return cut, stored + [(by_number[session_no], matrix) for session_no, matrix in from_memory(since, cut)]

    def _since(self, seq: int) -> Since:
        held = [
            Held(session.session_no, parts)
            for session in self._sessions.values()
            for target in session.targets
            if (parts := [part for part in target.parts if part.seq > seq])
        ]
        return Since(seq, self.seq, self._blocks_since(seq), held)

    def _blocks_since(self, seq: int) -> list[BlockRow]:
        """The blocks with arrivals behind that one, by their first."""
        del seq
        return []

    def _seqs_of(self, session: SessionMetrics, row: BlockRow) -> NDArray[np.int64]:
        raise NotImplementedError

    def _read_whole(self, session: SessionMetrics, row: BlockRow) -> Matrix:
        raise NotImplementedError
