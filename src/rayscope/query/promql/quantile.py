"""Quantiles of numbers, where NaN sorts first."""

from __future__ import annotations

import numpy as np

from rayscope.query.metrics.frames import Values
from rayscope.query.promql.values import Index, Mask


def sorted_nan_first(values: Values, inside: Mask) -> tuple[Values, Index]:
    """The numbers of the last axis that are ``inside``, ascending and NaN first; and how many. What follows them is +Inf."""
    nans = (np.isnan(values) & inside).sum(axis=-1)
    ordered = np.sort(np.where(inside, np.where(np.isnan(values), -np.inf, values), np.inf), axis=-1)
    place = np.arange(values.shape[-1])
    return np.where(place < nans[..., None], np.nan, ordered), inside.sum(axis=-1)


def quantile_of_sorted(phi: Values, ordered: Values, count: Index) -> Values:
    """Linear between ranks. ``ordered`` [..., N, K] of which the first ``count`` [..., N] are numbers; ``phi`` [N]."""
    rank = phi * (count - 1)
    safe = np.where(np.isfinite(rank), rank, 0.0)
    low = np.maximum(0, np.floor(safe)).astype(np.int64)
    high = np.minimum(np.maximum(count - 1, 0), low + 1)
    low = np.minimum(low, np.maximum(count - 1, 0))
    weight = safe - np.floor(safe)
    at_low, at_high = (np.take_along_axis(ordered, at[..., None], axis=-1)[..., 0] for at in (low, high))
    inner = at_low * (1 - weight) + at_high * weight
    outer = np.where(np.isnan(phi), np.nan, np.where(phi < 0, -np.inf, np.inf))
    return np.where(count == 0, np.nan, np.where((phi >= 0) & (phi <= 1), inner, outer))
