"""Everything that can be asked of metrics, in one place for the evaluator, the routes and the exporters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

import numpy as np

from rayscope.errors import LimitExceeded
from rayscope.model.metrics import Budget, Family, Labels, Matcher, Rejected, Write
from rayscope.store.limits import METRIC_SAMPLES, METRIC_SERIES
from rayscope.store.metrics.frames import Frame
from rayscope.store.metrics.head import Matrix
from rayscope.store.metrics.live import LiveMetrics
from rayscope.store.metrics.series import Numbers
from rayscope.store.metrics.session import SessionMetrics

FOR_EVER: Final = 1 << 62
_THREADS: Final = 2


class Writer(Protocol):
    """Who makes samples durable: the ingest."""

    def write(self, session: str, writes: Sequence[Write]) -> Rejected:
        """Take samples; what was refused of them."""


class Metrics:
    """Questions about metrics. Sessions are named exactly; None means all of them. Times are ms, spans include both ends."""

    def __init__(self, store: LiveMetrics, writer: Writer) -> None:
        self.store = store
        self._writer = writer
        self._threads = ThreadPoolExecutor(_THREADS, "rayscope-metrics")

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown()

    def select(self, session: str | None, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int = METRIC_SAMPLES) -> list[Frame]:
        """The samples of the series that fit, a frame a target. Raises LimitExceeded before anything is read, UsageError for an expression that is none."""
        chosen = [(known, known.index.match(matchers)) for known in self.store.known(session)]
        estimate = sum(self.store.estimate(known, series, start_ms, end_ms) for known, series in chosen)
        if estimate > max_samples:
            raise LimitExceeded(
                f"the question would touch some {estimate:,} samples, more than the limit of {max_samples:,}",
                hint="ask for fewer series, a shorter time, or aggregate what is asked for",
            )
        reads = [(known, read) for known, series in chosen for read in self.store.matrices(known, series, start_ms, end_ms)]
        found = self._threads.map(lambda pair: _framed(*pair), reads) if len(reads) > 1 else map(_framed, *zip(*reads, strict=True)) if reads else ()
        return [frame for frame in found if frame is not None]

    def series(
        self, session: str | None, match: Sequence[Sequence[Matcher]], start_ms: int = 0, end_ms: int = FOR_EVER, limit: int = METRIC_SERIES
    ) -> list[Labels]:
        """The labels of series that fit any of the conditions and have samples in the span."""
        found: list[Labels] = []
        for known, chosen in self._present(session, match, start_ms, end_ms):
            found += [known.index.labels(number) for number in chosen[: limit - len(found)].tolist()]
        return found

    def label_names(self, session: str | None, match: Sequence[Sequence[Matcher]] = (), start_ms: int = 0, end_ms: int = FOR_EVER) -> list[str]:
        """The names of the labels of such series."""
        return sorted({name for known, chosen in self._present(session, match, start_ms, end_ms) for name in known.index.label_names(chosen)})

    def label_values(self, session: str | None, name: str, match: Sequence[Sequence[Matcher]] = (), start_ms: int = 0, end_ms: int = FOR_EVER) -> list[str]:
        """The values of one label of such series."""
        return sorted({value for known, chosen in self._present(session, match, start_ms, end_ms) for value in known.index.label_values(name, chosen)})

    def families(self, session: str | None, name: str | None = None) -> list[Family]:
        """What is known of metrics, by name: of one, or of all."""
        found: dict[str, Family] = {}
        for known in self.store.known(session):
            found |= known.families if name is None else {name: known.families[name]} if name in known.families else {}
        return [found[key] for key in sorted(found)]

    def budget(self, session: str) -> Budget:
        """How a session stands with its limit of series, and what was refused."""
        known = self.store.known(session)
        if known:
            return known[0].budget()
        return Budget(limit=self.store.limit, series=0, dropped_series=0, dropped_samples=0, offenders=[], rejected={})

    def append(self, session: str, writes: Sequence[Write]) -> Rejected:
        """Take samples from outside. Returns when they are durable; what was refused is told, and counted in the budget. Raises DiskFull, Unavailable."""
        return self._writer.write(session, writes)

    def tail(self, cursor: int, max_samples: int) -> tuple[int, list[Frame]]:
        """What arrived since a cursor (0: all that is kept), and the next cursor. Some of it where it is much; one arrival at least.

        Arrivals are in the order in which they became durable. A sample may come twice, never not at all.
        """
        after, found = self.store.after(cursor, max_samples)
        return after, [_frame(known, matrix) for known, matrix in found]

    def _present(self, session: str | None, match: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[tuple[SessionMetrics, Numbers]]:
        found = []
        for known in self.store.known(session):
            fitting = [known.index.match(matchers) for matchers in match or ((),)]
            chosen = fitting[0] if len(fitting) == 1 else np.unique(np.concatenate(fitting))
            found.append((known, self.store.present(known, chosen, start_ms, end_ms)))
        return found


def _framed(known: SessionMetrics, read: Callable[[], Matrix | None]) -> Frame | None:
    matrix = read()
    return None if matrix is None else _frame(known, matrix)


def _frame(known: SessionMetrics, matrix: Matrix) -> Frame:
    return Frame([known.index.labels(number) for number in matrix.series.tolist()], matrix.times, matrix.values)
