"""histogram_quantile of classic histograms: a quantile of what was counted in buckets, as Prometheus 2.42 estimates it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Final

import numpy as np

from rayscope.model.metrics import NAME, Labels
from rayscope.query.metrics.frames import Values
from rayscope.query.promql.shown import show_labels
from rayscope.query.promql.values import Index, Key, Mask, Vector, empty, merged

BUCKET: Final = "le"
FEW: Final = 2
"""Buckets of which there must be so many for a quantile."""
UNEVEN: Final = 1e-12
"""By what share of the larger a bucket may fall below the one before it, as rounding makes it, without a warning."""


def histogram_quantile(phi: Values, vector: Vector, warn: Callable[[str], None]) -> Vector:
    """For each histogram its φ-quantile; ``phi`` [N]. ``warn`` is told of what is not as a histogram should be."""
    if ((phi < 0) | (phi > 1) | np.isnan(phi)).any():
        warn("PromQL warning: quantile value should be between 0 and 1")
    histograms = _histograms(vector, warn)
    if not histograms:
        return empty(vector.values.shape[1])
    results, there = [], []
    for rows, bounds in histograms.values():
        results.append(_quantile(phi, vector.values[rows], vector.present[rows], bounds, warn))
        there.append(vector.present[rows].any(axis=0))
    labels = [_plain(vector.labels[rows[0]]) for rows, _ in histograms.values()]
    return merged(Vector(labels, np.array(results), np.array(there)))


def _plain(labels: Labels) -> Labels:
    return {name: value for name, value in labels.items() if name not in {BUCKET, NAME}}


def _histograms(vector: Vector, warn: Callable[[str], None]) -> dict[Key, tuple[Index, Values]]:
    """By their labels but `le`: the rows of each histogram in the order of their bounds, and the bounds."""
    found: dict[Key, list[tuple[float, int]]] = defaultdict(list)
    for row, labels in enumerate(vector.labels):
        bound = _bound(labels.get(BUCKET, ""))
        if bound is None:
            warn(f"PromQL warning: bucket label {BUCKET!r} is missing or has a malformed value of {labels.get(BUCKET, '')!r} ({show_labels(labels)})")
        else:
            found[tuple(sorted(item for item in labels.items() if item[0] != BUCKET))].append((bound, row))
    sorted_out = {}
    for key, buckets in found.items():
        buckets.sort()
        sorted_out[key] = np.array([row for _, row in buckets], np.int64), np.array([bound for bound, _ in buckets])
    return sorted_out


def _bound(text: str) -> float | None:
    """Go's ParseFloat takes no blanks."""
    try:
        return float(text) if text == text.strip() else None
    except ValueError:
        return None


def _quantile(phi: Values, counts: Values, present: Mask, bounds: Values, warn: Callable[[str], None]) -> Values:
    """[N]. Steps at which the same buckets are there are done together."""
    result = np.full(len(phi), np.nan)
    patterns, home = np.unique(present, axis=1, return_inverse=True)
    for number in range(patterns.shape[1]):
        rows, steps = np.flatnonzero(patterns[:, number]), np.flatnonzero(home.ravel() == number)
        if len(rows):
            result[steps] = _of_buckets(phi[steps], counts[np.ix_(rows, steps)], bounds[rows], warn)
    return np.where(np.isnan(phi), np.nan, np.where(phi < 0, -np.inf, np.where(phi > 1, np.inf, result)))


def _of_buckets(phi: Values, counts: Values, bounds: Values, warn: Callable[[str], None]) -> Values:
    """[N], of counts [B, N]."""
    if not np.isposinf(bounds[-1]):
        return np.full(len(phi), np.nan)
    starts = np.flatnonzero(np.append(True, bounds[1:] != bounds[:-1]))
    counts, bounds = np.add.reduceat(counts, starts, axis=0), bounds[starts]
    counts = _monotonic(counts, warn)
    if len(bounds) < FEW:
        return np.full(len(phi), np.nan)
    total = counts[-1]
    rank = phi * total
    reached = counts[:-1] >= rank
    at = np.where(reached.any(axis=0), reached.argmax(axis=0), len(bounds) - 1)
    inner = np.minimum(at, len(bounds) - 2)
    below = np.maximum(inner - 1, 0)
    steps = np.arange(len(phi))
    start = np.where(inner > 0, bounds[below], 0.0)
    before = np.where(inner > 0, counts[below, steps], 0.0)
    estimate = start + (bounds[inner] - start) * ((rank - before) / (counts[inner, steps] - before))
    estimate = np.where((at == 0) & (bounds[0] <= 0), bounds[0], estimate)
    return np.where(total == 0, np.nan, np.where(at == len(bounds) - 1, bounds[-2], estimate))


def _monotonic(counts: Values, warn: Callable[[str], None]) -> Values:
    """Cumulative counts do not fall from one bucket to the next; where they do (scraped at different moments), they are lifted."""
    lifted = np.fmax.accumulate(counts, axis=0)
    if (lifted - counts > UNEVEN * np.abs(lifted)).any():
        warn("PromQL info: input to histogram_quantile needed to be fixed for monotonicity")
    return np.where(np.isnan(counts), counts, lifted)
