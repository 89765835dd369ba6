"""A queue between two threads that is bounded by weight, and emptied in groups."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Backlog(Generic[T]):
    """What was accepted and waits to be applied. ``capacity`` is a weight, here events."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[tuple[T, int]] = deque()
        self._weight = 0
        self._closed = False
        self._changed = threading.Condition()

    @property
    def weight(self) -> int:
        """The weight of what waits."""
        return self._weight

    def put(self, item: T, weight: int) -> None:
        """Add an item; waits while there is no room, unless there is nothing at all."""
        with self._changed:
            self._changed.wait_for(lambda: self._weight == 0 or self._weight + weight <= self._capacity)
            self._items.append((item, weight))
            self._weight += weight
            self._changed.notify_all()

    def take(self, weight: int, wait_s: float | None) -> list[T] | None:
        """The items that are there, up to a weight; none if none came within ``wait_s`` (None: for ever). None when it is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed, wait_s)
            if self._closed and not self._items:
                return None
            taken = self._pop(weight)
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        """No more is put; what is there can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _pop(self, weight: int) -> list[T]:
        taken: list[T] = []
        while self._items and (not taken or weight > 0):
            item, own = self._items.popleft()
            taken.append(item)
            self._weight -= own
            weight -= own
        return taken
