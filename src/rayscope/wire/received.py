"""What somebody else sends us: series that may be taken, and what was refused of it, with the reasons."""

from __future__ import annotations

import re
import struct
from collections import Counter
from typing import Final

from rayscope.model.metrics import NAME, Family, Labels, Write

STALE: Final[float] = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""Prometheus's mark of a series that ended: one NaN among many, told by its bits."""

MAX_LABELS: Final = 64
"""Labels of a series: Prometheus's own setups have some twenty."""

MAX_NAME: Final = 512
"""Characters of a label's name, and of a metric's."""

MAX_VALUE: Final = 2048
"""Characters of a label's value, as the store has it: a call stack is no label."""

_METRIC: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_SHOWN: Final = 120


class Received:
    """The writes of one body that are well formed, what it says of metrics, and how many samples were not well formed, by reason."""

    def __init__(self) -> None:
        self.writes: list[Write] = []
        self.families: dict[str, Family] = {}
        self.refused: Counter[str] = Counter()
        self.first = ""

    def take(self, write: Write) -> None:
        """A series, if its labels can be: else it is refused."""
        if reason := fault(write.labels):
            self.refuse(reason, len(write.times), write.labels)
        else:
            self.writes.append(write)

    def note(self, family: Family) -> None:
        """What is said of a metric; of one whose name cannot be, nothing is kept."""
        if len(family.name) <= MAX_NAME and _METRIC.fullmatch(family.name):
            self.families[family.name] = family

    def refuse(self, reason: str, samples: int, labels: Labels | None = None) -> None:
        """Samples that cannot be taken."""
        self.refused[reason] += samples
        self.first = self.first or (reason if labels is None else f"{reason}: {shown(labels)}")

    @property
    def samples(self) -> int:
        """How many samples may be taken."""
        return sum(len(write.times) for write in self.writes)


def fault(labels: Labels) -> str:
    """What is wrong with a series's labels; empty if nothing is."""
    name = labels.get(NAME, "")
    if not name:
        return "no metric name"
    if len(name) > MAX_NAME or not _METRIC.fullmatch(name):
        return "a bad metric name"
    if len(labels) > MAX_LABELS:
        return f"over {MAX_LABELS} labels"
    if any(len(label) > MAX_NAME or not _LABEL.fullmatch(label) for label in labels):
        return "a bad label name"
    if any(len(value) > MAX_VALUE for value in labels.values()):
        return f"a label value over {MAX_VALUE} characters"
    return ""


def shown(labels: Labels) -> str:
    """A series as people write it, cut where it is long."""
    pairs = ", ".join(f"{name}={_cut(value)!r}" for name, value in labels.items() if name != NAME)
    return _cut(f"{labels.get(NAME, '')}{{{pairs}}}")


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
