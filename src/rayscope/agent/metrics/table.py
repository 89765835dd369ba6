"""What is sent once and then named by number: targets, families and series, in the epoch of an agent's process."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, NamedTuple

from rayscope.agent.metrics.exposition import Family
from rayscope.agent.wire import Packed, packb

BODY_BYTES = 512 * 1024
"""Of definitions in one body: the server takes 8 MiB."""

SLACK_SERIES = 20_000
"""So many series that are no more are kept numbered, then a new epoch begins without them."""


MOST_SLACK_SERIES = 100_000
"""With so many, what waits is given up for it: they take 60 MB."""


class News(NamedTuple):
    """Definitions that the server has not got. ``is_all``: none is left out for want of room; ``to`` is the number that the last series is below."""

    targets: List[Packed]
    families: List[Packed]
    series: List[Packed]
    to: int


class Table:
    """Numbers, dense from 0. `news` tells what was not sent; `acknowledge` that it was; `renew` begins a new epoch, in which nothing was."""

    def __init__(self) -> None:
        self.renew()
        self._targets: List[Packed] = []
        self._families: Dict[str, Packed] = {}
        self._unsent: Dict[str, Packed] = {}
        self._series: List[Packed] = []
        self._numbers: List[Dict[int, int]] = []

    def renew(self) -> None:
        """A server that does not know the epoch gets everything anew."""
        self.epoch = os.urandom(8).hex()
        self.seq = 0
        self._sent_targets = self._sent_series = 0
        self._unsent = dict(getattr(self, "_families", {}))

    @property
    def size(self) -> int:
        """How many series are numbered."""
        return len(self._series)

    def target(self, labels: Dict[str, str]) -> int:
        """The number of a new target."""
        number = len(self._targets)
        self._targets.append(Packed(packb([number, labels])))
        self._numbers.append({})
        return number

    def definer(self, target: int) -> Callable[[str, Dict[str, str]], int]:
        """What numbers the series of a target."""
        numbers = self._numbers[target]

        def define(name: str, labels: Dict[str, str]) -> int:
            key = hash((name, frozenset(labels.items())))
            number = numbers.get(key)
            if number is None:
                number = numbers[key] = len(self._series)
                self._series.append(Packed(packb([number, target, name, labels])))
            return number

        return define

    def add_families(self, families: List[Family]) -> None:
        """Take in what is new, or has changed."""
        for family in families:
            packed = Packed(packb(list(family)))
            if self._families.get(family.name) != packed:
                self._families[family.name] = self._unsent[family.name] = packed

    def news(self) -> News:
        """The next definitions to send, at most so many as fit."""
        to, size = self._sent_series, 0
        while to < len(self._series) and size < BODY_BYTES:
            size += len(self._series[to])
            to += 1
        return News(self._targets[self._sent_targets :], list(self._unsent.values()), self._series[self._sent_series : to], to)

    def acknowledge(self, news: News) -> None:
        """The server has these."""
        self.seq += 1
        self._sent_targets += len(news.targets)
        self._sent_series = news.to
        had = set(news.families)
        self._unsent = {name: packed for name, packed in self._unsent.items() if packed not in had}

    def body(self, who: Dict[str, str], news: News, scrapes: List[Dict[str, Any]]) -> bytes:
        """The next body of the epoch."""
        head = {**who, "epoch": self.epoch, "seq": self.seq}
        return packb({**head, "targets": news.targets, "families": news.families, "series": news.series, "scrapes": scrapes})
