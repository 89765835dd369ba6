"""What `rayscope run` and the agent report beside Ray's own events: snapshots of states, and how a run went."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


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
