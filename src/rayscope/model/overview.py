"""A session at a glance: counts and resources over time, totals, and what needs attention."""

from __future__ import annotations

from msgspec import Struct

from rayscope.model.progress import Link


class CountSeries(Struct, frozen=True, kw_only=True):
    """By bin: attempts that run and that wait, on average; attempts that finished and that failed or were lost in it."""

    t_ns: list[int]
    running: list[float]
    pending: list[float]
    finished: list[int]
    failed: list[int]


class ResourceSeries(Struct, frozen=True, kw_only=True):
    """One resource by bin, on average: what alive nodes have, and what running tasks and alive actors asked for."""

    name: str
    total: list[float]
    used: list[float]


class Attention(Struct, frozen=True, kw_only=True):
    """One thing that needs a look, with its evidence. ``severity`` is error, warning or info."""

    kind: str
    severity: str
    text: str
    detail: str | None
    count: int
    since_ns: int | None
    link: Link | None


class Totals(Struct, frozen=True, kw_only=True):
    """What a session holds. Tasks count once, by their last attempt."""

    tasks: int
    attempts: int
    finished: int
    running: int
    pending: int
    failed: int
    lost: int
    retries: int
    nodes: int
    nodes_alive: int
    actors: int
    actors_alive: int
    jobs: int
    jobs_running: int


class Overview(Struct, frozen=True, kw_only=True):
    """A session at a glance."""

    session: str
    state: str
    from_ns: int
    to_ns: int
    as_of_ns: int | None
    bin_ns: int
    counts: CountSeries
    resources: list[ResourceSeries]
    nodes_alive: list[float]
    totals: Totals
    attention: list[Attention]
