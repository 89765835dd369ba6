"""sum, avg, min, max, count, group, stddev, stdvar, quantile, count_values: many series to one a group.

Groups of rows are combined as columns. `topk` and its like are in `ranking`; sums over more series than fit memory in `stream`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayscope.errors import PromqlExecutionError
from rayscope.model.metrics import NAME, Labels
from rayscope.query.metrics.frames import Values
from rayscope.query.promql.quantile import quantile_of_sorted, sorted_nan_first
from rayscope.query.promql.shown import show_number
from rayscope.query.promql.values import Index, Key, Mask, Vector, empty, key_of

T = TypeVar("T", np.float64, np.bool_)
Grouper = Callable[[Labels], Labels]


class Groups(Struct, frozen=True, eq=False):
    """Rows by group: ``order`` puts them together, ``starts`` says where each group begins, ``labels`` are the groups'."""

    labels: list[Labels]
    order: Index
    starts: Index

    def of(self, array: NDArray[T]) -> list[NDArray[T]]:
        """The rows of each group."""
        return np.split(array[self.order], self.starts[1:])


def grouper(labels: Sequence[str], *, without: bool) -> Grouper:
    """Which labels a series keeps in its group."""
    if without:
        dropped = {*labels, NAME}
        return lambda each: {name: value for name, value in each.items() if name not in dropped}
    kept = sorted(set(labels))
    return lambda each: {name: value for name in kept if (value := each.get(name))}


def grouped(labels: Sequence[Labels], group: Grouper) -> Groups:
    """The groups, in the order in which they are first seen."""
    numbers: dict[Key, int] = {}
    found: list[Labels] = []
    home = np.empty(len(labels), np.int64)
    for row, each in enumerate(labels):
        own = group(each)
        number = numbers.setdefault(key_of(own), len(found))
        if number == len(found):
            found.append(own)
        home[row] = number
    order = np.argsort(home, kind="stable")
    starts = np.searchsorted(home[order], np.arange(len(found)))
    return Groups(found, order, starts)


def aggregated(op: str, vector: Vector, group: Grouper) -> Vector:
    """One of `SIMPLE`, over each group."""
    if not vector.labels:
        return empty(vector.values.shape[1])
    return combined(op, vector, grouped(vector.labels, group))[0]


def combined(op: str, vector: Vector, groups: Groups) -> tuple[Vector, Index]:
    """The same of groups that are known, and how many series have a number in each."""
    values, present = vector.values[groups.order], vector.present[groups.order]
    count = np.add.reduceat(present, groups.starts, axis=0, dtype=np.int64)
    return Vector(groups.labels, SIMPLE[op](values, present, groups, count), count > 0), count


def _sum(values: Values, present: Mask, groups: Groups, _: Index) -> Values:
    total: Values = np.add.reduceat(np.where(present, values, 0.0), groups.starts, axis=0)
    return total


def _average(values: Values, present: Mask, groups: Groups, count: Index) -> Values:
    mean = _sum(values, present, groups, count) / count
    if np.isinf(mean).any():  # a sum too large for a number may have an average that is one
        mean = np.where(np.isinf(mean), _sum(values / _spread(count, groups, len(values)), present, groups, count), mean)
    return mean


def _variance(values: Values, present: Mask, groups: Groups, count: Index) -> Values:
    distance = values - _spread(_average(values, present, groups, count), groups, len(values))
    return np.where(count == 1, 0.0, _sum(distance * distance, present, groups, count) / count)


def _spread(of_groups: Values | Index, groups: Groups, rows: int) -> Values:
    """What is known of a group, for each of its rows."""
    return np.repeat(of_groups, np.diff(np.append(groups.starts, rows)), axis=0)


def _least(values: Values, present: Mask, groups: Groups, _: Index) -> Values:
    return np.fmin.reduceat(np.where(present, values, np.nan), groups.starts, axis=0)


def _most(values: Values, present: Mask, groups: Groups, _: Index) -> Values:
    return np.fmax.reduceat(np.where(present, values, np.nan), groups.starts, axis=0)


SIMPLE: dict[str, Callable[[Values, Mask, Groups, Index], Values]] = {
    "sum": _sum,
    "avg": _average,
    "min": _least,
    "max": _most,
    "count": lambda _values, _present, _groups, count: count.astype(np.float64),
    "group": lambda _values, _present, _groups, count: np.ones(count.shape),
    "stdvar": _variance,
    "stddev": lambda values, present, groups, count: np.sqrt(_variance(values, present, groups, count)),
}
"""By name: of rows in the order of their groups, to a row a group."""


def quantiles(vector: Vector, group: Grouper, phi: Values) -> Vector:
    """The φ-quantile of each group; ``phi`` [N]."""
    if not vector.labels:
        return vector
    groups = grouped(vector.labels, group)
    rows = [
        quantile_of_sorted(phi, *sorted_nan_first(values.T, present.T))
        for values, present in zip(groups.of(vector.values), groups.of(vector.present), strict=True)
    ]
    there = [present.any(axis=0) for present in groups.of(vector.present)]
    return Vector(groups.labels, np.array(rows), np.array(there))


def count_values(vector: Vector, labels: Sequence[str], name: str, *, without: bool, most: int) -> Vector:
    """How many series have each value; the value is a label. Raises PromqlExecutionError beyond ``most`` values."""
    steps = vector.values.shape[1]
    group = grouper(labels if without else [*labels, name], without=without)
    counts: dict[Key, tuple[Labels, Values]] = {}
    for row, each in enumerate(vector.labels):
        there = np.flatnonzero(vector.present[row])
        distinct, home = np.unique(vector.values[row, there], return_inverse=True)
        for number, value in enumerate(distinct.tolist()):
            own = group({**each, name: show_number(value)})
            _, total = counts.setdefault(key_of(own), (own, np.zeros(steps)))
            total[there[home == number]] += 1
        if len(counts) > most:
            raise PromqlExecutionError(f"count_values finds more than {most:,} values", hint="round() the values first, or choose fewer series")
    if not counts:
        return empty(steps)
    rows = np.array([total for _, total in counts.values()])
    return Vector([own for own, _ in counts.values()], rows, rows > 0)
