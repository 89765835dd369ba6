"""Where samples come from, and how many one question may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeAlias

import numpy as np

from rayscope.errors import LimitExceeded, PromqlError, PromqlExecutionError, PromqlTimeout, UsageError
from rayscope.model.metrics import Matcher
from rayscope.query.metrics.frames import Frame, Times
from rayscope.query.promql.syntax import At, Selector
from rayscope.store.limits import PROMQL_SAMPLES, PROMQL_TIMEOUT_S


class Metrics(Protocol):
    """What is asked of the store of metrics. Bounds are inclusive, and each series is in one frame."""

    def select(self, session: str | None, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int) -> list[Frame]:
        """The samples of all series that match."""

    def select_each(self, session: str | None, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int) -> Iterator[Frame]:
        """The same, a frame after the other."""

    def select_sums(
        self,
        session: str | None,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        *,
        names: Sequence[str],
        without: bool,
        counters: bool,
        max_samples: int,
    ) -> Iterator[Frame]:
        """Sums in the place of series that are summed anyway; here series of several frames may have the same labels."""


Read: TypeAlias = Callable[[Selector, int, int], Iterable[Frame]]
"""(selector, first_ms, last_ms) to frames."""


class Source:
    """The samples of one question, of a session or of all: counted, within its time, and those that are asked for again fetched once."""

    def __init__(self, metrics: Metrics, session: str | None, start_ms: int, end_ms: int, *, timeout_s: float = PROMQL_TIMEOUT_S) -> None:
        self._metrics = metrics
        self._session = session
        self._start_ms, self._end_ms = start_ms, end_ms
        self._until = time.monotonic() + timeout_s
        self._left = PROMQL_SAMPLES
        self._known: dict[tuple[tuple[Matcher, ...], int, int], list[Frame]] = {}

    def check_time(self) -> None:
        """Raises PromqlTimeout."""
        if time.monotonic() > self._until:
            raise PromqlTimeout("query timed out in expression evaluation", hint="ask for fewer series, a shorter range or longer steps")

    def resolve(self, at: At) -> int | None:
        """The time of an `@`."""
        return {"start": self._start_ms, "end": self._end_ms}[at] if isinstance(at, str) else at

    def times(self, times: Times, offset_ms: int, at: At) -> Times:
        """When a selector looks, for each step."""
        fixed = self.resolve(at)
        return (times if fixed is None else np.full(len(times), fixed, np.int64)) - offset_ms

    def frames(self, selector: Selector, first_ms: int, last_ms: int) -> list[Frame]:
        """The samples of the selector's series from first to last. Raises PromqlExecutionError beyond the limit."""
        self.check_time()
        asked = selector.matchers, first_ms, last_ms
        if asked not in self._known:
            with _in_its_words():
                found = self._metrics.select(self._session, *asked, max_samples=self._left)
            self.count(sum(frame.values.size for frame in found))
            self._known[asked] = found
        return self._known[asked]

    def each(self, selector: Selector, first_ms: int, last_ms: int) -> Iterator[Frame]:
        """The same, a frame after the other; the limit is of each."""
        with _in_its_words():
            for frame in self._metrics.select_each(self._session, selector.matchers, first_ms, last_ms, max_samples=PROMQL_SAMPLES):
                self.check_time()
                yield frame

    def sums(self, labels: Sequence[str], *, without: bool, counters: bool) -> Read:
        """How to read what is summed by the labels, or without them: sums, as far as the store can make them."""

        def read(selector: Selector, first_ms: int, last_ms: int) -> Iterator[Frame]:
            asked = (self._session, selector.matchers, first_ms, last_ms)
            with _in_its_words():
                for frame in self._metrics.select_sums(*asked, names=labels, without=without, counters=counters, max_samples=PROMQL_SAMPLES):
                    self.check_time()
                    yield frame

        return read

    def count(self, samples: int) -> None:
        """So many numbers more are in memory. Raises PromqlExecutionError beyond the limit."""
        self._left -= samples
        if self._left < 0:
            raise too_many_samples()


@contextmanager
def _in_its_words() -> Iterator[None]:
    """What the store refuses, as Prometheus would."""
    try:
        yield
    except LimitExceeded as error:
        message = f"query processing would load too many samples into memory in query execution: {error.message}"
        raise PromqlExecutionError(message, hint=error.hint) from error
    except PromqlError:
        raise
    except UsageError as error:
        raise PromqlError(error.message, hint=error.hint) from error


def too_many_samples() -> PromqlExecutionError:
    """Prometheus's words, and the limit."""
    return PromqlExecutionError(
        f"query processing would load too many samples into memory in query execution: more than {PROMQL_SAMPLES:,}",
        hint="ask for fewer series, a shorter range or longer steps",
    )
