"""Frames as the evaluator takes them: each series in one frame only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from rayscope.model.metrics import Labels
from rayscope.query.metrics.frames import ABSENT, Frame, is_absent
from rayscope.query.promql.values import Key, key_of


def joined(frames: Sequence[Frame]) -> list[Frame]:
    """The same samples, every series in one frame: frames that share a series (an agent restarted in between) become one."""
    if len(frames) < 2:  # noqa: PLR2004 one frame has nothing to be joined with
        return list(frames)
    keys = [[key_of(labels) for labels in frame.labels] for frame in frames]
    groups = _connected(keys)
    return [frames[group[0]] if len(group) == 1 else _union([frames[i] for i in group], [keys[i] for i in group]) for group in groups]


def _connected(keys: Sequence[Sequence[Key]]) -> list[list[int]]:
    """Numbers of frames, those that share a series together."""
    owner: dict[Key, int] = {}
    parent = list(range(len(keys)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, frame_keys in enumerate(keys):
        for key in frame_keys:
            other = owner.setdefault(key, i)
            if other != i:
                parent[root(i)] = root(other)
    groups: dict[int, list[int]] = defaultdict(list)
    for i in range(len(keys)):
        groups[root(i)].append(i)
    return list(groups.values())


def _union(frames: Sequence[Frame], keys: Sequence[Sequence[Key]]) -> Frame:
    """One frame with the series and the times of all. Of two samples of a series at one time the later frame's stays."""
    times = np.unique(np.concatenate([frame.times for frame in frames]))
    rows: dict[Key, int] = {}
    labels: list[Labels] = []
    for frame, frame_keys in zip(frames, keys, strict=True):
        for key, each in zip(frame_keys, frame.labels, strict=True):
            if rows.setdefault(key, len(rows)) == len(labels):
                labels.append(each)
    values = np.full((len(labels), len(times)), ABSENT)
    for frame, frame_keys in zip(frames, keys, strict=True):
        columns = np.searchsorted(times, frame.times)
        for row, key in enumerate(frame_keys):
            there = ~is_absent(frame.values[row])
            values[rows[key], columns[there]] = frame.values[row, there]
    return Frame(labels, times, values)
