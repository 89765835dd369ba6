"""The `*_over_time` functions, and those that fit a line or a smoothed curve to a window. Each gives values and where there are some."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rayscope.query.metrics.frames import Values
from rayscope.query.promql.quantile import quantile_of_sorted, sorted_nan_first
from rayscope.query.promql.values import Index, Mask
from rayscope.query.promql.windows import Windows, take, window_samples

PAIR = 2
_LONG = 24
"""Samples in a window from which on running totals are quicker than to add up each window by itself."""
_MANTISSA = 63
_CANCELLED = 1e4
"""How many times larger than a window's sum the running total may be, for the difference to be exact to twelve digits and more."""


class Sum:
    """A sum as Prometheus makes it: Neumaier's, which keeps what rounding loses."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._sum = np.zeros(shape)
        self._lost = np.zeros(shape)

    def add(self, numbers: Values, where: Mask) -> None:
        """Add the numbers where they count."""
        numbers = np.where(where, numbers, 0.0)
        total = self._sum + numbers
        larger = np.abs(self._sum) >= np.abs(numbers)
        lost = np.where(larger, (self._sum - total) + numbers, (numbers - total) + self._sum)
        self._lost = np.where(np.isinf(total), 0.0, self._lost + lost)
        self._sum = total

    @property
    def value(self) -> Values:
        """The sum."""
        return self._sum + self._lost


def _shape(windows: Windows) -> tuple[int, int]:
    return len(windows.labels), len(windows.end)


def _samples(windows: Windows) -> Iterator[tuple[Index, Values, Mask]]:
    for at, inside in windows.positions():
        yield at, windows.value(at), inside


def summed(windows: Windows) -> tuple[Values, Mask]:
    """sum_over_time."""
    if (quick := _from_running_totals(windows)) is not None:
        return quick, windows.with_at_least(1)
    total = Sum(_shape(windows))
    for _, values, inside in _samples(windows):
        total.add(values, inside)
    return total.value, windows.with_at_least(1)


def _from_running_totals(windows: Windows) -> Values | None:
    """Sums of long windows as differences of running totals, with 64 bits of mantissa; None where that may be less exact than to add them up."""
    if windows.count.max(initial=0) < _LONG or np.finfo(np.longdouble).nmant < _MANTISSA or not np.isfinite(windows.values).all():
        return None
    totals = np.zeros((len(windows.values), windows.values.shape[1] + 1), np.longdouble)
    np.cumsum(windows.values, axis=1, out=totals[:, 1:], dtype=np.longdouble)
    found = (take(totals, windows.hi) - take(totals, windows.lo)).astype(np.float64)
    largest = np.abs(totals).max(axis=1, keepdims=True).astype(np.float64)
    exact = (np.abs(found) * _CANCELLED >= largest) | (windows.count == 0)
    return found if exact.all() and np.isfinite(largest).all() else None


def average(windows: Windows) -> tuple[Values, Mask]:
    """avg_over_time. Where the sum is too large for a number, the average of parts still is one."""
    total, there = summed(windows)
    mean = total / windows.count
    overflown = there & np.isinf(mean)
    if overflown.any():
        parts = Sum(_shape(windows))
        for _, values, inside in _samples(windows):
            parts.add(values / windows.count, inside)
        mean = np.where(overflown, parts.value, mean)
    return mean, there


def minimum(windows: Windows) -> tuple[Values, Mask]:
    """min_over_time: NaN counts only where there is nothing else."""
    return _extreme(windows, np.fmin)


def maximum(windows: Windows) -> tuple[Values, Mask]:
    """max_over_time: likewise."""
    return _extreme(windows, np.fmax)


def _extreme(windows: Windows, better: np.ufunc) -> tuple[Values, Mask]:
    if len(windows.lo) == 1 and len(windows.labels):  # all series have the same windows
        padded = np.pad(windows.values, ((0, 0), (0, 1)), constant_values=np.nan)
        bounds = np.stack([windows.lo[0], windows.hi[0]], axis=1).ravel()
        return better.reduceat(padded, bounds, axis=1)[:, ::2], windows.with_at_least(1)
    result = np.full(_shape(windows), np.nan)
    for _, values, inside in _samples(windows):
        result = np.where(inside, better(result, values), result)
    return result, windows.with_at_least(1)


def counted(windows: Windows) -> tuple[Values, Mask]:
    """count_over_time."""
    return np.broadcast_to(windows.count.astype(np.float64), _shape(windows)), windows.with_at_least(1)


def present(windows: Windows) -> tuple[Values, Mask]:
    """present_over_time."""
    return np.ones(_shape(windows)), windows.with_at_least(1)


def last(windows: Windows) -> tuple[Values, Mask]:
    """last_over_time."""
    return windows.last()[1], windows.with_at_least(1)


def first(windows: Windows) -> tuple[Values, Mask]:
    """first_over_time, of later Prometheus versions."""
    return windows.first()[1], windows.with_at_least(1)


def variance(windows: Windows) -> tuple[Values, Mask]:
    """stdvar_over_time, of the population."""
    mean, there = average(windows)
    total = Sum(_shape(windows))
    for _, values, inside in _samples(windows):
        total.add((values - mean) ** 2, inside)
    return total.value / windows.count, there


def deviation(windows: Windows) -> tuple[Values, Mask]:
    """stddev_over_time."""
    squared, there = variance(windows)
    return np.sqrt(squared), there


def quantile(windows: Windows, phi: Values) -> tuple[Values, Mask]:
    """quantile_over_time; ``phi`` [N]."""
    result = np.full(_shape(windows), np.nan)
    for steps, values, inside in window_samples(windows):
        ordered, count = sorted_nan_first(values, inside)
        result[:, steps] = quantile_of_sorted(phi[steps], ordered, count)
    return result, windows.with_at_least(1)


def median_deviation(windows: Windows) -> tuple[Values, Mask]:
    """mad_over_time, of later Prometheus versions: the median of the distances from the median."""
    result, half = np.full(_shape(windows), np.nan), np.array([0.5])
    for steps, values, inside in window_samples(windows):
        middle = quantile_of_sorted(half, *sorted_nan_first(values, inside))
        result[:, steps] = quantile_of_sorted(half, *sorted_nan_first(np.abs(values - middle[..., None]), inside))
    return result, windows.with_at_least(1)


def line(windows: Windows, zero_ms: Index) -> tuple[Values, Values, Mask]:
    """Slope a second and value at the time ``zero_ms`` [S or 1, N] of the line through the samples of each window (least squares)."""
    sums = {name: Sum(_shape(windows)) for name in ("x", "y", "xy", "xx")}
    start = windows.first()[1]
    level = np.ones(_shape(windows), np.bool_)
    for at, values, inside in _samples(windows):
        x = (windows.time(at) - zero_ms) / 1000.0
        for name, part in (("x", np.broadcast_to(x, values.shape)), ("y", values), ("xy", x * values), ("xx", np.broadcast_to(x * x, values.shape))):
            sums[name].add(part, inside)
        level &= ~inside | (values == start)
    count = windows.count
    x, y, xy, xx = (sums[name].value for name in ("x", "y", "xy", "xx"))
    slope = (xy - x * y / count) / (xx - x * x / count)
    flat = np.where(np.isinf(start), np.nan, start)
    return np.where(level, flat * 0.0, slope), np.where(level, flat, y / count - slope * x / count), windows.with_at_least(PAIR)


def smoothed(windows: Windows, smoothing: Values, trend: Values) -> tuple[Values, Mask]:
    """holt_winters: double exponential smoothing; both factors [N], between 0 and 1."""
    older = level = windows.value(windows.lo)
    slope = windows.value(windows.lo + 1) - level
    for k, (_, values, inside) in enumerate(_samples(windows)):
        if k == 0:
            continue
        if k > 1:  # the first slope is the distance of the first two samples
            slope = trend * (level - older) + (1 - trend) * slope
        new = smoothing * values + (1 - smoothing) * (level + slope)
        older, level = np.where(inside, level, older), np.where(inside, new, level)
    return level, windows.with_at_least(PAIR)
