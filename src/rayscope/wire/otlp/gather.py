"""Series that are the parts of a histogram or a summary, put together again, time by time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayscope.model.metrics import NAME, Family, Labels, Write

Values: TypeAlias = NDArray[np.float64]

_STALE_BITS: Final = 0x7FF0000000000002
_RESOURCE: Final = frozenset({"job", "instance", "session"})
_PART: Final = {"histogram": "le", "summary": "quantile"}


class Gathered(Struct, frozen=True, kw_only=True):
    """One histogram or summary at one time. ``parts``: (bound, cumulative count) or (quantile, value), ascending."""

    labels: Labels
    time_ms: int
    parts: list[tuple[float, float]]
    count: float
    sum: float | None
    is_stale: bool


class _Member(Struct):
    """The writes of one histogram: its parts by bound, its count and its sum."""

    labels: Labels
    parts: dict[float, Write]
    count: Write | None = None
    sum: Write | None = None

    def writes(self) -> list[Write]:
        """All of them."""
        return [*self.parts.values(), *(write for write in (self.count, self.sum) if write is not None)]


def gather(family: Family, writes: Iterable[Write]) -> tuple[list[Gathered], list[Write]]:
    """What could be put together, and the writes of which not all could."""
    members: dict[tuple[tuple[str, str], ...], _Member] = {}
    left = [write for write in writes if not _place(family, members, write)]
    gathered: list[Gathered] = []
    for member in members.values():
        found = _together(family, member)
        gathered += found
        left += [] if found else member.writes()
    return gathered, left


def _place(family: Family, members: dict[tuple[tuple[str, str], ...], _Member], write: Write) -> bool:
    """Whether the write is a part of a histogram or summary of the family; then it is put in its place."""
    part, suffix = _PART[family.type], write.labels.get(NAME, "").removeprefix(family.name)
    labels = {name: value for name, value in write.labels.items() if value and name not in _RESOURCE and name not in {NAME, part}}
    member = members.setdefault(tuple(sorted(labels.items())), _Member(labels, {}))
    if suffix == "_count":
        member.count = write
    elif suffix == "_sum":
        member.sum = write
    elif suffix == ("_bucket" if part == "le" else "") and (bound := _number(write.labels.get(part, ""))) is not None:
        member.parts[bound] = write
    else:
        return False
    return True


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _together(family: Family, member: _Member) -> list[Gathered]:
    """The points of one histogram; none where a part is missing, at other times than the others, or counts down."""
    bounds, writes = sorted(member.parts), member.writes()
    if member.count is None or not bounds or (family.type == "histogram" and bounds[-1] != np.inf):
        return []
    times = member.count.times
    if any(not np.array_equal(write.times, times) for write in writes):
        return []
    parts = np.array([member.parts[bound].values for bound in bounds])
    stale = np.array([write.values.view(np.uint64) == _STALE_BITS for write in writes])
    if (stale.any(axis=0) != stale.all(axis=0)).any() or not _is_count(member.count.values[~stale[0]]):
        return []
    if family.type == "histogram" and not _is_coherent(parts[:, ~stale[0]], member.count.values[~stale[0]]):
        return []
    return [_point(member, bounds, parts[:, at], at, is_stale=bool(stale[0][at])) for at in range(len(times))]


def _is_count(counts: Values) -> bool:
    return bool(np.isfinite(counts).all() and (counts >= 0).all())


def _is_coherent(buckets: Values, counts: Values) -> bool:
    """Whether cumulative buckets (bounds x times) ascend, and end with the count."""
    return _is_count(buckets) and bool((np.diff(buckets, axis=0) >= 0).all() and (buckets[-1] == counts).all())


def _point(member: _Member, bounds: Sequence[float], values: Values, at: int, *, is_stale: bool) -> Gathered:
    assert member.count is not None
    return Gathered(
        labels=member.labels,
        time_ms=int(member.count.times[at]),
        parts=list(zip(bounds, values.tolist(), strict=True)),
        count=float(member.count.values[at]),
        sum=None if member.sum is None else float(member.sum.values[at]),
        is_stale=is_stale,
    )
