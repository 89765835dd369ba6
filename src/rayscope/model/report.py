"""What `rayscope run` and the agent report beside Ray's own events: snapshots of states, and how a run went."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class StateSnapshot(Struct, frozen=True, kw_only=True):
    """Rows of Ray's state API, in Ray's shape, for what Ray's event feed does not carry.

    ``polled``: the cluster exports no events at all, so its nodes, workers, actors, tasks and jobs come this way, too; of actors, each row with the time at
    which it was first seen so, as ``first_seen_ns``.
    """

    session: str
    taken_ns: int
    placement_groups: list[dict[str, Any]] = []
    runtime_envs: list[dict[str, Any]] = []
    cluster_events: list[dict[str, Any]] = []
    submissions: list[dict[str, Any]] = []
    nodes: list[dict[str, Any]] = []
    workers: list[dict[str, Any]] = []
    actors: list[dict[str, Any]] = []
    tasks: list[dict[str, Any]] = []
    polled: bool = False


class RayListing(Struct, frozen=True, kw_only=True):
    """Ray's ListApiResponse, as ``data.result`` of an answer holds it."""

    result: list[Any]
    total: _Count | None = None
    num_after_truncation: _Count | None = None
    num_filtered: _Count | None = None
    partial_failure_warning: str | None = None
    warnings: list[str] | None = None


class RayData(Struct, frozen=True, kw_only=True):
    """``data`` of an answer."""

    result: RayListing


class RayAnswer(Struct, frozen=True, kw_only=True):
    """An answer of Ray's REST to a listing, whole."""

    data: RayData


class ObjectReport(Struct, frozen=True, kw_only=True):
    """A snapshot of the object table: Ray's answer to ``/api/v0/objects`` as it came, or its parts. ``total`` counts the cluster's references.

    ``trigger`` is interval, demand, pressure or end. ``store_stats`` has one mapping a node, with sizes in bytes.
    """

    session: str
    taken_ns: _Count
    answer: RayAnswer | None = None
    rows: list[Any] = []
    total: _Count | None = None
    num_after_truncation: _Count | None = None
    trigger: Literal["interval", "demand", "pressure", "end"] = "demand"
    truncated: bool = False
    warnings: list[str] = []
    partial_failure_warning: str | None = None
    duration_ns: _Count | None = None
    store_stats: list[dict[str, Any]] = []


class RunReport(Struct, frozen=True, kw_only=True):
    """How one program that `rayscope run` ran went, seen from outside. None: not known (yet)."""

    session: str
    cluster: str | None = None
    job_id: str | None = None
    command: str | None = None
    driver_pid: int | None = None
    ray_version: str | None = None
    python_version: str | None = None
    log_dir: str | None = None
    started_ns: int | None = None
    ended_ns: int | None = None
    cluster_ended: bool = False
    exit_code: int | None = None
    signal: int | None = None
    drained: bool | None = None
    undrained: int | None = None
    dropped: int | None = None
    stdout_path: str | None = None
    stderr_path: str | None = None
    dashboard: str | None = None
