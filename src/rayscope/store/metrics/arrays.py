"""Two small containers over numpy: an array that grows, and a map from hashes to numbers that takes 12 bytes an entry."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_PENDING: Final = 8192


class Grow:
    """An array that grows at its end. What `view` gave stays as it was: readers need no lock."""

    def __init__(self, dtype: Any) -> None:
        self._held: NDArray[Any] = np.empty(256, dtype)
        self.size = 0

    @property
    def view(self) -> NDArray[Any]:
        """What is in it, not copied."""
        return self._held[: self.size]

    def append(self, value: float) -> None:
        """One more."""
        self._reserve(1)
        self._held[self.size] = value
        self.size += 1

    def extend(self, values: NDArray[Any] | list[int]) -> None:
        """Many more."""
        self._reserve(len(values))
        self._held[self.size : self.size + len(values)] = values
        self.size += len(values)

    def _reserve(self, count: int) -> None:
        if self.size + count > len(self._held):
            fresh = np.empty(max(len(self._held) * 3 // 2, self.size + count), self._held.dtype)
            fresh[: self.size] = self._held[: self.size]
            self._held = fresh


class HashMap:
    """From 64-bit hashes to numbers. A dict of as many takes ten times the room."""

    def __init__(self) -> None:
        self._keys: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._numbers: NDArray[np.int32] = np.empty(0, np.int32)
        self._pending: dict[int, int] = {}

    def get(self, key: int) -> int:
        """The number of a hash, or -1."""
        if (found := self._pending.get(key)) is not None:
            return found
        at = int(np.searchsorted(self._keys, np.uint64(key)))
        return int(self._numbers[at]) if at < len(self._keys) and int(self._keys[at]) == key else -1

    def add(self, key: int, number: int) -> None:
        """A hash that is not in it."""
        self._pending[key] = number
        if len(self._pending) >= _PENDING:
            self._merge()

    def fill(self, keys: NDArray[np.uint64], numbers: NDArray[np.int32]) -> None:
        """Many at once, into an empty one."""
        order = np.argsort(keys, kind="stable")
        self._keys, self._numbers = keys[order], numbers[order]

    def _merge(self) -> None:
        keys = np.concatenate([self._keys, np.fromiter(self._pending.keys(), np.uint64, len(self._pending))])
        numbers = np.concatenate([self._numbers, np.fromiter(self._pending.values(), np.int32, len(self._pending))])
        self._pending = {}
        self.fill(keys, numbers)
