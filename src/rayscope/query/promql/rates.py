"""rate, increase, delta, irate, idelta, resets, changes: functions of how a series went on. Each gives values and where there are some."""

from __future__ import annotations

import numpy as np

from rayscope.query.metrics.frames import Times, Values
from rayscope.query.promql.values import Mask
from rayscope.query.promql.windows import Windows, take

NEAR = 1.1
"""A window's end counts as near its sample up to so many average distances between samples: then the value is extrapolated up to the end."""

PAIR = 2


def extrapolated(windows: Windows, *, counter: bool, per_second: bool) -> tuple[Values, Mask]:
    """Prometheus's extrapolatedRate: what the samples of a window say of the whole window."""
    first_ms, first = windows.first()
    last_ms, last = windows.last()
    result = last - first
    if counter:
        result = result + _lost_in_resets(windows)
    factor = extrapolation(windows, first_ms, last_ms, first, result if counter else None)
    if per_second:
        factor = factor / (windows.range_ms / 1000)
    return result * factor, windows.with_at_least(PAIR)


def extrapolation(windows: Windows, first_ms: Times, last_ms: Times, first: Values, increase: Values | None) -> Values:
    """By how much the difference between two samples is stretched to the window, [S or 1, N]. A counter does not begin below zero."""
    sampled = (last_ms - first_ms) / 1000.0
    to_start = (first_ms - (windows.end - windows.range_ms)) / 1000.0
    to_end = (windows.end - last_ms) / 1000.0
    average = sampled / (windows.count - 1)
    if increase is not None:
        to_zero = sampled * (first / increase)
        to_start = np.where((increase > 0) & (first >= 0) & (to_zero < to_start), to_zero, to_start)
    near = average * NEAR
    whole = sampled + np.where(to_start < near, to_start, average / 2) + np.where(to_end < near, to_end, average / 2)
    stretched: Values = whole / sampled
    return stretched


def _lost_in_resets(windows: Windows) -> Values:
    """[S, N]: what a counter had reached before each of its resets within the window."""
    before, after = windows.values[:, :-1], windows.values[:, 1:]
    fell = after < before
    some = fell.any(axis=1)
    lost = np.zeros((len(windows.labels), len(windows.end)))
    if not some.any():
        return lost
    total = np.zeros((int(some.sum()), windows.values.shape[1]))
    np.cumsum(np.where(fell[some], before[some], 0.0), axis=1, out=total[:, 1:])
    lo, hi = (at if len(at) == 1 else at[some] for at in (windows.lo, windows.hi))
    lost[some] = take(total, hi - 1) - take(total, lo)
    return lost


def of_last_two(windows: Windows, *, per_second: bool) -> tuple[Values, Mask]:
    """Irate and idelta: from the last two samples of a window."""
    last_ms, last = windows.last()
    previous_ms, previous = windows.time(windows.hi - 2), windows.value(windows.hi - 2)
    result = last - previous
    if per_second:
        result = np.where(last < previous, last, result) / ((last_ms - previous_ms) / 1000.0)
    return result, windows.with_at_least(PAIR)


def resets(windows: Windows) -> tuple[Values, Mask]:
    """How often the value fell."""
    return _counted(windows, windows.values[:, 1:] < windows.values[:, :-1])


def changes(windows: Windows) -> tuple[Values, Mask]:
    """How often the value changed; NaN to NaN is no change."""
    before, after = windows.values[:, :-1], windows.values[:, 1:]
    return _counted(windows, (after != before) & ~(np.isnan(after) & np.isnan(before)))


def _counted(windows: Windows, events: Mask) -> tuple[Values, Mask]:
    """How many of the steps between two samples are events, in each window."""
    total = np.zeros((len(windows.labels), windows.values.shape[1]))
    np.cumsum(events, axis=1, out=total[:, 1:])
    return take(total, windows.hi - 1) - take(total, windows.lo), windows.with_at_least(1)
