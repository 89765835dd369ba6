"""Who calls whom."""

from __future__ import annotations

from msgspec import Struct

from rayscope.model.progress import Link


class Method(Struct, frozen=True, kw_only=True):
    """One method of a class."""

    name: str
    calls: int
    failed: int
    total_ns: int
    p50_ns: int | None


class GraphNode(Struct, frozen=True, kw_only=True):
    """A function, a class of actors, the drivers, callers that are not recorded, or all others in one.

    ``kind`` is function, actor, driver, unknown or other; ``folded`` is how many nodes stand behind it.
    """

    id: str
    label: str
    kind: str
    attempts: int
    retries: int
    failed: int
    running: int
    total_ns: int
    p50_ns: int | None
    folded: int
    methods: list[Method]
    link: Link | None


class GraphEdge(Struct, frozen=True, kw_only=True):
    """Calls from one node to another: attempts, how many of them failed, and the time that they ran."""

    source: str
    target: str
    calls: int
    failed: int
    total_ns: int


class Folded(Struct, frozen=True, kw_only=True):
    """What is in the node `other`."""

    nodes: int
    attempts: int


class CallGraph(Struct, frozen=True, kw_only=True):
    """Nodes and edges, those with most attempts first. ``unknown_parents`` counts the calls whose caller is not recorded."""

    session: str
    job_id: str | None
    nodes: list[GraphNode]
    edges: list[GraphEdge]
    folded: Folded
    attempts: int
    unknown_parents: int
    as_of_ns: int | None
