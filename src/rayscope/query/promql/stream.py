"""Aggregation of parts as they come: `sum by (node) (rate(x[1m]))` holds one target's series at a time, and a row a group."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

import numpy as np
from msgspec import Struct

from rayscope.model.metrics import Labels
from rayscope.query.metrics.frames import Values
from rayscope.query.promql.aggregate import Grouper, combined, grouped
from rayscope.query.promql.operators import DROPS_NAME
from rayscope.query.promql.range_functions import RANGE_FUNCTIONS
from rayscope.query.promql.syntax import Binary, Call, Negate, Node, Range, Selector, kind_of
from rayscope.query.promql.values import Index, Key, Mask, Vector, empty, key_of


def is_streamed(node: Node) -> bool:
    """Whether each series of the value comes of one series of one metric, so that parts can be computed one after another."""
    if isinstance(node, Selector):
        return True
    if isinstance(node, Negate):
        return is_streamed(node.expr) and _has_one_name(node.expr)
    if isinstance(node, Binary):
        sides = [side for side in (node.left, node.right) if kind_of(side) != "scalar"]
        return node.op in DROPS_NAME and len(sides) == 1 and is_streamed(sides[0]) and _has_one_name(sides[0])
    return isinstance(node, Call) and node.name in RANGE_FUNCTIONS and any(isinstance(arg, Range) and arg.selector.has_one_name for arg in node.args)


def _has_one_name(node: Node) -> bool:
    return not isinstance(node, Selector) or node.has_one_name


class _Row(Struct):
    labels: Labels
    values: Values
    count: Index
    present: Mask


class Streamed:
    """One aggregation; feed it with `of`."""

    OPS: ClassVar[dict[str, Callable[[Values, Values], Values]]] = {
        "sum": np.add,
        "avg": np.add,
        "count": np.add,
        "min": np.fmin,
        "max": np.fmax,
        "group": np.fmax,
    }
    """How two partial results become one."""

    def __init__(self, op: str, group: Grouper) -> None:
        self._op = op
        self._group = group
        self._rows: dict[Key, _Row] = {}

    def of(self, parts: Iterable[Vector], steps: int) -> Vector:
        """The aggregation of all parts."""
        with np.errstate(all="ignore"):
            for part in parts:
                self._add(part)
            return self._result() if self._rows else empty(steps)

    def _add(self, part: Vector) -> None:
        if not part.labels:
            return
        found, counts = combined("sum" if self._op == "avg" else self._op, part, grouped(part.labels, self._group))
        for row, labels in enumerate(found.labels):
            self._merge(key_of(labels), _Row(labels, found.values[row], counts[row], found.present[row]))

    def _merge(self, key: Key, new: _Row) -> None:
        known = self._rows.get(key)
        if known is None:
            self._rows[key] = new
            return
        both = self.OPS[self._op](known.values, new.values)
        known.values = np.where(known.present & new.present, both, np.where(new.present, new.values, known.values))
        known.count = known.count + new.count
        known.present = known.present | new.present

    def _result(self) -> Vector:
        rows = list(self._rows.values())
        values = np.array([row.values / row.count if self._op == "avg" else row.values for row in rows])
        return Vector([row.labels for row in rows], values, np.array([row.present for row in rows]))
