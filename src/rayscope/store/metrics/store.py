"""The store of metrics: what arrived is in the journal and in memory, and goes to blocks in flushes. All of it can be read at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from rayscope.store.database import Connection, Database
from rayscope.store.journal import Journal, Position
from rayscope.store.metrics import index
from rayscope.store.metrics.blocks import BlockRow, encode_block, read_matrix, read_piece
from rayscope.store.metrics.directory import Directory
from rayscope.store.metrics.head import Matrix, Part, matrices_of, sample_count
from rayscope.store.metrics.index import Unsaved
from rayscope.store.metrics.live import LiveMetrics, View
from rayscope.store.metrics.session import SessionMetrics
from rayscope.store.metrics.sums import Piece

_IDLE_S: Final = 7_200.0
"""After how long a session that nobody names leaves memory; its last blocks have been merged by then."""


class _Frozen(Struct, frozen=True, eq=False):
    """What a flush takes to disk."""

    unsaved: list[Unsaved]
    parts: list[tuple[SessionMetrics, int, list[Part]]]
    position: Position
    seq: int


class MetricStore(LiveMetrics):
    """One a server. `apply`, `apply_writes` and `flush` have one caller each; reading is free. Sessions are opened when they are first named."""

    def __init__(self, database: Database, folder: Path, limit: int) -> None:
        super().__init__(limit)
        self.database = database
        self.folder = folder
        self.journal = Journal(folder / "journal")
        self.directory = Directory(folder)
        self.position, self.seq = database.read(index.metric_position)
        self.flushing = threading.Lock()
        self._opening = threading.Lock()
        self._frozen: _Frozen | None = None

    def close(self) -> None:
        """Close all files. What is not flushed is in the journal."""
        self.journal.close()
        self.directory.close()

    # sessions

    def session(self, session_no: int, session: str) -> SessionMetrics:
        """A session's metrics, read from the database when it is first named."""
        with self._opening:
            known = self._sessions.get(session)
            known = known if known is not None else self._open(session_no, session)
            known.used_s = time.monotonic()
            return known

    def writable(self, session_no: int, session: str) -> SessionMetrics:
        """The same, for samples that come: it stays open."""
        with self._opening:
            known = self._sessions.get(session) or self._open(session_no, session)
            known.used_s = time.monotonic()
            return known

    def close_idle(self, session: SessionMetrics) -> None:
        """Forget, until it is named again, a session that nobody has asked for or written to for a while."""
        with self._opening, self._lock:
            idle = time.monotonic() - session.used_s > _IDLE_S
            if idle and self._frozen is None and session not in self.changed and self._sessions.get(session.session) is session:
                del self._sessions[session.session]
                self.directory.rows.pop(session.session_no, None)

    def take_old_epochs(self, session: SessionMetrics) -> list[int]:
        """The numbers of epochs that are forgotten here: their agents have begun others."""
        with self._lock:
            if session in self.changed or self._frozen is not None:
                return []
            old = session.old_epochs()
            for epoch in old:
                del session.epochs[epoch.node_id, epoch.epoch]
            return [epoch.number for epoch in old]

    def known(self, session: str | None) -> list[SessionMetrics]:
        """The sessions that have metrics: that one, or all."""
        if session is not None and session in self._sessions:
            self._sessions[session].used_s = time.monotonic()
            return [self._sessions[session]]
        stored = self.database.read(index.sessions)
        for number, name in stored:
            if session in {None, name}:
                self.session(number, name)
        return super().known(session)

    def _open(self, session_no: int, session: str) -> SessionMetrics:
        saved, rows = self.database.read(lambda connection: (index.read_session(connection, session_no), index.read_blocks(connection, session_no)))
        made = SessionMetrics(session_no, session, self.limit)
        made.fill(saved)
        for row in rows:
            self._note_times(made, row)
        with self._lock:
            self.directory.add(rows)
            self._sessions[session] = made
        return made

    def _note_times(self, session: SessionMetrics, row: BlockRow) -> None:
        """When the series of a block were first and last heard of."""
        head = self.directory.head(session.session, row)
        firsts, lasts, series = session.index.first_ms, session.index.last_ms, head.series
        firsts[series] = np.minimum(firsts[series], row.start_ms)
        lasts[series] = np.maximum(lasts[series], head.times[head.lasts])
        target = session.targets[row.target_no]
        target.scraped_ms = max(target.scraped_ms, row.end_ms)

    # what goes to disk

    def is_due(self, samples: int, age_s: float) -> bool:
        """Whether what is in memory is much, or old, enough for a flush."""
        return self.waiting_samples >= samples or (self.waiting_samples > 0 and time.monotonic() - self.since_s >= age_s)

    def flush(self) -> None:
        """Everything in memory into blocks. Raises DiskFull; then nothing has changed, and the next flush tries again."""
        with self.flushing:
            again = self._frozen is not None
            self._flush_frozen()
            if again:
                self._flush_frozen()

    def _flush_frozen(self) -> None:
        frozen = self._freeze()
        if frozen is None:
            return
        rows = self._write_blocks(frozen)

        def store(connection: Connection) -> None:
            for unsaved in frozen.unsaved:
                index.write_unsaved(connection, unsaved)
            index.write_blocks(connection, rows)
            index.write_metric_position(connection, frozen.position, frozen.seq)

        self.database.write(store)
        self._thaw(frozen, rows)
        self.journal.forget(frozen.position)

    def _freeze(self) -> _Frozen | None:
        """What a failed flush left frozen is tried again by itself."""
        with self._lock:
            if self._frozen is not None or not self.changed:
                return self._frozen
            parts = []
            for session in self.changed:
                for target in session.targets:
                    if target.active:
                        target.frozen, target.active = target.active, []
                        parts.append((session, target.number, target.frozen))
            self._frozen = _Frozen([session.unsaved() for session in self.changed], parts, self.position, self.seq)
            self.changed, self.waiting_samples = set(), 0
            return self._frozen

    def _write_blocks(self, frozen: _Frozen) -> list[BlockRow]:
        rows = []
        for session, target, parts in frozen.parts:
            rows += [self.append(session, target, matrix, level=0, resolution_ms=0) for matrix in matrices_of(parts)]
        for session in {id(session): session for session, _, _ in frozen.parts}.values():
            self.directory.writer(session.session, 0).sync()
        return rows

    def append(self, session: SessionMetrics, target: int, matrix: Matrix, level: int, resolution_ms: int) -> BlockRow:
        """Write one block; durable after the writer's `sync`, and there once its row is in the database. Raises DiskFull."""
        data, head = encode_block(matrix, target, resolution_ms)
        segment_no, position = self.directory.writer(session.session, level).append(data)
        return BlockRow(
            session_no=session.session_no,
            target_no=target,
            level=level,
            segment_no=segment_no,
            position=position,
            head_bytes=head,
            size_bytes=len(data),
            resolution_ms=resolution_ms,
            start_ms=int(matrix.times[0]),
            end_ms=int(matrix.times[-1]),
            times=len(matrix.times),
            series=len(matrix.series),
            samples=sample_count(matrix),
            first_seq=int(matrix.seqs.min()),
            last_seq=int(matrix.seqs.max()),
        )

    def _thaw(self, frozen: _Frozen, rows: Sequence[BlockRow]) -> None:
        with self._lock:
            for session, target, _ in frozen.parts:
                session.targets[target].frozen = []
            self.directory.add(rows)
            self._frozen = None

    # what changes behind it

    def known_now(self) -> list[SessionMetrics]:
        """The sessions that are open."""
        return list(self._sessions.values())

    def rows_of(self, session: SessionMetrics) -> list[list[BlockRow]]:
        """A session's blocks by target, in order."""
        with self._lock:
            return [list(rows) for rows in self.directory.rows.get(session.session_no, {}).values()]

    def exchange(self, gone: Sequence[BlockRow], made: Sequence[BlockRow]) -> None:
        """Blocks take the place of others, of which nobody learns any more."""
        with self._lock:
            self.directory.remove(gone)
            self.directory.add(made)

    def forget(self, session: str) -> None:
        """A session is to be deleted: nothing of it is in memory any more."""
        with self._lock:
            known = self._sessions.pop(session, None)
            if known is None:
                return
            self.changed.discard(known)
            self.directory.rows.pop(known.session_no, None)
            if self._frozen is not None:
                self._frozen = structs.replace(
                    self._frozen,
                    parts=[part for part in self._frozen.parts if part[0] is not known],
                    unsaved=[unsaved for unsaved in self._frozen.unsaved if unsaved.session_no != known.session_no],
                )

    # what is asked

    def _blocks_of(self, session: SessionMetrics, target: int, span: tuple[int, int]) -> list[BlockRow]:
        return [row for row in self.directory.rows.get(session.session_no, {}).get(target, ()) if row.touches(*span)]

    def _read_block(self, view: View, row: BlockRow) -> Matrix | None:
        session = view.session.session
        return read_matrix(self.directory.file(session, row), row, self.directory.head(session, row), view.wanted, view.span)

    def _piece(self, view: View, row: BlockRow) -> Piece | None:
        session = view.session.session
        return read_piece(self.directory.file(session, row), row, self.directory.head(session, row), view.wanted)

    def after(self, seq: int, max_samples: int) -> tuple[int, list[tuple[SessionMetrics, Matrix]]]:
        """As in memory; with the blocks of all sessions that have some of it."""
        for number, name in self.database.read(lambda connection: index.sessions_since(connection, seq)):
            self.session(number, name)
        return super().after(seq, max_samples)

    def _blocks_since(self, seq: int) -> list[BlockRow]:
        rows = [row for targets in self.directory.rows.values() for rows in targets.values() for row in rows if row.last_seq > seq and not row.resolution_ms]
        return sorted(rows, key=lambda row: row.first_seq)

    def _seqs_of(self, session: SessionMetrics, row: BlockRow) -> NDArray[np.int64]:
        return self.directory.head(session.session, row).seqs

    def _read_whole(self, session: SessionMetrics, row: BlockRow) -> Matrix:
        matrix = read_matrix(self.directory.file(session.session, row), row, self.directory.head(session.session, row), None)
        assert matrix is not None
        return matrix
