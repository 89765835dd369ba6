"""Instant vectors: of every series the newest sample that is not older than the lookback."""

from __future__ import annotations

import numpy as np

from rayscope.query.metrics.frames import Frame, Times, Values, is_absent, is_stale
from rayscope.query.promql.values import Mask, Vector
from rayscope.query.promql.windows import take

LOOKBACK_MS = 5 * 60 * 1000
"""Prometheus's default: how long a value counts after its sample."""


def instant(frame: Frame, at: Times, lookback_ms: int = LOOKBACK_MS) -> tuple[Vector, Values]:
    """The values at the times ``at`` [N], and the times of their samples in seconds [S, N]."""
    columns = np.searchsorted(frame.times, at, "right")[None, :] - 1
    holed = bool(np.isnan(frame.values).any())
    if holed and (absent := is_absent(frame.values)).any():
        newest = np.maximum.accumulate(np.where(absent, -1, np.arange(len(frame.times))), axis=1)
        columns = np.where(columns < 0, -1, take(newest, columns))
    values, taken = take(frame.values, columns), take(frame.times[None, :], columns)
    young = (columns >= 0) & (taken >= at - lookback_ms)
    present: Mask = young & ~is_stale(values) if holed else np.broadcast_to(young, values.shape)
    return Vector(frame.labels, values, present), np.broadcast_to(taken / 1000.0, values.shape)
