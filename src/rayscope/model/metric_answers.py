"""What there is to ask about of a session's metrics."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from rayscope.model.column import brief, detail


class Metric(Struct, frozen=True, kw_only=True):
    """One family of series."""

    name: Annotated[str, brief("Its name, as PromQL asks for it")]
    type: Annotated[str, brief("counter, gauge, histogram, summary or unknown")] = "unknown"
    series: Annotated[int, brief("Series of it in the session", "count")] = 0
    source: Annotated[str, brief("user (ray.util.metrics), ray, node (sampled by the agent) or external (written here by others)")] = "ray"
    help: Annotated[str, brief("What it says of itself")] = ""
    unit: Annotated[str, detail("Its unit, where it says one")] = ""
    labels: Annotated[list[str], detail("Names of the labels that its series have")] = []


class Offender(Struct, frozen=True, kw_only=True):
    """A metric and how many series it has."""

    name: str
    series: int


class SeriesBudget(Struct, frozen=True, kw_only=True):
    """How many series a session may have and has, and what was left out for that or as it could not be read."""

    limit: int
    series: int
    dropped_series: int
    dropped_samples: int
    offenders: list[Offender]
    rejected: dict[str, int]


class MetricCatalogue(Struct, frozen=True, kw_only=True):
    """The metrics of a session, by name, with its budget (None of all sessions at once)."""

    metrics: list[Metric]
    budget: SeriesBudget | None
    session: str | None
    warnings: list[str] = []
