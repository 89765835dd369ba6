"""The evaluator: a tree, the steps and a source of samples, to values. Each kind of node has one method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from rayscope.errors import PromqlError, PromqlExecutionError
from rayscope.model.metrics import NAME, Labels
from rayscope.query.metrics.frames import ABSENT, Frame, Values
from rayscope.query.promql import aggregate, binary, ranking
from rayscope.query.promql.functions import FUNCTIONS
from rayscope.query.promql.instant import LOOKBACK_MS, instant
from rayscope.query.promql.range_functions import KEEPS_NAME, RANGE_FUNCTIONS, apply
from rayscope.query.promql.relabel import LABEL_NAME, labels_of_absent
from rayscope.query.promql.source import Read, Source, too_many_samples
from rayscope.query.promql.stream import Streamed, is_streamed
from rayscope.query.promql.syntax import Aggregate, Binary, Call, Negate, Node, Number, Range, Selector, Subquery, Text, has_selector, is_fixed, kind_of
from rayscope.query.promql.values import Grid, Scalar, String, Value, Vector, concatenated, merged
from rayscope.query.promql.windows import Windows, windows_of
from rayscope.store.limits import PROMQL_SAMPLES, PROMQL_SERIES

DEFAULT_STEP_MS: Final = 60_000
"""Between the steps of a subquery that names no step: Prometheus's evaluation interval."""

_BY_TYPE: Final = {
    Number: "number",
    Text: "text",
    Selector: "selector",
    Negate: "negated",
    Binary: "binary",
    Aggregate: "aggregate",
    Call: "call",
}


