"""Binary operators on numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from rayscope.query.metrics.frames import Values
from rayscope.query.promql.values import Mask

ARITHMETIC: Final[Mapping[str, Callable[[Values, Values], Values]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}

DROPS_NAME: Final = frozenset(ARITHMETIC) - {"atan2"}
"""Operators whose result has no metric's name: in Prometheus 2.42 all that calculate but atan2."""

COMPARISON: Final[Mapping[str, Callable[[Values, Values], Mask]]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}

SETS: Final = frozenset({"and", "or", "unless"})
