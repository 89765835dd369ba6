"""Frames as series with their samples, and a batch in two when a receiver will not have it whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from rayscope.model.metrics import Write
from rayscope.query.metrics.frames import Frame, is_absent

Wanted = Callable[[NDArray[np.int64]], NDArray[np.bool_]]


def writes_of(frames: Iterable[Frame]) -> list[Write]:
    """Each series of the frames that has samples, stale markers among them."""
    return [write for frame in frames for write in _writes(frame)]


def sample_count(writes: Iterable[Write]) -> int:
    """How many samples there are."""
    return sum(len(write.times) for write in writes)


def newest_ms(writes: Iterable[Write]) -> int:
    """The time of the newest sample; 0 where there is none."""
    return max((int(write.times[-1]) for write in writes if len(write.times)), default=0)


def halves(writes: Sequence[Write]) -> tuple[list[Write], list[Write]] | None:
    """The batch in two: the older and the newer samples; where all are of one time, the first series and the others. None for a single sample."""
    times = np.unique(np.concatenate([write.times for write in writes])) if writes else np.empty(0, np.int64)
    if len(times) > 1:
        middle = times[len(times) // 2]
        return list(_cut(writes, lambda at: at < middle)), list(_cut(writes, lambda at: at >= middle))
    if len(writes) > 1:
        return list(writes[: len(writes) // 2]), list(writes[len(writes) // 2 :])
    return None


def _writes(frame: Frame) -> Iterator[Write]:
    values = np.ascontiguousarray(frame.values)
    absent = is_absent(values)
    for labels, own, lacking in zip(frame.labels, values, absent, strict=True):
        if not lacking.any():
            yield Write(labels, frame.times, own)
        elif not lacking.all():
            yield Write(labels, frame.times[~lacking], own[~lacking])


def _cut(writes: Sequence[Write], wanted: Wanted) -> Iterator[Write]:
    for write in writes:
        chosen = wanted(write.times)
        if chosen.any():
            yield replace(write, times=write.times[chosen], values=write.values[chosen])
