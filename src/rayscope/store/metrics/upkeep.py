"""What the store of metrics does by itself and on demand: blocks are merged and thinned, old ones and whole sessions deleted, empty segments removed."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rayscope.model.metrics import NAME
from rayscope.store import limits
from rayscope.store.database import Connection
from rayscope.store.metrics import index
from rayscope.store.metrics.blocks import BlockRow, joined, read_matrix
from rayscope.store.metrics.head import Matrix
from rayscope.store.metrics.session import SessionMetrics
from rayscope.store.metrics.store import MetricStore
from rayscope.store.metrics.thinning import RAW, Merge, merges, thinned

_COUNTERS = ("_total", "_count", "_sum", "_bucket")
_AT_ONCE = 64


class Upkeep:
    """Beside the flushes of a store, of which it takes the lock."""

    def __init__(self, store: MetricStore) -> None:
        self.store = store

    def tidy(self, now_ms: int, budget_s: float) -> None:
        """All of it, for a while: blocks, epochs nobody uses, empty segments, and sessions that nobody asks for."""
        before_ms = int(now_ms - limits.METRIC_RAW_S * 1000)
        for number, name in self.store.database.read(lambda connection: index.sessions_to_thin(connection, before_ms)):
            self.store.session(number, name)
        self.compact(now_ms, budget_s)
        for session in self.store.known_now():
            with self.store.flushing:
                self.sweep(session.session, session.session_no)
                self._drop_epochs(session)
            session.refresh(now_ms)
            self.store.close_idle(session)

    def _drop_epochs(self, session: SessionMetrics) -> None:
        if old := self.store.take_old_epochs(session):
            self.store.database.write(lambda connection: index.drop_epochs(connection, session.session_no, old))

    def compact(self, now_ms: int, budget_s: float) -> int:
        """Merge and thin blocks of the sessions that are open, until nothing is left to do or time is up; how many were written."""
        deadline, done = time.monotonic() + budget_s, 0
        for session in self.store.known_now():
            while time.monotonic() < deadline and (found := self._due(session, now_ms)):
                with self.store.flushing:
                    self._carry_out(session, found)
                done += len(found)
        return done

    def _due(self, session: SessionMetrics, now_ms: int) -> list[Merge]:
        """Some of what is to be done, all of different targets."""
        found: list[Merge] = []
        for rows in self.store.rows_of(session):
            if (merge := next(merges(rows, now_ms), None)) is not None:
                found.append(merge)
            if len(found) == _AT_ONCE:
                break
        return found

    def _carry_out(self, session: SessionMetrics, found: Sequence[Merge]) -> None:
        made = [row for merge in found if (row := self._merged(session, merge)) is not None]
        for level in {row.level for row in made}:
            self.store.directory.writer(session.session, level).sync()
        self._replace([row for merge in found for row in merge.rows], made)

    def _merged(self, session: SessionMetrics, merge: Merge) -> BlockRow | None:
        matrix = joined([self._read(session, row) for row in merge.rows])
        if merge.resolution_ms != RAW:
            counters = is_counter(session)[matrix.series]
            matrix = thinned(matrix, merge.resolution_ms, counters, session.index.first_ms[matrix.series])
        if not len(matrix.times):
            return None
        return self.store.append(session, merge.rows[0].target_no, matrix, merge.level, merge.resolution_ms)

    def _read(self, session: SessionMetrics, row: BlockRow) -> Matrix:
        directory = self.store.directory
        matrix = read_matrix(directory.file(session.session, row), row, directory.head(session.session, row), None)
        assert matrix is not None
        return matrix

    def _replace(self, gone: Sequence[BlockRow], made: Sequence[BlockRow]) -> None:
        def change(connection: Connection) -> None:
            index.drop_blocks(connection, gone)
            index.write_blocks(connection, made)

        self.store.database.write(change)
        self.store.exchange(gone, made)

    def sweep(self, session: str, session_no: int) -> None:
        """Delete segments of a session in which nothing is left. The caller holds the lock of flushes."""
        used = self.store.database.read(lambda connection: index.used_segments(connection, session_no))
        self.store.directory.sweep(session, used, time.monotonic())

    def drop_blocks(self, rows: Sequence[BlockRow]) -> int:
        """Delete blocks; their bytes."""
        with self.store.flushing:
            self.store.database.write(lambda connection: index.drop_blocks(connection, rows))
            self.store.exchange(rows, ())
        return sum(row.size_bytes for row in rows)

    def drop_session(self, session_no: int, session: str) -> int:
        """Delete all metrics of a session; the bytes of segments that this frees."""
        self.store.flush()  # or a kill would bring what is in the journal back
        with self.store.flushing:
            self.store.forget(session)
            self.store.database.write(lambda connection: index.drop_session_rows(connection, session_no))
            return self.store.directory.drop_session(session)


def is_counter(session: SessionMetrics) -> NDArray[np.bool_]:
    """By series: whether it is one of a counter, or of a histogram or summary, by what its exposition says or else by its name."""
    places, names = session.index.value_of(NAME)
    counters = np.array([_counts(session, name) for name in names] or [False], np.bool_)
    found: NDArray[np.bool_] = counters[places]
    return found


def _counts(session: SessionMetrics, name: str) -> bool:
    family = session.families.get(name)
    if family is not None and family.type in {"counter", "gauge"}:
        return family.type == "counter"
    return name.endswith(_COUNTERS)
