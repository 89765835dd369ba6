"""Where samples come from, and how many one question may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import numpy as np

from rayscope.errors import LimitExceeded, PromqlError, PromqlExecutionError, PromqlTimeout, UsageError
from rayscope.model.metrics import Matcher
from rayscope.query.metrics.frames import Frame, Times
from rayscope.query.promql.joined import joined
from rayscope.query.promql.syntax import At, Selector
from rayscope.store.limits import PROMQL_SAMPLES, PROMQL_TIMEOUT_S

Select: TypeAlias = Callable[[Sequence[Matcher], int, int, int], list[Frame]]
"""(matchers, start_ms, end_ms, max_samples) to frames; bounds inclusive."""


class Metrics(Protocol):
    """What is asked of the store of metrics."""

    def select(self, session: str | None, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int) -> list[Frame]:
        """The samples of all series that match; inclusive bounds."""


class Source:
    """The samples of one question: fetched once, counted, within its time."""

    def __init__(self, select: Select, start_ms: int, end_ms: int, *, timeout_s: float = PROMQL_TIMEOUT_S) -> None:
        self._select = select
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
        """The samples of the selector's series from first to last, each series in one frame. Raises PromqlExecutionError beyond the limit."""
        self.check_time()
        asked = selector.matchers, first_ms, last_ms
        if asked not in self._known:
            found = self._asked(selector, first_ms, last_ms)
            self.count(sum(frame.values.size for frame in found))
            self._known[asked] = joined(found)
        return self._known[asked]

    def _asked(self, selector: Selector, first_ms: int, last_ms: int) -> list[Frame]:
        try:
            return self._select(selector.matchers, first_ms, last_ms, self._left)
        except LimitExceeded as error:
            raise PromqlExecutionError(
                f"query processing would load too many samples into memory in query execution: {error.message}", hint=error.hint
            ) from error
        except UsageError as error:
            raise PromqlError(error.message, hint=error.hint) from error

    def count(self, samples: int) -> None:
        """So many numbers more are in memory. Raises PromqlExecutionError beyond the limit."""
        self._left -= samples
        if self._left < 0:
            raise too_many_samples()


def too_many_samples() -> PromqlExecutionError:
    """Prometheus's words, and the limit."""
    return PromqlExecutionError(
        f"query processing would load too many samples into memory in query execution: more than {PROMQL_SAMPLES:,}",
        hint="ask for fewer series, a shorter range or longer steps",
    )
