"""PromQL over the store of metrics: a question at an instant, or over a range."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Final

import numpy as np

from rayscope.errors import PromqlError, PromqlExecutionError, PromqlTimeout
from rayscope.model.promql import PromqlResult, ResultKind, Series
from rayscope.query.promql.evaluate import Evaluator
from rayscope.query.promql.parse import parse
from rayscope.query.promql.source import Metrics, Source
from rayscope.query.promql.syntax import Node, kind_of
from rayscope.query.promql.values import Grid, Scalar, String, Value, Vector, compact, key_of
from rayscope.query.promql.windows import Windows
from rayscope.store.limits import PROMQL_AT_ONCE, PROMQL_SERIES, PROMQL_STEPS, PROMQL_TIMEOUT_S

_NAMES: Final = {"matrix": "range vector", "string": "string"}
_FIRST_MS, _LAST_MS = -(10**15), 10**16
"""Times within which sums of times and durations stay numbers of 64 bits."""


class Promql:
    """Questions in PromQL. A session is named exactly; None: all of them."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._turns = BoundedSemaphore(PROMQL_AT_ONCE)

    def query(self, session: str | None, text: str, time_ms: int, *, timeout_s: float = PROMQL_TIMEOUT_S) -> PromqlResult:
        """The value at an instant. Raises PromqlError, PromqlExecutionError, PromqlTimeout."""
        node = parse(text)
        with self._turn(timeout_s):
            return self._instant(session, node, time_ms, timeout_s)

    def _instant(self, session: str | None, node: Node, time_ms: int, timeout_s: float) -> PromqlResult:
        evaluator, grid = self._evaluator(session, time_ms, time_ms, timeout_s), Grid.of(time_ms, time_ms, 0)
        if kind_of(node) == "matrix":
            return _answer("matrix", evaluator, [series for windows in evaluator.windows(node, grid) for series in _raw(windows)])
        value = evaluator.evaluate(node, grid)
        if isinstance(value, String):
            return PromqlResult(kind="string", text=value.value)
        ordered = isinstance(value, Vector) and value.ordered
        return _answer(kind_of(node), evaluator, list(_rows(value, grid)), ordered=ordered)

    def range(self, session: str | None, text: str, start_ms: int, end_ms: int, step_ms: int, *, timeout_s: float = PROMQL_TIMEOUT_S) -> PromqlResult:
        """The values at start, start + step, … up to end. Raises PromqlError, PromqlExecutionError, PromqlTimeout."""
        check_range(start_ms, end_ms, step_ms)
        node = parse(text)
        _refuse_kind(node)
        with self._turn(timeout_s):
            evaluator, grid = self._evaluator(session, start_ms, end_ms, timeout_s), Grid.of(start_ms, end_ms, step_ms)
            return _answer("matrix", evaluator, list(_rows(evaluator.evaluate(node, grid), grid)))

    @contextmanager
    def _turn(self, timeout_s: float) -> Iterator[None]:
        """Wait for one of the places. Raises PromqlTimeout."""
        if not self._turns.acquire(timeout=max(0.0, min(timeout_s, PROMQL_TIMEOUT_S))):
            raise PromqlTimeout("query timed out in query queue", hint="other queries are being evaluated; try again")
        try:
            yield
        finally:
            self._turns.release()

    def _evaluator(self, session: str | None, start_ms: int, end_ms: int, timeout_s: float) -> Evaluator:
        if not _FIRST_MS <= start_ms <= end_ms <= _LAST_MS:
            raise PromqlError(f"time out of range: {start_ms / 1000:g} to {end_ms / 1000:g}")
        return Evaluator(Source(self._metrics, session, start_ms, end_ms, timeout_s=min(timeout_s, PROMQL_TIMEOUT_S)))


def check_range(start_ms: int, end_ms: int, step_ms: int) -> None:
    """Raises PromqlError, in Prometheus's words."""
    if end_ms < start_ms:
        raise PromqlError("end timestamp must not be before start time")
    if step_ms <= 0:
        raise PromqlError("zero or negative query resolution step widths are not accepted. Try a positive integer")
    if (end_ms - start_ms) // step_ms > PROMQL_STEPS:
        raise PromqlError(f"exceeded maximum resolution of {PROMQL_STEPS:,} points per timeseries. Try decreasing the query resolution (?step=XX)")


def _refuse_kind(node: Node) -> None:
    if (kind := kind_of(node)) in _NAMES:
        raise PromqlError(f'invalid expression type "{_NAMES[kind]}" for range query, must be Scalar or instant Vector')


def _answer(kind: ResultKind, evaluator: Evaluator, series: list[Series], *, ordered: bool = False) -> PromqlResult:
    if len(series) > PROMQL_SERIES:
        raise PromqlExecutionError(
            f"the answer has {len(series):,} series, more than the limit of {PROMQL_SERIES:,}", hint="aggregate them, or choose with topk() or more matchers"
        )
    if not ordered:
        series.sort(key=lambda each: key_of(each.labels))
    return PromqlResult(kind=kind, series=series, warnings=evaluator.warnings)


def _rows(value: Value, grid: Grid) -> Iterator[Series]:
    """The series of a value that have a number somewhere."""
    if isinstance(value, Scalar):
        yield Series({}, grid.times, value.values)
    elif isinstance(value, Vector):
        vector = compact(value)
        for row, labels in enumerate(vector.labels):
            there = vector.present[row]
            yield Series(labels, grid.times[there], vector.values[row, there])


def _raw(windows: Windows) -> Iterator[Series]:
    """The samples of an instant's windows."""
    lo, hi = (np.broadcast_to(at, (len(windows.labels), 1))[:, 0].tolist() for at in (windows.lo, windows.hi))
    for row, labels in enumerate(windows.labels):
        if lo[row] < hi[row]:
            inside = slice(lo[row], hi[row])
            yield Series(labels, windows.times[row if len(windows.times) > 1 else 0, inside], windows.values[row, inside])
