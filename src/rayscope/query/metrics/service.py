"""Everything that can be asked of metrics, in one place for the evaluator, the routes and the exporters."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Protocol, TypeVar

import numpy as np

from rayscope.errors import LimitExceeded
from rayscope.model.metrics import Budget, Family, Labels, Matcher, Rejected, Write
from rayscope.query.metrics.sums import Grouping, frame_of, read_sums
from rayscope.store.limits import METRIC_SAMPLES, METRIC_SERIES
from rayscope.store.metrics.frames import Frame
from rayscope.store.metrics.live import LiveMetrics, View
from rayscope.store.metrics.series import Numbers
from rayscope.store.metrics.session import SessionMetrics

T = TypeVar("T")

FOR_EVER: Final = 1 << 62
_THREADS: Final = 2
_AHEAD: Final = 4


def _check_estimate(samples: int, most: int) -> None:
    if samples > most:
        raise LimitExceeded(
            f"the question would touch some {samples:,} samples, more than the limit of {most:,}",
            hint="ask for fewer series, a shorter time, or aggregate what is asked for",
        )


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
        return self._read(self._views(session, matchers, start_ms, end_ms), max_samples)

    def select_each(
        self, session: str | None, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int = METRIC_SAMPLES
    ) -> Iterator[Frame]:
        """Like `select`, a frame after the other, as they are taken: only a few are in memory. ``max_samples`` is of each."""
        views = self._views(session, matchers, start_ms, end_ms)
        return self._stream(lambda view: self._limited(view, max_samples), views)

    def select_sums(
        self,
        session: str | None,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        *,
        names: Sequence[str],
        without: bool = False,
        counters: bool = True,
        max_samples: int = METRIC_SAMPLES,
    ) -> Iterator[Frame]:
        """Like `select_each`, for a question that sums: series of a target that fall into one group are one, their sum, as far as that changes nothing.

        For `sum by (names) (rate(x[1m]))`, and `increase`; with ``counters=False`` for `sum by (names) (x)`. ``without``: `sum without (names) (…)`. What is
        returned is to be asked on in the same way as what `select` returns. ``max_samples`` is of what of a target cannot be summed.
        """
        views = self._views(session, matchers, start_ms, end_ms)
        groupings = {view.session.session: view.session.index for view in views}
        made = {name: Grouping(index, names, without=without) for name, index in groupings.items()}

        def read(view: View) -> list[Frame]:
            sums, rest = read_sums(self.store, view, made[view.session.session], counters=counters)
            return [*([] if sums is None else [sums]), *(self._limited(rest, max_samples) if len(rest.wanted) else [])]

        return self._stream(read, views)

    def _limited(self, view: View, max_samples: int) -> list[Frame]:
        _check_estimate(view.estimate(), max_samples)
        frame = self._framed(view)
        return [] if frame is None else [frame]

    def _stream(self, work: Callable[[View], list[Frame]], views: Sequence[View]) -> Iterator[Frame]:
        """What the work on each view gives, in order: a few views ahead of who takes it."""
        waiting: deque[Future[list[Frame]]] = deque()
        try:
            for view in views:
                waiting.append(self._threads.submit(work, view))
                if len(waiting) > _AHEAD:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _views(self, session: str | None, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[View]:
        return [view for known in self.store.known(session) for view in self.store.views(known, known.index.match(matchers), start_ms, end_ms)]

    def _read(self, views: Sequence[View], max_samples: int) -> list[Frame]:
        _check_estimate(sum(view.estimate() for view in views), max_samples)
        return [frame for frame in self._map(self._framed, views) if frame is not None]

    def _map(self, work: Callable[[View], T], views: Sequence[View]) -> list[T]:
        return list(self._threads.map(work, views) if len(views) > 1 else map(work, views))

    def _framed(self, view: View) -> Frame | None:
        matrix = self.store.read(view)
        return None if matrix is None else frame_of(view.session.index, matrix)

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
        return after, [frame_of(known.index, matrix) for known, matrix in found]

    def _present(self, session: str | None, match: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[tuple[SessionMetrics, Numbers]]:
        found = []
        for known in self.store.known(session):
            fitting = [known.index.match(matchers) for matchers in match or ((),)]
            chosen = fitting[0] if len(fitting) == 1 else np.unique(np.concatenate(fitting))
            found.append((known, self.store.present(known, chosen, start_ms, end_ms)))
        return found
