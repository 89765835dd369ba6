"""Levels over time from what the store counted bin by bin. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

_DIGITS: Final = 4


def level_series(found: Iterable[tuple[int, int, int]], bins: int, bin_ns: int) -> list[float]:
    """The mean level of each bin, of rows (bin, busy, delta)."""
    busy, delta = [0] * (bins + 2), [0] * (bins + 2)
    for at, taken, step in found:
        busy[at] += taken
        delta[at] += step
    level, series = 0, []
    for at in range(bins):
        level += delta[at]
        series.append(busy[at] / bin_ns + level)
    return series


def by_kind(found: Iterable[tuple[str, int, int, int]]) -> dict[str, list[tuple[int, int, int]]]:
    """The rows (bin, busy, delta) of each kind."""
    kinds: defaultdict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for kind, at, busy, delta in found:
        kinds[kind].append((at, busy, delta))
    return kinds


def add_amounts(into: dict[str, list[float]], kinds: Mapping[str, list[tuple[int, int, int]]], bins: int, bin_ns: int) -> None:
    """Add to each resource's series what the kinds, which are resources as JSON, hold of it."""
    for kind, rows in kinds.items():
        amounts = amounts_of(kind)
        if amounts:
            series = level_series(rows, bins, bin_ns)
            for name, amount in amounts.items():
                known = into.setdefault(name, [0.0] * bins)
                into[name] = [one + amount * level for one, level in zip(known, series, strict=True)]


def amounts_of(text: str) -> dict[str, float]:
    """Resources and how much of each, of JSON; nothing of what is none."""
    try:
        value: Any = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    return {name: float(amount) for name, amount in value.items() if isinstance(amount, int | float) and amount} if isinstance(value, dict) else {}


def rounded(series: Iterable[float]) -> list[float]:
    """Four digits after the point: what a picture shows."""
    return [round(value, _DIGITS) for value in series]
