"""Scrapes that wait for the server: bounded in bytes and in age, the oldest going first, and what goes counted."""

from __future__ import annotations

import sys
import time
from array import array
from collections import deque
from typing import Any, Deque, Dict, List, NamedTuple, Tuple

MOST_BYTES = 16 * 1024 * 1024
"""Half an hour of a node's 2,000 series is some 7 MB."""

MOST_S = 30 * 60.0
"""What is older says little of what goes on."""

BODY_BYTES = 512 * 1024


class Scrape(NamedTuple):
    """One scrape of a target: numbers and values as they go over the wire, and the highest number in it. ``since_s``: monotonic."""

    target: int
    time_ms: int
    ids: bytes
    values: bytes
    stale: bytes
    highest: int
    since_s: float

    @property
    def size(self) -> int:
        """What it weighs here; numbers that are those of the last scrape are shared with it."""
        return len(self.values) + len(self.stale) + 200

    @property
    def samples(self) -> int:
        """How many values it has."""
        return len(self.values) // 8

    def wire(self) -> Dict[str, Any]:
        """As the server takes it."""
        return {"t": self.target, "time_ms": self.time_ms, "ids": self.ids, "values": self.values, "stale": self.stale}


class Backlog:
    """Scrapes in the order in which they were made."""

    def __init__(self, most_bytes: int = MOST_BYTES, most_s: float = MOST_S) -> None:
        self._most_bytes = most_bytes
        self._most_s = most_s
        self._waiting: Deque[Scrape] = deque()
        self.size = 0
        self.dropped: Dict[str, int] = {}
        self._untold: Dict[str, Tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, scrape: Scrape) -> None:
        """One more; the oldest goes where there is no room."""
        self._waiting.append(scrape)
        self.size += scrape.size
        while self.size > self._most_bytes and len(self._waiting) > 1:
            self._drop("no room while the server is away")
        while self._waiting and time.monotonic() - self._waiting[0].since_s > self._most_s:
            self._drop(f"older than {self._most_s / 60:g} minutes")

    def next(self, below: int) -> List[Scrape]:
        """The next ones to send: those whose series have numbers below this."""
        found: List[Scrape] = []
        size = 0
        for scrape in self._waiting:
            if scrape.highest >= below or size > BODY_BYTES:
                break
            found.append(scrape)
            size += scrape.size
        return found

    def acknowledge(self, scrapes: List[Scrape]) -> None:
        """The server has these. Some of them may have been dropped meanwhile."""
        for scrape in scrapes:
            if self._waiting and self._waiting[0] is scrape:
                self._waiting.popleft()
                self.size -= scrape.size

    def refuse(self, scrapes: List[Scrape], reason: str) -> None:
        """The server will never take these."""
        for scrape in scrapes:
            if self._waiting and self._waiting[0] is scrape:
                self._drop(reason)

    def clear(self, reason: str) -> None:
        """Drop all."""
        while self._waiting:
            self._drop(reason)

    def take_losses(self) -> List[Dict[str, Any]]:
        """What was dropped since the last time that this was asked, as health tells it."""
        losses = [{"path": "metrics", "bytes": size, "reason": f"{count} scrapes: {reason}"} for reason, (count, size) in self._untold.items()]
        self._untold.clear()
        return losses

    def _drop(self, reason: str) -> None:
        size = self._waiting.popleft().size
        self.size -= size
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
        count, total = self._untold.get(reason, (0, 0))
        self._untold[reason] = count + 1, total + size


def little(numbers: array[Any]) -> bytes:
    """The bytes of an array, the lowest first."""
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return numbers.tobytes()
