"""The functions of instant vectors and scalars, by name. Each takes the evaluator, its arguments and the steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from rayscope.query.promql import elementwise, histogram, ranking, relabel
from rayscope.query.promql.syntax import Node
from rayscope.query.promql.values import Grid, Mask, Scalar, Value, Vector

if TYPE_CHECKING:
    from rayscope.query.promql.evaluate import Evaluator

Args: TypeAlias = tuple[Node, ...]
Function: TypeAlias = Callable[["Evaluator", Args, Grid], Value]


def _math(name: str, ev: Evaluator, args: Args, grid: Grid) -> Vector:
    vector = ev.vector(args[0], grid)
    return vector.with_values(elementwise.MATH[name](vector.values)).without_name()


def _clock(name: str, ev: Evaluator, args: Args, grid: Grid) -> Vector:
    if not args:
        return _one(elementwise.clock(name, grid.times / 1000.0))
    vector = ev.vector(args[0], grid)
    return vector.with_values(elementwise.clock(name, vector.values)).without_name()


def _one(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Vector:
    """A vector of one series without labels."""
    return Vector([{}], values[None, :], np.ones((1, len(values)), np.bool_))


def _clamp(ev: Evaluator, args: Args, grid: Grid) -> Vector:
    vector = ev.vector(args[0], grid)
    values, there = elementwise.clamp(vector.values, ev.scalar(args[1], grid), ev.scalar(args[2], grid))
    return vector.with_values(values, vector.present & there).without_name()


def _clamp_min(ev: Evaluator, args: Args, grid: Grid) -> Vector:
    vector = ev.vector(args[0], grid)
    return vector.with_values(elementwise.larger(ev.scalar(args[1], grid), vector.values)).without_name()


def _clamp_max(ev: Evaluator, args: Args, grid: Grid) -> Vector:
    vector = ev.vector(args[0], grid)
    return vector.with_values(elementwise.smaller(ev.scalar(args[1], grid), vector.values)).without_name()


def _round(ev: Evaluator, args: Args, grid: Grid) -> Vector:
    vector = ev.vector(args[0], grid)
    to = ev.scalar(args[1], grid) if len(args) > 1 else np.ones(grid.steps)
    return vector.with_values(elementwise.rounded(vector.values, to)).without_name()


def _timestamp(ev: Evaluator, args: Args, grid: Grid) -> Vector:
    """Of what is no selector: the time of the step."""
    vector = ev.vector(args[0], grid)
    return vector.with_values(np.broadcast_to(grid.times / 1000.0, vector.values.shape)).without_name()


def _scalar(ev: Evaluator, args: Args, grid: Grid) -> Scalar:
    vector = ev.vector(args[0], grid)
    alone = vector.present.sum(axis=0) == 1
    return Scalar(np.where(alone, np.where(vector.present, vector.values, 0.0).sum(axis=0), np.nan))


def _absent(ev: Evaluator, args: Args, grid: Grid) -> Vector:
    there: Mask = ev.vector(args[0], grid).present
    return Vector([relabel.labels_of_absent(args[0])], np.ones((1, grid.steps)), np.logical_not(there.any(axis=0))[None, :])


def _histogram_quantile(ev: Evaluator, args: Args, grid: Grid) -> Vector:
    return histogram.histogram_quantile(ev.scalar(args[0], grid), ev.vector(args[1], grid), ev.warn)


def _label_replace(ev: Evaluator, args: Args, grid: Grid) -> Vector:
    target, replacement, source, pattern = (ev.text(arg) for arg in args[1:])
    return relabel.label_replace(ev.vector(args[0], grid), target, replacement, source, pattern)


def _label_join(ev: Evaluator, args: Args, grid: Grid) -> Vector:
    target, separator, *sources = (ev.text(arg) for arg in args[1:])
    return relabel.label_join(ev.vector(args[0], grid), target, separator, sources)


def _sort(ev: Evaluator, args: Args, grid: Grid, *, descending: bool) -> Vector:
    return ranking.sorted_by_value(ev.vector(args[0], grid), descending=descending)


def _sort_by_label(ev: Evaluator, args: Args, grid: Grid, *, descending: bool) -> Vector:
    return ranking.sorted_by_label(ev.vector(args[0], grid), [ev.text(arg) for arg in args[1:]], descending=descending)


FUNCTIONS: Final[Mapping[str, Function]] = {
    **{name: partial(_math, name) for name in elementwise.MATH},
    **{name: partial(_clock, name) for name in elementwise.CLOCK},
    "absent": _absent,
    "clamp": _clamp,
    "clamp_max": _clamp_max,
    "clamp_min": _clamp_min,
    "histogram_quantile": _histogram_quantile,
    "label_join": _label_join,
    "label_replace": _label_replace,
    "pi": lambda _ev, _args, grid: Scalar(np.full(grid.steps, np.pi)),
    "round": _round,
    "scalar": _scalar,
    "sort": partial(_sort, descending=False),
    "sort_desc": partial(_sort, descending=True),
    "sort_by_label": partial(_sort_by_label, descending=False),
    "sort_by_label_desc": partial(_sort_by_label, descending=True),
    "time": lambda _ev, _args, grid: Scalar(grid.times / 1000.0),
    "timestamp": _timestamp,
    "vector": lambda ev, args, grid: _one(ev.scalar(args[0], grid)),
}
