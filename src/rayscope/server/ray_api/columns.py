"""The columns of Ray's states, by resource, as ``ray.util.state.common`` of Ray 2.60 declares them. The server does not import Ray."""

from __future__ import annotations

from typing import Final

from msgspec import Struct


class Columns(Struct, frozen=True, kw_only=True):
    """One resource's columns. ``integers`` and ``booleans`` are those to which Ray converts a filter's text before it looks at any row."""

    base: tuple[str, ...]
    every: tuple[str, ...]
    filterable: frozenset[str]
    integers: frozenset[str] = frozenset()
    booleans: frozenset[str] = frozenset()

    def shown(self, *, detail: bool) -> tuple[str, ...]:
        """The columns of an answer, in Ray's order."""
        return self.every if detail else self.base


_TASK_BASE: Final = (
    "task_id", "attempt_number", "name", "state", "job_id", "actor_id", "type", "func_or_class_name", "parent_task_id", "node_id", "worker_id",
    "worker_pid", "error_type",
)  # fmt: skip
TASK: Final = Columns(
    base=_TASK_BASE,
    every=(
        *_TASK_BASE, "language", "required_resources", "runtime_env_info", "placement_group_id", "events", "profiling_data", "creation_time_ms",
        "start_time_ms", "end_time_ms", "task_log_info", "error_message", "is_debugger_paused", "call_site", "label_selector", "fallback_strategy",
    ),
    filterable=frozenset({*_TASK_BASE, "language", "placement_group_id", "is_debugger_paused"}),
    integers=frozenset({"attempt_number"}),
)  # fmt: skip

_ACTOR_BASE: Final = ("actor_id", "class_name", "state", "job_id", "name", "node_id", "pid", "ray_namespace")
ACTOR: Final = Columns(
    base=_ACTOR_BASE,
    every=(
        *_ACTOR_BASE, "serialized_runtime_env", "required_resources", "death_cause", "is_detached", "placement_group_id", "repr_name", "num_restarts",
        "num_restarts_due_to_lineage_reconstruction", "num_restarts_due_to_node_preemption", "call_site", "label_selector", "fallback_strategy",
    ),
    filterable=frozenset({*_ACTOR_BASE, "placement_group_id", "repr_name"}),
)  # fmt: skip

JOB: Final = Columns(
    base=("job_id", "submission_id", "entrypoint", "type", "status", "message", "error_type", "driver_info"),
    every=(
        "type", "job_id", "submission_id", "driver_info", "status", "entrypoint", "message", "error_type", "start_time", "end_time", "metadata",
        "runtime_env", "driver_agent_http_address", "driver_node_id", "driver_exit_code",
    ),
    filterable=frozenset({"job_id", "type", "status", "submission_id"}),
)  # fmt: skip

_NODE_BASE: Final = ("node_id", "node_ip", "is_head_node", "state", "state_message", "node_name", "resources_total", "labels")
NODE: Final = Columns(
    base=_NODE_BASE,
    every=(*_NODE_BASE, "start_time_ms", "end_time_ms"),
    filterable=frozenset({"node_id", "node_ip", "is_head_node", "state", "node_name"}),
    booleans=frozenset({"is_head_node"}),
)

_WORKER_BASE: Final = ("worker_id", "is_alive", "worker_type", "exit_type", "node_id", "ip", "pid")
WORKER: Final = Columns(
    base=_WORKER_BASE,
    every=(
        *_WORKER_BASE, "exit_detail", "worker_launch_time_ms", "worker_launched_time_ms", "start_time_ms", "end_time_ms", "debugger_port",
        "num_paused_threads",
    ),
    filterable=frozenset({*_WORKER_BASE, "debugger_port", "num_paused_threads"}),
    integers=frozenset({"pid"}),
    booleans=frozenset({"is_alive"}),
)  # fmt: skip

_GROUP_BASE: Final = ("placement_group_id", "name", "creator_job_id", "state")
PLACEMENT_GROUP: Final = Columns(
    base=_GROUP_BASE,
    every=(*_GROUP_BASE, "bundles", "is_detached", "stats", "topology_strategy", "topology_assignments"),
    filterable=frozenset({*_GROUP_BASE, "is_detached"}),
)

_ENV_BASE: Final = ("runtime_env", "success", "creation_time_ms", "node_id")
RUNTIME_ENV: Final = Columns(
    base=_ENV_BASE,
    every=(*_ENV_BASE, "ref_cnt", "error"),
    filterable=frozenset({"runtime_env", "success", "node_id", "error"}),
    booleans=frozenset({"success"}),
)

_OBJECT: Final = ("object_id", "object_size", "task_status", "attempt_number", "reference_type", "call_site", "type", "pid", "ip")
OBJECT: Final = Columns(base=_OBJECT, every=_OBJECT, filterable=frozenset(_OBJECT), integers=frozenset({"object_size", "attempt_number", "pid"}))

_EVENT_BASE: Final = ("severity", "time", "source_type", "message", "event_id")
CLUSTER_EVENT: Final = Columns(
    base=_EVENT_BASE,
    every=(*_EVENT_BASE, "custom_fields"),
    filterable=frozenset({"severity", "source_type", "event_id"}),
)
