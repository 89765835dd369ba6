"""Metrics: families, matchers of series, the budget, and the body in which an agent ships samples. The wire: docs/formats/agent.md.

Times are milliseconds since 1970, as Prometheus has them.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct, field

Labels: TypeAlias = dict[str, str]
"""A series's labels, its name as `__name__` among them. A label with an empty value is one that is not there."""

NAME: Final = "__name__"
SCRAPED: Final = ("instance", "job", "session", "node")
"""Labels that say where a series is from. An exposition's own labels of these names are kept as `exported_<name>`."""

Op = Literal["=", "!=", "=~", "!~"]


class Matcher(Struct, frozen=True):
    """A condition on one label. Regular expressions are anchored at both ends."""

    name: str
    op: Op
    value: str


class Family(Struct, frozen=True):
    """What an exposition says of a metric. ``type``: counter, gauge, histogram, summary or unknown."""

    name: str
    type: str = "unknown"
    help: str = ""
    unit: str = ""


class Scrape(Struct, frozen=True):
    """One look at one target. ``ids`` and ``stale`` are little-endian uint32 numbers of series, ``values`` little-endian float64, as many as ids."""

    t: int
    time_ms: int
    ids: bytes = b""
    values: bytes = b""
    stale: bytes = b""


class MetricBody(Struct, frozen=True, kw_only=True):
    """One POST of samples, of one node. ``epoch`` names a table of definitions, ``seq`` counts the bodies of an epoch from 0.

    ``targets`` are (t, labels), ``families`` (name, type, help, unit), ``series`` (n, t, name, labels): what is new since the body before.
    """

    session: str
    node_id: str
    agent_id: str = ""
    epoch: str
    seq: int
    targets: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    families: list[tuple[str, str, str, str]] = field(default_factory=list)
    series: list[tuple[int, int, str, dict[str, str]]] = field(default_factory=list)
    scrapes: list[Scrape] = field(default_factory=list)


class Rejected(Struct, frozen=True):
    """How many samples were refused, by reason."""

    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def samples(self) -> int:
        """All of them."""
        return sum(self.reasons.values())


class Budget(Struct, frozen=True, kw_only=True):
    """A session's series against its limit. ``offenders``: the metrics with the most series, with those that were left out."""

    limit: int
    series: int
    dropped_series: int
    dropped_samples: int
    offenders: list[tuple[str, int]]
    rejected: dict[str, int]


class Write(Struct, frozen=True):
    """Samples of one series that somebody else gives: ``times`` (numpy int64, ms) and ``values`` (numpy float64), of one length."""

    labels: Labels
    times: Any
    values: Any
