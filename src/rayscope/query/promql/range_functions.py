"""The functions of windows, by name: which take what beside the windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import numpy as np

from rayscope.errors import PromqlExecutionError
from rayscope.query.metrics.frames import Times, Values
from rayscope.query.promql import over_time, rates
from rayscope.query.promql.values import Mask
from rayscope.query.promql.windows import Windows

Found: TypeAlias = tuple[Values, Mask]
RangeFunction: TypeAlias = Callable[[Windows, Times, list[Values]], Found]
"""(windows, the steps' times [N], the scalar arguments, each [N]) to values [S, N] and where there are some."""

KEEPS_NAME: Final = frozenset({"last_over_time", "first_over_time"})


def _plain(function: Callable[[Windows], Found]) -> RangeFunction:
    return lambda windows, _times, _scalars: function(windows)


def _deriv(windows: Windows, _: Times, __: list[Values]) -> Found:
    slope, _value, there = over_time.line(windows, windows.first()[0])
    return slope, there


def _predict_linear(windows: Windows, times: Times, scalars: list[Values]) -> Found:
    slope, value, there = over_time.line(windows, times[None, :])
    return slope * scalars[0] + value, there


def _holt_winters(windows: Windows, _: Times, scalars: list[Values]) -> Found:
    for factor, word in zip(scalars, ("smoothing", "trend"), strict=True):
        bad = ~((factor > 0) & (factor < 1))
        if bad.any():
            raise PromqlExecutionError(f"invalid {word} factor. Expected: 0 < {word[0]}f < 1, got: {float(factor[bad.argmax()]):f}")
    return over_time.smoothed(windows, scalars[0], scalars[1])


RANGE_FUNCTIONS: Final[Mapping[str, RangeFunction]] = {
    "rate": _plain(lambda w: rates.extrapolated(w, counter=True, per_second=True)),
    "increase": _plain(lambda w: rates.extrapolated(w, counter=True, per_second=False)),
    "delta": _plain(lambda w: rates.extrapolated(w, counter=False, per_second=False)),
    "irate": _plain(lambda w: rates.of_last_two(w, per_second=True)),
    "idelta": _plain(lambda w: rates.of_last_two(w, per_second=False)),
    "resets": _plain(rates.resets),
    "changes": _plain(rates.changes),
    "deriv": _deriv,
    "predict_linear": _predict_linear,
    "holt_winters": _holt_winters,
    "double_exponential_smoothing": _holt_winters,
    "avg_over_time": _plain(over_time.average),
    "min_over_time": _plain(over_time.minimum),
    "max_over_time": _plain(over_time.maximum),
    "sum_over_time": _plain(over_time.summed),
    "count_over_time": _plain(over_time.counted),
    "stddev_over_time": _plain(over_time.deviation),
    "stdvar_over_time": _plain(over_time.variance),
    "mad_over_time": _plain(over_time.median_deviation),
    "last_over_time": _plain(over_time.last),
    "first_over_time": _plain(over_time.first),
    "present_over_time": _plain(over_time.present),
    "quantile_over_time": lambda windows, _, scalars: over_time.quantile(windows, scalars[0]),
}


def apply(name: str, windows: Windows, times: Times, scalars: list[Values]) -> Found:
    """A function over windows. What is computed of windows without samples does not count, and makes no noise."""
    with np.errstate(all="ignore"):
        return RANGE_FUNCTIONS[name](windows, times, scalars)
