"""What agents send of metrics (docs/formats/agent.md), put together again: series by their labels, samples by their times."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from typing import Any

Key = tuple[tuple[str, str], ...]

STALE = struct.unpack("<d", (0x7FF0000000000002).to_bytes(8, "little"))[0]


class ReceivedMetrics:
    """Takes bodies as a server does: each once, in the order of an epoch; one whose epoch or place is not known is a conflict."""

    def __init__(self) -> None:
        self.samples: dict[Key, list[tuple[int, float]]] = {}
        self.families: dict[str, tuple[str, str, str]] = {}
        self.targets: list[dict[str, str]] = []
        self.bodies = 0
        self._epochs: dict[str, _Epoch] = {}

    def forget(self) -> None:
        """As a server does that was restarted without what it knew of epochs; samples stay."""
        self._epochs.clear()

    def take(self, body: dict[str, Any]) -> int:
        """The HTTP status."""
        epoch = self._epochs.get(body["epoch"])
        if epoch is None:
            if body["seq"] != 0:
                return 409
            epoch = self._epochs[body["epoch"]] = _Epoch({"session": body["session"], "node": body["node_id"]})
        if body["seq"] < epoch.next:
            return 200
        if body["seq"] > epoch.next:
            return 409
        epoch.next += 1
        self.bodies += 1
        self._define(epoch, body)
        for scrape in body["scrapes"]:
            self._scrape(epoch, scrape)
        return 200

    def _define(self, epoch: _Epoch, body: dict[str, Any]) -> None:
        for number, labels in body["targets"]:
            assert number == len(epoch.targets)
            epoch.targets.append(labels)
            self.targets.append(labels)
        for name, *rest in body["families"]:
            self.families[name] = tuple(rest)
        for number, target, name, labels in body["series"]:
            assert number == len(epoch.series)
            assert not {"instance", "job", "session", "node"} & labels.keys()
            epoch.series.append(tuple(sorted({"__name__": name, **labels, **epoch.targets[target], **epoch.who}.items())))

    def _scrape(self, epoch: _Epoch, scrape: dict[str, Any]) -> None:
        assert scrape["t"] < len(epoch.targets)
        ids = struct.unpack(f"<{len(scrape['ids']) // 4}I", scrape["ids"])
        values = struct.unpack(f"<{len(scrape['values']) // 8}d", scrape["values"])
        stale = struct.unpack(f"<{len(scrape['stale']) // 4}I", scrape["stale"])
        assert len(ids) == len(values) == len(set(ids))
        assert not set(ids) & set(stale)
        for number, value in [*zip(ids, values, strict=True), *((number, STALE) for number in stale)]:
            self.samples.setdefault(epoch.series[number], []).append((scrape["time_ms"], value))

    def find(self, name: str, /, **labels: str) -> dict[Key, list[tuple[int, float]]]:
        """Series of a name with these labels among theirs."""
        wanted = {"__name__": name, **labels}.items()
        return {key: found for key, found in list(self.samples.items()) if wanted <= dict(key).items()}

    def last(self, name: str, /, **labels: str) -> list[float]:
        """The last value of each of them; those that have gone stale left out."""
        return [found[-1][1] for found in self.find(name, **labels).values() if not is_stale(found[-1][1])]

    def names(self) -> set[str]:
        """Of all series."""
        return {dict(key)["__name__"] for key in list(self.samples)}


class _Epoch:
    """What is known of one."""

    def __init__(self, who: dict[str, str]) -> None:
        self.who = who
        self.next = 0
        self.targets: list[dict[str, str]] = []
        self.series: list[Key] = []


def is_stale(value: float) -> bool:
    """Whether it is Prometheus's mark for the end of a series."""
    return math.isnan(value) and struct.pack("<d", value) == (0x7FF0000000000002).to_bytes(8, "little")


def values(found: Iterable[tuple[int, float]]) -> list[float]:
    """Without their times."""
    return [value for _, value in found]
