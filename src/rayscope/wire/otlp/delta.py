"""Deltas become totals: how far each series has come since this server began to hear of it."""

from __future__ import annotations

from typing import Final

from rayscope.model.metrics import Labels

KNOWN: Final = 100_000
"""Series whose totals are kept, some 60 MB. Deltas of more are refused: without a total they are worth nothing."""

Key = tuple[tuple[str, str], ...]


class Totals:
    """Totals of delta series. What a body adds counts once it is stored: `commit`, or else `forget`. One body at a time."""

    def __init__(self, known: int = KNOWN) -> None:
        self._limit = known
        self._totals: dict[Key, tuple[int, float]] = {}
        self._fresh: dict[Key, tuple[int, float]] = {}

    def add(self, labels: Labels, time_ms: int, delta: float) -> float | str:
        """The total with a delta, or why it cannot be added. A delta that is not newer than the last of its series was counted, or comes too late."""
        key = tuple(sorted(labels.items()))
        known = self._fresh.get(key) or self._totals.get(key)
        if known is None and len(self._totals) + len(self._fresh) >= self._limit:
            return f"over {self._limit:,} delta series"
        before_ms, total = known or (-1, 0.0)
        if time_ms <= before_ms:
            return "an old delta"
        self._fresh[key] = (time_ms, total + delta)
        return total + delta

    def commit(self) -> None:
        """The body is stored."""
        self._totals |= self._fresh
        self._fresh = {}

    def forget(self) -> None:
        """It is not, and will come again."""
        self._fresh = {}
