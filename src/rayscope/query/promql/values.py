"""What expressions evaluate to: for each of N steps a number (Scalar), or for each of S series and N steps a number or none (Vector)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayscope.errors import PromqlExecutionError
from rayscope.model.metrics import NAME, Labels
from rayscope.query.metrics.frames import Times, Values

Mask: TypeAlias = NDArray[np.bool_]
Key: TypeAlias = tuple[tuple[str, str], ...]
Index: TypeAlias = NDArray[np.int64]


class Grid(Struct, frozen=True, eq=False):
    """The steps of an evaluation: N times in ms."""

    times: Times

    @classmethod
    def of(cls, start_ms: int, end_ms: int, step_ms: int) -> Grid:
        """From start to end inclusive; a step of 0 is one time."""
        return cls(np.array([start_ms], np.int64) if step_ms == 0 else np.arange(start_ms, end_ms + 1, step_ms, dtype=np.int64))

    @property
    def steps(self) -> int:
        """N."""
        return len(self.times)


class Scalar(Struct, frozen=True, eq=False):
    """N numbers."""

    values: Values


class String(Struct, frozen=True):
    """A text."""

    value: str


class Vector(Struct, frozen=True, eq=False):
    """``values[s, n]`` of series s at step n, where ``present[s, n]``. ``ordered``: the order of the series means something."""

    labels: list[Labels]
    values: Values
    present: Mask
    ordered: bool = False

    def with_values(self, values: Values, present: Mask | None = None) -> Vector:
        """The same series with other numbers."""
        return Vector(self.labels, values, self.present if present is None else present, self.ordered)

    def with_labels(self, labels: list[Labels]) -> Vector:
        """The same numbers under other labels; series that become equal are one, or an error where both have a number."""
        return merged(Vector(labels, self.values, self.present, self.ordered))

    def without_name(self) -> Vector:
        """Without metric names, as after every calculation."""
        labels = [without_name(each) for each in self.labels]
        several = len({each.get(NAME) for each in self.labels}) > 1
        plain = Vector(labels, self.values, self.present, self.ordered)
        return merged(plain) if several else plain

    def rows(self, index: Index | Sequence[int]) -> Vector:
        """Some of the series, in that order."""
        at = np.asarray(index, np.int64)
        return Vector([self.labels[i] for i in at.tolist()], self.values[at], self.present[at], self.ordered)


Value: TypeAlias = Scalar | String | Vector


def empty(steps: int) -> Vector:
    """No series."""
    return Vector([], np.empty((0, steps)), np.empty((0, steps), np.bool_))


def without_name(labels: Labels) -> Labels:
    """The labels but the metric's name."""
    if NAME not in labels:
        return labels
    rest = labels.copy()
    del rest[NAME]
    return rest


def key_of(labels: Labels) -> Key:
    """What is equal for equal labels, and sorts as Prometheus sorts series."""
    return tuple(sorted(labels.items()))


def concatenated(vectors: Sequence[Vector], steps: int) -> Vector:
    """The series of all."""
    if len(vectors) == 1:
        return vectors[0]
    if not vectors:
        return empty(steps)
    return Vector(
        [labels for vector in vectors for labels in vector.labels],
        np.concatenate([vector.values for vector in vectors]),
        np.concatenate([vector.present for vector in vectors]),
    )


def merged(vector: Vector) -> Vector:
    """Series with equal labels made one. Raises PromqlExecutionError where two have a number at the same step."""
    first: dict[Key, int] = {}
    home = np.array([first.setdefault(key_of(labels), i) for i, labels in enumerate(vector.labels)], np.int64)
    if len(first) == len(vector.labels):
        return vector
    values, present = vector.values.copy(), vector.present.copy()
    for row, target in enumerate(home.tolist()):
        if row == target:
            continue
        if (present[target] & vector.present[row]).any():
            raise PromqlExecutionError("vector cannot contain metrics with the same labelset")
        values[target] = np.where(vector.present[row], vector.values[row], values[target])
        present[target] |= vector.present[row]
    return Vector(vector.labels, values, present, vector.ordered).rows(list(first.values()))


def compact(vector: Vector) -> Vector:
    """Without the series that have no number at any step."""
    some = vector.present.any(axis=1)
    return vector if some.all() else vector.rows(np.flatnonzero(some))
