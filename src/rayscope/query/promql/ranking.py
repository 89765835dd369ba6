"""topk, bottomk, limitk and the orders of series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rayscope.errors import PromqlExecutionError
from rayscope.query.metrics.frames import Values
from rayscope.query.promql.aggregate import Grouper, grouped
from rayscope.query.promql.shown import show_number
from rayscope.query.promql.values import Index, Mask, Vector, compact

_LONGEST = 2**63


def ranked(vector: Vector, group: Grouper, count: Values, *, largest: bool) -> Vector:
    """The ``count`` [N] largest or smallest of each group at each step; NaN comes last. One step: in the order of the values."""
    _check_count(count)
    if not vector.labels:
        return vector
    groups = grouped(vector.labels, group)
    kept = np.zeros(vector.present.shape, np.bool_)
    for rows in np.split(groups.order, groups.starts[1:]):
        kept[rows] = _ranks(vector.values[rows], vector.present[rows], largest=largest) < count
    chosen = vector.with_values(vector.values, vector.present & kept)
    if vector.values.shape[1] > 1:
        return compact(chosen)
    order = [row for rows in np.split(groups.order, groups.starts[1:]) for row in _ordered_rows(chosen, rows, largest=largest)]
    found = chosen.rows(order)
    return Vector(found.labels, found.values, found.present, ordered=True)


def _check_count(count: Values) -> None:
    bad = ~((count > -_LONGEST) & (count < _LONGEST))
    if bad.any():
        raise PromqlExecutionError(f"Scalar value {show_number(float(count[bad][0]))} overflows int64")


def _ranks(values: Values, present: Mask, *, largest: bool) -> Index:
    """[S, N]: the place of each value at its step, from 0: numbers, then NaN, then what is not there."""
    last = np.where(present, np.isnan(values), 2)
    order = np.lexsort((-values if largest else values, last), axis=0)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(len(values))[:, None], axis=0)
    return ranks


def _ordered_rows(vector: Vector, rows: Index, *, largest: bool) -> list[int]:
    there = rows[vector.present[rows, 0]]
    values = vector.values[there, 0]
    order = np.argsort(-values if largest else values, kind="stable")
    found: list[int] = there[order].tolist()
    return found


def sorted_by_value(vector: Vector, *, descending: bool) -> Vector:
    """Sort and sort_desc: only an instant's answer has an order. NaN comes last."""
    if vector.values.shape[1] != 1:
        return vector
    values = vector.values[:, 0]
    found = vector.rows(np.argsort(-values if descending else values, kind="stable"))
    return Vector(found.labels, found.values, found.present, ordered=True)


def sorted_by_label(vector: Vector, names: Sequence[str], *, descending: bool) -> Vector:
    """sort_by_label and sort_by_label_desc, of later Prometheus versions."""
    order = sorted(range(len(vector.labels)), key=lambda row: [vector.labels[row].get(name, "") for name in names], reverse=descending)
    found = vector.rows(order)
    return Vector(found.labels, found.values, found.present, ordered=True)


def limited(vector: Vector, group: Grouper, count: Values) -> Vector:
    """limitk, of later Prometheus versions: any ``count`` of each group; here the first."""
    _check_count(count)
    if not vector.labels:
        return vector
    groups = grouped(vector.labels, group)
    kept = np.zeros(vector.present.shape, np.bool_)
    for rows in np.split(groups.order, groups.starts[1:]):
        kept[rows] = np.cumsum(vector.present[rows], axis=0) <= count
    return compact(vector.with_values(vector.values, vector.present & kept))
