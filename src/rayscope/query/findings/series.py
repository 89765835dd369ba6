"""Series of one name, joined from frames, and what can be said of them: values on a grid, spells, slopes. Pure, over numpy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayscope.query.metrics.frames import Frame

Times: TypeAlias = NDArray[np.int64]
Values: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.intp]
Flags: TypeAlias = NDArray[np.bool_]

NODE, PID, NAME = "node", "pid", "__name__"


class Series(Struct, frozen=True, eq=False):
    """The samples of one series: ``times`` (ms) ascend, ``values`` are numbers."""

    labels: dict[str, str]
    times: Times
    values: Values


class Spell(Struct, frozen=True):
    """A stretch of time, in ms; ``first`` and ``last`` are its places on the grid."""

    since_ms: int
    until_ms: int
    first: int
    last: int


def join(frames: Iterable[Frame]) -> list[Series]:
    """The series of frames, each once, with its samples in order of time. What is no number (absent, stale, NaN, infinite) is left out."""
    parts: defaultdict[tuple[tuple[str, str], ...], list[tuple[Times, Values]]] = defaultdict(list)
    for frame in frames:
        for labels, values in zip(frame.labels, frame.values, strict=True):
            known = np.isfinite(values)
            if known.any():
                parts[tuple(sorted(labels.items()))].append((frame.times[known], values[known]))
    return [_joined(dict(key), found) for key, found in parts.items()]


def _joined(labels: dict[str, str], parts: Sequence[tuple[Times, Values]]) -> Series:
    times, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    last = np.append(times[1:] != times[:-1], True)
    return Series(labels, times[last], values[last])


def by_label(every: Iterable[Series], *names: str) -> dict[tuple[str, ...], Series]:
    """By the values of labels the series that have them; those with the same values are joined. A series without one of them is left out."""
    parts: defaultdict[tuple[str, ...], list[Series]] = defaultdict(list)
    for one in every:
        if all(one.labels.get(name) for name in names):
            parts[tuple(one.labels[name] for name in names)].append(one)
    return {key: found[0] if len(found) == 1 else _joined(found[0].labels, [(one.times, one.values) for one in found]) for key, found in parts.items()}


def by_node(every: Iterable[Series]) -> dict[str, Series]:
    """By node id."""
    return {node: one for (node,), one in by_label(every, NODE).items()}


def by_process(every: Iterable[Series]) -> dict[tuple[str, str, str], Series]:
    """By node, pid and worker, where that is known: a pid may be used again, and a worker's title changes with what it runs. The last title is kept."""
    found: defaultdict[tuple[str, str, str], list[Series]] = defaultdict(list)
    for one in every:
        if one.labels.get(NODE) and one.labels.get(PID, "").isdigit():
            found[one.labels[NODE], one.labels[PID], one.labels.get("worker_id", "")].append(one)
    newest_last = {key: sorted(parts, key=lambda one: int(one.times[-1])) for key, parts in found.items()}
    return {key: _joined(parts[-1].labels, [(one.times, one.values) for one in parts]) for key, parts in newest_last.items()}


def grid_of(start_ms: int, end_ms: int, step_s: float) -> Times:
    """Times from one to another, both within."""
    return np.arange(start_ms, end_ms + 1, round(step_s * 1000), dtype=np.int64)


def on_grid(one: Series | None, grid: Times, fresh_s: float) -> Values:
    """The last value at each time that is no older than so many seconds; NaN where there is none."""
    if one is None or not len(one.times):
        return np.full(len(grid), np.nan)
    places = np.searchsorted(one.times, grid, side="right") - 1
    found = one.values[np.maximum(places, 0)]
    fresh = (places >= 0) & (grid - one.times[np.maximum(places, 0)] <= fresh_s * 1000)
    return np.where(fresh, found, np.nan)


def summed(every: Sequence[Series], grid: Times, fresh_s: float) -> Values:
    """The sum of the series that have a value at each time; NaN where none has."""
    if not every:
        return np.full(len(grid), np.nan)
    values = np.stack([on_grid(one, grid, fresh_s) for one in every])
    return np.where(np.isnan(values).all(axis=0), np.nan, np.nansum(values, axis=0))


def spells(grid: Times, is_so: Flags, least_s: float, gap_s: float) -> list[Spell]:
    """Where something is so for at least so many seconds; shorter gaps than ``gap_s`` do not end a spell."""
    places = np.flatnonzero(is_so)
    if not len(places):
        return []
    breaks = np.flatnonzero(np.diff(grid[places]) > gap_s * 1000 + 1)
    groups = np.split(places, breaks + 1)
    found = [Spell(int(grid[group[0]]), int(grid[group[-1]]), int(group[0]), int(group[-1])) for group in groups]
    return [spell for spell in found if spell.until_ms - spell.since_ms >= least_s * 1000]


def rates(one: Series) -> Series:
    """How much a counter grows a second between its samples; a reset counts from zero."""
    steps = np.diff(one.values)
    grown = np.where(steps < 0, one.values[1:], steps)
    seconds = np.diff(one.times) / 1000
    return Series(one.labels, one.times[1:], grown / np.maximum(seconds, 1e-3))


def floors(one: Series, start_ms: int, windows: int) -> tuple[Values, Values]:
    """The least value of each of so many equal stretches from a time to the series' end: seconds since that time, values. Empty ones are left out."""
    edges = np.linspace(start_ms, int(one.times[-1]) + 1, windows + 1)
    found: list[tuple[float, float]] = []
    for low, high in pairwise(edges):
        inside = np.flatnonzero((one.times >= low) & (one.times < high))
        if len(inside):
            place = inside[np.argmin(one.values[inside])]
            found.append((float((one.times[place] - start_ms) / 1000), float(one.values[place])))
    pairs = np.array(found).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def slope(seconds: Values, values: Values) -> float:
    """The median of the slopes between all pairs (Theil and Sen): a third of the points may be anything."""
    first, second = np.triu_indices(len(seconds), 1)
    spans = seconds[second] - seconds[first]
    known = spans > 0
    return float(np.median((values[second] - values[first])[known] / spans[known])) if known.any() else 0.0


def fit(seconds: Values, values: Values) -> float:
    """How much of the values' variance a line explains (r²), 0 where they do not vary."""
    if len(values) < 2 or not values.std() or not seconds.std():  # noqa: PLR2004 a line needs two
        return 0.0
    return float(np.corrcoef(seconds, values)[0, 1] ** 2)


def last_before(one: Series, time_ms: int, fresh_s: float) -> float | None:
    """The value at a time, None where there is none that is fresh."""
    value: Any = on_grid(one, np.array([time_ms], dtype=np.int64), fresh_s)[0]
    return None if np.isnan(value) else float(value)
