"""Answers about objects that are more than a page of references: snapshots, summaries, growth, leaks."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class ObjectSnapshotInfo(Struct, frozen=True, kw_only=True):
    """One snapshot. ``total``: references in the cluster, ``listed``: those that Ray read, ``kept``: those that are here.

    ``store_stats`` has one mapping a node: ip, node_id, used_bytes, available_bytes, spilled_bytes, fallback_bytes, mapped_bytes, local_objects, where known.
    """

    taken_ns: int
    trigger: str
    total: int
    listed: int
    kept: int
    truncated: bool
    duration_ns: int | None = None
    warnings: list[str] = []
    partial_failure_warning: str | None = None
    store_stats: list[dict[str, Any]] = []


class ObjectSnapshots(Struct, frozen=True, kw_only=True):
    """The snapshots of a session, the newest first. ``dropped``: older ones that went over the limit."""

    snapshots: list[ObjectSnapshotInfo]
    dropped: int = 0
    session: str | None = None


class ObjectGroup(Struct, frozen=True, kw_only=True):
    """References of one name. ``size_bytes`` counts each object of the group once, ``unknown`` those whose size nobody told."""

    name: str
    objects: int
    references: int
    size_bytes: int
    unknown: int
    reference_types: dict[str, int]
    processes: int
    nodes: int


class ObjectSummary(Struct, frozen=True, kw_only=True):
    """A snapshot's references by name. The totals count each object once; of two groups that hold the same object, both count it."""

    by: str
    groups: list[ObjectGroup]
    total_objects: int
    total_references: int
    total_bytes: int
    as_of_ns: int | None = None
    session: str | None = None
    warnings: list[str] = []


class SitePoint(Struct, frozen=True, kw_only=True):
    """Objects of one call site in one snapshot."""

    taken_ns: int
    objects: int
    size_bytes: int


class SiteGrowth(Struct, frozen=True, kw_only=True):
    """How the objects of one call site grew. ``trend``: growing (never less, more at the end), shrinking, steady or mixed."""

    call_site: str
    points: list[SitePoint]
    growth_bytes: int
    growth_objects: int
    trend: str


class ObjectGrowth(Struct, frozen=True, kw_only=True):
    """Call sites by how much they grew between the first and the last of the snapshots at ``times_ns``. Each object counts once, at its owner's site."""

    times_ns: list[int]
    sites: list[SiteGrowth]
    snapshots: int
    session: str | None = None
    warnings: list[str] = []


class Leak(Struct, frozen=True, kw_only=True):
    """An object that is held although nobody seems to need it. ``reason``: OWNER_DEAD, JOB_ENDED, HOLDERS_DEAD or HOLDERS_IDLE."""

    object_id: str
    size_bytes: int | None
    reason: str
    evidence: str
    holders: list[str]
    function: str | None
    call_site: str | None
    first_seen_ns: int
    session: str


class Leaks(Struct, frozen=True, kw_only=True):
    """Leaks of one snapshot, the largest first."""

    leaks: list[Leak]
    total_bytes: int
    objects: int
    as_of_ns: int | None = None
    session: str | None = None
    warnings: list[str] = []
