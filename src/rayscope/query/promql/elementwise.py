"""Functions of each value by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from rayscope.query.metrics.frames import Values
from rayscope.query.promql.values import Mask

MATH: Final[Mapping[str, Callable[[Values], Values]]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": lambda v: v * 180 / np.pi,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "rad": lambda v: v * np.pi / 180,
    "sgn": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}
"""By name."""


def larger(a: Values, b: Values) -> Values:
    """Go's math.Max: NaN wins over everything but +Inf."""
    found: Values = np.where(np.isposinf(a) | np.isposinf(b), np.inf, np.maximum(a, b))
    return found


def smaller(a: Values, b: Values) -> Values:
    """Go's math.Min: NaN wins over everything but -Inf."""
    return np.where(np.isneginf(a) | np.isneginf(b), -np.inf, np.minimum(a, b))


def clamp(values: Values, low: Values, high: Values) -> tuple[Values, Mask]:
    """Within [low, high]; nothing where that is no interval."""
    return larger(low, smaller(high, values)), np.broadcast_to(~(high < low), values.shape)


def rounded(values: Values, to: Values) -> Values:
    """The nearest multiple of ``to``; ties go up."""
    inverse = 1.0 / to
    return np.floor(values * inverse + 0.5) / inverse


_DAY: Final = "datetime64[D]"


def _days(values: Values) -> np.ndarray[tuple[int, ...], np.dtype[np.datetime64]]:
    return _seconds(values).astype(_DAY)


def _seconds(values: Values) -> np.ndarray[tuple[int, ...], np.dtype[np.datetime64]]:
    whole = np.where(np.isfinite(values), np.trunc(np.clip(values, -6e10, 2.5e11)), 0)
    return whole.astype(np.int64).astype("datetime64[s]")


def _part(values: Values, unit: str, base: str) -> Values:
    """How many of a unit since the beginning of the larger one."""
    at = _seconds(values)
    found: Values = (at.astype(f"datetime64[{unit}]") - at.astype(f"datetime64[{base}]").astype(f"datetime64[{unit}]")).astype(np.float64)
    return found


def _days_in_month(values: Values) -> Values:
    month = _seconds(values).astype("datetime64[M]")
    found: Values = ((month + 1).astype(_DAY) - month.astype(_DAY)).astype(np.float64)
    return found


CLOCK: Final[Mapping[str, Callable[[Values], Values]]] = {
    "minute": lambda v: _part(v, "m", "h"),
    "hour": lambda v: _part(v, "h", "D"),
    "day_of_week": lambda v: ((_days(v).astype(np.int64) + 4) % 7).astype(np.float64),
    "day_of_month": lambda v: _part(v, "D", "M") + 1,
    "day_of_year": lambda v: _part(v, "D", "Y") + 1,
    "days_in_month": _days_in_month,
    "month": lambda v: _part(v, "M", "Y") + 1,
    "year": lambda v: _seconds(v).astype("datetime64[Y]").astype(np.float64) + 1970,
}
"""Parts of a UTC time in seconds, by name of the function."""


def clock(name: str, values: Values) -> Values:
    """A part of the time; NaN of what is none."""
    return np.where(np.isfinite(values), CLOCK[name](values), np.nan)