class Evaluator:
    """One question's evaluation. ``warnings`` gathers what it has to say beside the result."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Say it once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def evaluate(self, node: Node, grid: Grid) -> Value:
        """The value of a node at all steps. Raises PromqlExecutionError and PromqlTimeout."""
        self.source.check_time()
        if grid.steps > 1 and is_fixed(node) and has_selector(node):
            return _repeated(self.evaluate(node, Grid(grid.times[:1])), grid.steps)
        found: Value = getattr(self, "_" + _BY_TYPE[type(node)])(node, grid)
        if isinstance(found, Vector) and found.values.size > PROMQL_SAMPLES:
            raise too_many_samples()
        return found

    def vector(self, node: Node, grid: Grid) -> Vector:
        """The value of a node that is a vector."""
        found = self.evaluate(node, grid)
        assert isinstance(found, Vector), node
        return found

    def scalar(self, node: Node, grid: Grid) -> Values:
        """[N]: the value of a node that is a scalar."""
        found = self.evaluate(node, grid)
        assert isinstance(found, Scalar), node
        return found.values

    def text(self, node: Node) -> str:
        """The value of a node that is a string."""
        if not isinstance(node, Text):
            raise PromqlError(f"expected a string literal, got {type(node).__name__}")
        return node.value

    def windows(self, node: Node, grid: Grid, read: Read | None = None) -> Iterator[Windows]:
        """The windows of a range vector, a part of the series at a time. ``read``: how to, if not all at once."""
        if isinstance(node, Range):
            selector = node.selector
            end = self.source.times(grid.times, selector.offset_ms, selector.at)
            for frame in (read or self.source.frames)(selector, int(end.min()) - node.range_ms, int(end.max())):
                self.source.check_time()
                yield windows_of(frame, end, node.range_ms, self.source.check_time)
        elif isinstance(node, Subquery):
            end = self.source.times(grid.times, node.offset_ms, node.at)
            yield windows_of(self._subquery(node, int(end.min()) - node.range_ms, int(end.max())), end, node.range_ms, self.source.check_time)
        else:
            raise PromqlError(f"expected a range vector, got {type(node).__name__}")

    def _subquery(self, node: Subquery, first_ms: int, last_ms: int) -> Frame:
        """The expression's values as samples. Their times are multiples of the step."""
        step = node.step_ms or DEFAULT_STEP_MS
        first_ms = -(-first_ms // step) * step
        if (last_ms - first_ms) // step > PROMQL_SAMPLES // 10:  # of one series; what is made of it on the way takes some times the room
            raise too_many_samples()
        times = np.arange(first_ms, last_ms + 1, step, dtype=np.int64)
        if not len(times):
            return Frame([], times, np.empty((0, 0)))
        vector = _as_vector(self.evaluate(node.expr, Grid(times)))
        self.source.count(vector.values.size)
        return Frame(vector.labels, times, np.where(vector.present, vector.values, ABSENT))

    def _number(self, node: Number, grid: Grid) -> Scalar:
        return Scalar(np.full(grid.steps, node.value))

    def _text(self, node: Text, _: Grid) -> String:
        return String(node.value)

    def _selector(self, node: Selector, grid: Grid) -> Vector:
        return concatenated([vector for vector, _ in self.instants(node, grid)], grid.steps)

    def instants(self, node: Selector, grid: Grid, read: Read | None = None) -> Iterator[tuple[Vector, Values]]:
        """The newest values of a selector's series, and the times of their samples, a part of the series at a time."""
        at = self.source.times(grid.times, node.offset_ms, node.at)
        for frame in (read or self.source.frames)(node, int(at.min()) - LOOKBACK_MS, int(at.max())):
            if len(frame.labels) * grid.steps > PROMQL_SAMPLES:
                raise too_many_samples()
            yield instant(frame, at)

    def _negated(self, node: Negate, grid: Grid) -> Value:
        found = self.evaluate(node.expr, grid)
        if isinstance(found, Vector):
            return found.with_values(-found.values).without_name()
        assert isinstance(found, Scalar)
        return Scalar(-found.values)

    def _binary(self, node: Binary, grid: Grid) -> Value:
        left, right = self.evaluate(node.left, grid), self.evaluate(node.right, grid)
        with np.errstate(all="ignore"):
            if isinstance(left, Scalar) and isinstance(right, Scalar):
                return binary.scalars(node, left, right)
            if isinstance(left, Vector) and isinstance(right, Scalar):
                return binary.with_scalar(node, left, right, scalar_first=False)
            if isinstance(left, Scalar) and isinstance(right, Vector):
                return binary.with_scalar(node, right, left, scalar_first=True)
            assert isinstance(left, Vector)
            assert isinstance(right, Vector)
            return binary.sets(node, left, right) if node.matching.card == "many-to-many" else binary.vectors(node, left, right)

    def _aggregate(self, node: Aggregate, grid: Grid) -> Vector:
        group = aggregate.grouper(node.labels, without=node.without)
        if node.op in Streamed.OPS and is_streamed(node.expr) and (node.without or NAME not in node.labels):
            found = Streamed(node.op, group).of(self.parts(node.expr, grid, self._reader(node)), grid.steps)
            if node.op != "avg" or not np.isinf(found.values).any():  # the sum of an average may be too large for a number
                return found
        vector = self.vector(node.expr, grid)
        with np.errstate(all="ignore"):
            if node.op in aggregate.SIMPLE:
                return aggregate.aggregated(node.op, vector, group)
            assert node.param is not None
            return _PARAMETRIC[node.op](self, node, vector, group, grid)

    def _reader(self, node: Aggregate) -> Read:
        """How to read for an aggregation part by part: what is summed anyway, as sums."""
        counted = isinstance(node.expr, Call) and node.expr.name in {"rate", "increase"}
        if node.op == "sum" and (counted or isinstance(node.expr, Selector)):
            return self.source.sums(node.labels, without=node.without, counters=counted)
        return self.source.each

    def parts(self, node: Node, grid: Grid, read: Read) -> Iterator[Vector]:
        """The value of a node of which `is_streamed` holds, a part of the series at a time."""
        if isinstance(node, Selector):
            yield from (vector for vector, _ in self.instants(node, grid, read))
        elif isinstance(node, Negate):
            yield from (part.with_values(-part.values).without_name() for part in self.parts(node.expr, grid, read))
        elif isinstance(node, Binary):
            first = kind_of(node.left) == "scalar"
            scalar = Scalar(self.scalar(node.left if first else node.right, grid))
            for part in self.parts(node.right if first else node.left, grid, read):
                with np.errstate(all="ignore"):
                    yield binary.with_scalar(node, part, scalar, scalar_first=first)
        elif isinstance(node, Call):
            yield from self.range_parts(node, grid, read)

    def _call(self, node: Call, grid: Grid) -> Value:
        if node.name in RANGE_FUNCTIONS:
            found = concatenated(list(self.range_parts(node, grid)), grid.steps)
            return merged(found) if node.name in KEEPS_NAME else found.without_name()
        if node.name == "absent_over_time":
            return self._absent_over_time(node, grid)
        if node.name == "timestamp" and isinstance(node.args[0], Selector):
            parts = [vector.with_values(times) for vector, times in self.instants(node.args[0], grid)]
            return concatenated(parts, grid.steps).without_name()
        if node.name not in FUNCTIONS:
            raise PromqlError(f"the function {node.name!r} is not supported", hint="docs/promql.md lists the functions")
        with np.errstate(all="ignore"):
            return FUNCTIONS[node.name](self, node.args, grid)

    def range_parts(self, node: Call, grid: Grid, read: Read | None = None) -> Iterator[Vector]:
        """A function of windows, a part of the series at a time; names are still there."""
        matrix = next(arg for arg in node.args if kind_of(arg) == "matrix")
        scalars = [self.scalar(arg, grid) for arg in node.args if arg is not matrix]
        for windows in self.windows(matrix, grid, read):
            if len(windows.labels) * grid.steps > PROMQL_SAMPLES:
                raise too_many_samples()
            yield Vector(windows.labels, *apply(node.name, windows, grid.times, scalars))

    def _absent_over_time(self, node: Call, grid: Grid) -> Vector:
        found = np.zeros(grid.steps, np.bool_)
        for windows in self.windows(node.args[0], grid):
            found |= windows.with_at_least(1).any(axis=0)
        return absent(labels_of_absent(node.args[0]), ~found)


def absent(labels: Labels, where: Any) -> Vector:
    """A one where nothing is."""
    return Vector([labels], np.ones((1, len(where))), where[None, :])


def _as_vector(value: Value) -> Vector:
    if isinstance(value, Vector):
        return value
    assert isinstance(value, Scalar)
    return Vector([{}], value.values[None, :], np.ones((1, len(value.values)), np.bool_))


def _repeated(value: Value, steps: int) -> Value:
    """The value of one step at all."""
    if isinstance(value, Scalar):
        return Scalar(np.repeat(value.values, steps))
    if isinstance(value, Vector):
        return Vector(value.labels, np.repeat(value.values, steps, axis=1), np.repeat(value.present, steps, axis=1))
    return value


def _ranked(evaluator: Evaluator, node: Aggregate, vector: Vector, group: aggregate.Grouper, grid: Grid) -> Vector:
    assert node.param is not None
    return ranking.ranked(vector, group, np.trunc(evaluator.scalar(node.param, grid)), largest=node.op == "topk")


def _limited(evaluator: Evaluator, node: Aggregate, vector: Vector, group: aggregate.Grouper, grid: Grid) -> Vector:
    assert node.param is not None
    return ranking.limited(vector, group, np.trunc(evaluator.scalar(node.param, grid)))


def _quantiles(evaluator: Evaluator, node: Aggregate, vector: Vector, group: aggregate.Grouper, grid: Grid) -> Vector:
    assert node.param is not None
    return aggregate.quantiles(vector, group, evaluator.scalar(node.param, grid))


def _count_values(evaluator: Evaluator, node: Aggregate, vector: Vector, _: aggregate.Grouper, __: Grid) -> Vector:
    assert node.param is not None
    name = evaluator.text(node.param)
    if not LABEL_NAME.fullmatch(name):
        raise PromqlExecutionError(f'invalid label name "{name}"')
    return aggregate.count_values(vector, node.labels, name, without=node.without, most=PROMQL_SERIES)


_PARAMETRIC: Final[dict[str, Callable[[Evaluator, Aggregate, Vector, aggregate.Grouper, Grid], Vector]]] = {
    "topk": _ranked,
    "bottomk": _ranked,
    "limitk": _limited,
    "quantile": _quantiles,
    "count_values": _count_values,
}
