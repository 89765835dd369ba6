"""Task attempts as Ray's TaskState (``protobuf_to_task_state_dict`` of ``ray/util/state/common.py``)."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final

from rayscope.model.states import LOST
from rayscope.server.ray_api.places import Places
from rayscope.server.ray_api.times import to_ms, whole_ms
from rayscope.store.entity import Row

_NIL_TASK: Final = "f" * 48
_STATE_NUMBERS: Final = (
    "PENDING_ARGS_AVAIL", "PENDING_NODE_ASSIGNMENT", "PENDING_OBJ_STORE_MEM_AVAIL", "PENDING_ARGS_FETCH", "SUBMITTED_TO_WORKER",
    "PENDING_ACTOR_TASK_ARGS_FETCH", "PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY", "RUNNING", "RUNNING_IN_RAY_GET", "RUNNING_IN_RAY_WAIT", "FINISHED",
    "FAILED", "GETTING_AND_PINNING_ARGS",
)  # fmt: skip
"""In the order of Ray's TaskStatus, in which it lists an attempt's events."""

_DEFAULT_CONFIG: Final = {"setup_timeout_seconds": 600, "eager_install": True, "log_files": []}
_NO_FALLBACK: Final[dict[str, Any]] = {"options": []}


def task_base(row: Row) -> Row:
    """The columns of a listing. As in Ray, only a failed attempt has an ``error_type`` at all."""
    known = {
        "task_id": row["task_id"],
        "attempt_number": row["attempt_number"],
        "name": row["name"] or "",
        "state": "FAILED" if row["state"] == LOST else row["state"],
        "job_id": row["job_id"] or "",
        "actor_id": row["actor_id"],
        "type": row["type"],
        "func_or_class_name": row["func_or_class_name"] or "",
        "parent_task_id": row["parent_task_id"] or _NIL_TASK,
        "node_id": row["node_id"],
        "worker_id": row["worker_id"],
        "worker_pid": row["worker_pid"],
    }
    return known | ({"error_type": row["error_type"]} if row["error_type"] is not None else {})


def task_detail(row: Row, places: Places) -> Row:
    """The columns that ``detail`` adds. ``places`` gives the profile the worker and the address that Ray has in it."""
    return {
        "language": row["language"],
        "required_resources": row["required_resources"] or {},
        "runtime_env_info": _runtime_env_info(row["runtime_env"], driver=row["type"] == "DRIVER_TASK"),
        "placement_group_id": row["placement_group_id"],
        "events": _events(row),
        "profiling_data": _profile(row, places),
        "creation_time_ms": _reached(row, "PENDING_ARGS_AVAIL"),
        "start_time_ms": _reached(row, "RUNNING"),
        "end_time_ms": None if row["state"] == LOST else whole_ms(row["end_ns"]),
        "task_log_info": row["log_range"],
        "error_message": _error_message(row),
        "is_debugger_paused": row["is_debugger_paused"],
        "call_site": row["call_site"],
        "label_selector": row["label_selector"] or {},
        "fallback_strategy": None if row["type"] == "DRIVER_TASK" else _NO_FALLBACK,
    }


def _error_message(row: Row) -> str | None:
    """Ray's words; of a lost attempt, which Ray can only be shown as failed, that it is lost and why."""
    if row["state"] == LOST:
        return f"{LOST}: {row['state_reason']}"
    message: str | None = row["error_message"]
    return message


def _reached(row: Row, state: str) -> float | None:
    return whole_ms((row["state_times_ns"] or {}).get(state))


def _events(row: Row) -> list[Row]:
    """One event a state. An attempt that was concluded to have failed has its end as the last one, as the GCS writes it."""
    times = dict(row["state_times_ns"] or {})
    if row["state"] == "FAILED" and "FAILED" not in times:
        times["FAILED"] = row["end_ns"]
    return [{"state": state, "created_ms": whole_ms(times[state])} for state in _STATE_NUMBERS if times.get(state) is not None]


def _profile(row: Row, places: Places) -> Row:
    if not row["profile_events"]:
        return {}
    worker_id, address = places.of(row)
    return {
        "component_type": "driver" if row["type"] == "DRIVER_TASK" else "worker",
        "component_id": worker_id,
        "node_ip_address": address,
        "events": [_span(row["task_id"], span) for span in sorted(row["profile_events"], key=lambda span: (span["end_ns"], -span["start_ns"]))],
    }


def _span(task_id: str, span: Row) -> Row:
    """Ray records spans as they end. The store leaves the task's own id out of the span that names its function."""
    extra = dict(span.get("extra") or {})
    if span["name"].startswith("task::") and "name" in extra:
        extra.setdefault("task_id", task_id)
    return {"start_time": to_ms(span["start_ns"]), "end_time": to_ms(span["end_ns"]), "extra_data": extra, "event_name": span["name"]}


def _runtime_env_info(text: str | None, *, driver: bool) -> Row:
    """Ray's RuntimeEnvInfo. A driver's is empty; the other parts of a worker's follow from the env itself."""
    return {"serialized_runtime_env": ""} if driver else dict(_worker_env_info(text or "{}"))


@lru_cache(maxsize=1024)  # the attempts of a listing share few runtime envs
def _worker_env_info(text: str) -> Row:
    info: Row = {"serialized_runtime_env": text}
    try:
        env = json.loads(text)
    except ValueError:  # cut at the store's limit
        env = {}
    if uris := _uris(env):
        info["uris"] = uris
    return info | {"runtime_env_config": _DEFAULT_CONFIG | (env.get("config") or {})}


def _uris(env: Row) -> Row:
    """Ray lists the packages of a runtime env apart from it."""
    directory, modules = env.get("working_dir"), [module for module in env.get("py_modules") or [] if isinstance(module, str)]
    return {"working_dir_uri": directory or "", "py_modules_uris": modules} if directory or modules else {}
