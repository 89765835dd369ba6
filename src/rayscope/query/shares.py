"""Which colour has most of a cell's time. Pure."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rayscope.store.limits import TIMELINE_SHARES

Part = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
"""Pairs of cell and colour with their time."""

_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
"""Makes one number of a cell and a colour (a hash): different pairs meet once in ten million pictures."""


class Shares:
    """Time by cell and colour, added up in parts."""

    def __init__(self, cells: int) -> None:
        self._cells = cells
        self._parts: list[Part] = []

    def add(self, cell: NDArray[np.int64], color: NDArray[np.uint64], time: NDArray[np.int64]) -> None:
        """Times of attempts."""
        self._parts.append(_summed((cell.astype(np.int32), color, time)))
        if sum(len(part[0]) for part in self._parts) > TIMELINE_SHARES:
            self._gather()

    def _gather(self) -> Part:
        """All of it in one part. Of too many pairs those go first that have less than a sixteenth of their cell's leading colour."""
        held = _summed(tuple(np.concatenate(columns) for columns in zip(*self._parts, strict=True)))
        least = 16
        while len(held[0]) > TIMELINE_SHARES // 2 and least:
            cell, _, time = held
            most = self._most(held)
            kept = time * least >= most[cell]
            held = tuple(column[kept] for column in held)  # type: ignore[assignment]  # three of them
            least //= 2
        self._parts = [held]
        return held

    def _most(self, part: Part) -> NDArray[np.int64]:
        cell, _, time = part
        most = np.full(self._cells, -1, np.int64)
        np.maximum.at(most, cell, time)
        return most

    def leading(self) -> NDArray[np.uint64]:
        """The colour of each cell; 0 where nothing was added."""
        found = np.zeros(self._cells, np.uint64)
        if self._parts:
            cell, color, time = part = self._gather()
            leads = time == self._most(part)[cell]
            found[cell[leads]] = color[leads]
        return found


def _summed(part: Any) -> Part:
    """Each pair once, in an order that does not depend on how they came."""
    cell, color, time = part
    key = color ^ (cell.astype(np.uint64) * _SPREAD)
    order = np.argsort(key)
    key = key[order]
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])) if len(key) else order
    return cell[order[first]], color[order[first]], np.add.reduceat(time[order], first) if len(key) else time
