"""Ray's listings, one entry a resource: which rows of the store they are, how these read in Ray's shape, and what the store can filter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from rayscope.server.ray_api.columns import ACTOR, CLUSTER_EVENT, JOB, NODE, PLACEMENT_GROUP, RUNTIME_ENV, TASK, WORKER, Columns
from rayscope.server.ray_api.pushdown import Push, by_id, by_late_flag, by_late_number, by_life, by_number, by_task_state, by_text, by_word
from rayscope.server.ray_api.rows_entities import actor_row, cluster_event_row, node_row, placement_group_row, runtime_env_row, worker_row
from rayscope.server.ray_api.rows_job import job_row
from rayscope.server.ray_api.rows_task import task_base
from rayscope.store.entity import Row


class Listing(Struct, frozen=True, kw_only=True):
    """How one of Ray's resources is listed.

    ``always`` are filters that belong to the resource itself, ``pushed`` those of Ray's filters that the store can
    decide. ``counted_by`` are the columns whose filters Ray applies before it counts the total. ``order`` sorts the few
    rows of a resource in a way that the store cannot.
    """

    resource: str
    columns: Columns
    sort: str
    row: Callable[[Row], Row]
    always: tuple[str, ...] = ()
    pushed: Mapping[str, Push] = {}
    counted_by: frozenset[str] = frozenset()
    order: Callable[[Row], Any] | None = None
    warning: str | None = ""


LISTINGS: Final[dict[str, Listing]] = {
    "tasks": Listing(
        resource="tasks",
        columns=TASK,
        sort="task_id,-attempt_number",
        row=task_base,
        always=("type!=null",),  # as Ray: of an attempt without a definition there is nothing to show yet
        pushed={
            "task_id": by_id("task_id"),
            "attempt_number": by_number("attempt_number"),
            "name": by_text("name"),
            "state": by_task_state,
            "job_id": by_id("job_id"),
            "actor_id": by_id("actor_id"),
            "type": by_word("type"),
            "func_or_class_name": by_text("func_or_class_name"),
            "parent_task_id": by_id("parent_task_id"),
            "node_id": by_id("node_id"),
            "worker_id": by_id("worker_id"),
            "worker_pid": by_late_number("worker_pid"),
            "error_type": by_word("error_type", absent=True),
            "language": by_word("language"),
            "placement_group_id": by_id("placement_group_id"),
            "is_debugger_paused": by_late_flag("is_debugger_paused"),
        },
        counted_by=frozenset({"task_id", "job_id", "actor_id", "name", "state"}),
    ),
    "actors": Listing(
        resource="actors",
        columns=ACTOR,
        sort="actor_id",
        row=actor_row,
        pushed={
            "actor_id": by_id("actor_id"),
            "class_name": by_text("class_name"),
            "state": by_word("state"),
            "job_id": by_id("job_id"),
            "name": by_text("name"),
            "node_id": by_id("node_id", absent=True),
            "pid": by_late_number("pid"),
            "ray_namespace": by_text("ray_namespace"),
            "placement_group_id": by_id("placement_group_id", absent=True),
            "repr_name": by_text("repr_name"),
        },
    ),
    "workers": Listing(
        resource="workers",
        columns=WORKER,
        sort="worker_id",
        row=worker_row,
        pushed={
            "worker_id": by_id("worker_id"),
            "is_alive": by_life,
            "worker_type": by_word("worker_type"),
            "exit_type": by_word("exit_type", absent=True),
            "node_id": by_id("node_id"),
            "ip": by_text("ip"),
            "pid": by_number("pid"),
        },
    ),
    "nodes": Listing(resource="nodes", columns=NODE, sort="node_id", row=node_row),
    "jobs": Listing(resource="jobs", columns=JOB, sort="job_id", row=job_row, order=lambda row: row["job_id"] or ""),
    "placement_groups": Listing(resource="placement-groups", columns=PLACEMENT_GROUP, sort="placement_group_id", row=placement_group_row),
    "runtime_envs": Listing(
        resource="runtime-envs",
        columns=RUNTIME_ENV,
        sort="-creation_time_ms",
        row=runtime_env_row,
        always=("node_id!=null", "success!=null"),  # Ray lists what a node's agent has set up, not what was asked for
        order=lambda row: float("-inf") if row["creation_time_ms"] is None else -float(row["creation_time_ms"]),
        warning=None,
    ),
    "cluster_events": Listing(resource="events", columns=CLUSTER_EVENT, sort="time_ns", row=cluster_event_row, always=("event_type=CLUSTER_EVENT",)),
}
