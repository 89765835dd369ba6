"""Binary operators where at least one side is a vector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from rayscope.errors import PromqlExecutionError
from rayscope.model.metrics import NAME, Labels
from rayscope.query.metrics.frames import Values
from rayscope.query.promql.operators import ARITHMETIC, COMPARISON, DROPS_NAME
from rayscope.query.promql.shown import show_labels
from rayscope.query.promql.syntax import Binary, Matching
from rayscope.query.promql.values import Index, Key, Mask, Scalar, Vector, concatenated, empty, key_of, merged

Signer = Callable[[Labels], Key]


def scalars(node: Binary, left: Scalar, right: Scalar) -> Scalar:
    """Number with number; comparisons give 0 or 1."""
    if node.op in COMPARISON:
        return Scalar(COMPARISON[node.op](left.values, right.values).astype(np.float64))
    return Scalar(ARITHMETIC[node.op](left.values, right.values))


def with_scalar(node: Binary, vector: Vector, scalar: Scalar, *, scalar_first: bool) -> Vector:
    """Each value with a number. A comparison keeps the vector's values, on whichever side it stands."""
    sides = (scalar.values, vector.values) if scalar_first else (vector.values, scalar.values)
    if node.op in ARITHMETIC:
        result = vector.with_values(ARITHMETIC[node.op](*sides))
        return result.without_name() if node.op in DROPS_NAME else result
    found = COMPARISON[node.op](*sides)
    if node.return_bool:
        return vector.with_values(found.astype(np.float64)).without_name()
    return vector.with_values(vector.values, vector.present & found)


def signer(matching: Matching) -> Signer:
    """What two series must have in common to be partners."""
    names = matching.labels
    if matching.on:
        return lambda labels: tuple((name, labels.get(name, "")) for name in names)
    dropped = {*names, NAME}
    return lambda labels: tuple(sorted(item for item in labels.items() if item[0] not in dropped))


def vectors(node: Binary, left: Vector, right: Vector) -> Vector:
    """Series with series: one with one, or many with one."""
    steps = left.values.shape[1]
    if not left.labels or not right.labels:
        return empty(steps)
    swapped = node.matching.card == "one-to-many"
    many, one = (right, left) if swapped else (left, right)
    sign = signer(node.matching)
    partners = _partners(node.matching, sign, many, one)
    signatures = [sign(labels) for labels in many.labels]
    pairs = [(i, j) for i, signature in enumerate(signatures) for j in partners.get(signature, ())]
    if not pairs:
        return empty(steps)
    at_many, at_one = (np.array(side, np.int64) for side in zip(*pairs, strict=True))
    values, kept = _combine(node, many.values[at_many], one.values[at_one], swapped=swapped)
    there = many.present[at_many] & one.present[at_one] & kept
    labels = [_result_labels(node, many.labels[i], one.labels[j]) for i, j in pairs]
    _refuse_ambiguous(node.matching, [signatures[i] for i, _ in pairs], labels, there)
    return merged(Vector(labels, values, there, many.ordered))


def _combine(node: Binary, many: Values, one: Values, *, swapped: bool) -> tuple[Values, Mask]:
    left, right = (one, many) if swapped else (many, one)
    if node.op in ARITHMETIC:
        return ARITHMETIC[node.op](left, right), np.ones(left.shape, np.bool_)
    found = COMPARISON[node.op](left, right)
    if node.return_bool:
        return found.astype(np.float64), np.ones(left.shape, np.bool_)
    return left, found


def _partners(matching: Matching, sign: Signer, many: Vector, one: Vector) -> dict[Key, list[int]]:
    """Rows of the `one` side by signature. Raises PromqlExecutionError where two of them are there at the same step."""
    found: dict[Key, list[int]] = defaultdict(list)
    for row, labels in enumerate(one.labels):
        found[sign(labels)].append(row)
    asked = many.present.any(axis=0)
    for rows in found.values():
        if len(rows) > 1:
            crowded = (one.present[rows].sum(axis=0) > 1) & asked
            if crowded.any():
                raise _duplicate(matching, one, rows, int(crowded.argmax()))
    return found


def _duplicate(matching: Matching, one: Vector, rows: Sequence[int], step: int) -> PromqlExecutionError:
    first, second = [one.labels[row] for row in rows if one.present[row, step]][:2]
    group = {name: value for name, value in second.items() if (name in matching.labels) == matching.on and (matching.on or name != NAME)}
    side = "left" if matching.card == "one-to-many" else "right"
    return PromqlExecutionError(
        f"found duplicate series for the match group {show_labels(group)} on the {side} hand-side of the operation: "
        f"[{show_labels(second)}, {show_labels(first)}];many-to-many matching not allowed: matching labels must be unique on one side"
    )


def _result_labels(node: Binary, many: Labels, one: Labels) -> Labels:
    matching = node.matching
    labels = {name: value for name, value in many.items() if name != NAME} if node.op in DROPS_NAME or node.return_bool else dict(many)
    if matching.card == "one-to-one":
        labels = {name: value for name, value in labels.items() if (name in matching.labels) == matching.on}
    for name in matching.include:
        if value := one.get(name, ""):
            labels[name] = value
        else:
            labels.pop(name, None)
    return labels


def _refuse_ambiguous(matching: Matching, signatures: Sequence[Key], labels: Sequence[Labels], there: Mask) -> None:
    """Raises PromqlExecutionError where, at one step, a partner serves two series that it may not serve both."""
    if matching.card == "one-to-one":
        _refuse_crowded(signatures, there, "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)")
    else:
        keys = [(signature, key_of(each)) for signature, each in zip(signatures, labels, strict=True)]
        _refuse_crowded(keys, there, "multiple matches for labels: grouping labels must ensure unique matches")


def _refuse_crowded(keys: Sequence[object], there: Mask, message: str) -> None:
    groups: dict[object, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        groups[key].append(row)
    for rows in groups.values():
        if len(rows) > 1 and (there[rows].sum(axis=0) > 1).any():
            raise PromqlExecutionError(message)


def sets(node: Binary, left: Vector, right: Vector) -> Vector:
    """and, or, unless: which series are there, by their signatures."""
    sign = signer(node.matching)
    if node.op == "or":
        rest = right.with_values(right.values, right.present & ~_matched(sign, right, left))
        return merged(concatenated([left, rest], left.values.shape[1]))
    matched = _matched(sign, left, right)
    return left.with_values(left.values, left.present & (matched if node.op == "and" else ~matched))


def _matched(sign: Signer, of: Vector, among: Vector) -> Mask:
    """[S, N]: where a series has a partner."""
    groups: dict[Key, int] = {}
    home: Index = np.array([groups.setdefault(sign(labels), len(groups)) for labels in among.labels], np.int64)
    there = np.zeros((len(groups) + 1, of.values.shape[1]), np.bool_)  # the last row is of those without a partner
    np.logical_or.at(there, home, among.present)
    return there[[groups.get(sign(labels), len(groups)) for labels in of.labels]] if of.labels else np.zeros(of.present.shape, np.bool_)
