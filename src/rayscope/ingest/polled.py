"""Rows of Ray's state API into changes, for clusters that export no events: tasks, actors, nodes, workers and jobs, by the reducers of events where these fit.

A task that lived between two polls, or beyond the 10,000 rows that Ray gives, is not here; `POLLED_WARNING` says so wherever such a session is shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from rayscope.errors import PayloadError
from rayscope.ingest.changes import Changes
from rayscope.ingest.entities import DRIVER_JOB, NODE, WORKER
from rayscope.ingest.fold import quarantine
from rayscope.ingest.reducers import actor, task
from rayscope.ingest.reducers.task import clean
from rayscope.model.report import StateSnapshot
from rayscope.ray import events as wire
from rayscope.ray.decode import Bad
from rayscope.ray.redact import redact_text
from rayscope.ray.times import MS, from_ms

Row = dict[str, Any]

POLLED: Final = "polled"
"""The kind of count that marks a session whose states were polled."""

_JOB_ENDS: Final = frozenset({"STOPPED", "SUCCEEDED", "FAILED", "FINISHED"})
_HEAD_ACTOR_TASK: Final = "ACTOR_TASK"


def fold_polled(changes: Changes, session_no: int, snapshot: StateSnapshot) -> None:
    """What was polled, each row by itself: one that makes no sense goes to the quarantine."""
    for name, fold in _FOLDS.items():
        rows = getattr(snapshot, name)
        for row in rows:
            _fold(changes, session_no, snapshot, row, fold)
        if rows and name != "submissions":
            changes.received[session_no][POLLED, name] += len(rows)


def _fold(changes: Changes, session_no: int, snapshot: StateSnapshot, row: Row, fold: Callable[[Changes, int, wire.RayEvent, Row], None]) -> None:
    try:
        fold(changes, session_no, _event(snapshot), row)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, PayloadError) as error:
        quarantine(changes, Bad(json.dumps(row, default=str).encode(), f"{type(error).__name__}: {error}", snapshot.session))


def _event(snapshot: StateSnapshot) -> wire.RayEvent:
    return wire.RayEvent(event_id="", session_name=snapshot.session, event_type=POLLED, timestamp=_stamp(snapshot.taken_ns))


def _fold_task(changes: Changes, session_no: int, event: wire.RayEvent, row: Row) -> None:
    task_id, attempt = _id(row["task_id"]), int(row.get("attempt_number") or 0)
    common: dict[str, Any] = {
        "task_id": task_id,
        "task_attempt": attempt,
        "language": row.get("language") or "PYTHON",
        "required_resources": row.get("required_resources") or {},
        "job_id": _id(row.get("job_id")),
        "parent_task_id": _id(row.get("parent_task_id")),
        "placement_group_id": _id(row.get("placement_group_id")),
        "serialized_runtime_env": (row.get("runtime_env_info") or {}).get("serialized_runtime_env") or "",
        "call_site": row.get("call_site"),
        "label_selector": row.get("label_selector") or {},
    }
    function = wire.FunctionDescriptor(python_function_descriptor=wire.PythonFunction(function_name=row.get("func_or_class_name") or ""))
    if row.get("type") == _HEAD_ACTOR_TASK:
        method = wire.ActorTaskDefinition(**common, actor_id=_id(row.get("actor_id")), actor_task_name=row.get("name") or "", actor_func=function)
        task.define_actor_task(changes, session_no, event, method)
    elif row.get("type"):
        plain = wire.TaskDefinition(**common, task_type=row["type"], task_name=row.get("name") or "", task_func=function)
        task.define_task(changes, session_no, event, plain)
    task.advance_task(changes, session_no, event, _lifecycle(row, task_id, attempt))


def _lifecycle(row: Row, task_id: bytes, attempt: int) -> wire.TaskLifecycle:
    logs = {name: value for name, value in (row.get("task_log_info") or {}).items() if name in wire.TaskLogInfo.__struct_fields__}
    failed = row.get("state") == "FAILED" and (row.get("error_type") or row.get("error_message"))
    return wire.TaskLifecycle(
        task_id=task_id,
        task_attempt=attempt,
        state_transitions=[wire.StateTransition(state=item["state"], timestamp=_stamp(int(item["created_ms"] * MS))) for item in row.get("events") or []],
        ray_error_info=wire.RayErrorInfo(error_message=row.get("error_message") or "", error_type=row.get("error_type") or "WORKER_DIED") if failed else None,
        node_id=_id(row.get("node_id")),
        worker_id=_id(row.get("worker_id")),
        worker_pid=row.get("worker_pid") or 0,
        job_id=_id(row.get("job_id")),
        actor_repr_name=row.get("actor_repr_name") or None,
        task_log_info=wire.TaskLogInfo(**logs) if logs else None,
    )


def _fold_actor(changes: Changes, session_no: int, event: wire.RayEvent, row: Row) -> None:
    actor_id = _id(row["actor_id"])
    definition = wire.ActorDefinition(
        actor_id=actor_id,
        job_id=_id(row.get("job_id")),
        is_detached=bool(row.get("is_detached")),
        name=row.get("name") or "",
        ray_namespace=row.get("ray_namespace") or "",
        serialized_runtime_env=row.get("serialized_runtime_env") or "",
        class_name=row.get("class_name") or "",
        required_resources=row.get("required_resources") or {},
        placement_group_id=_id(row.get("placement_group_id")),
        label_selector=row.get("label_selector") or {},
        call_site=row.get("call_site") or "",
    )
    actor.define_actor(changes, session_no, event, definition)
    state = wire.ActorStateTransition(
        state=row["state"],
        timestamp=_stamp(int(row["first_seen_ns"])) if row.get("first_seen_ns") else event.timestamp,
        node_id=_id(row.get("node_id")),
        repr_name=row.get("repr_name") or "",
        death_cause=row.get("death_cause") or None,
        pid=row.get("pid") or 0,
    )
    actor.advance_actor(changes, session_no, event, wire.ActorLifecycle(actor_id=actor_id, state_transitions=[state]))


def _fold_node(changes: Changes, session_no: int, event: wire.RayEvent, row: Row) -> None:
    is_dead = row.get("state") == "DEAD"
    known: dict[str, Any] = {
        "session_no": session_no,
        "node_id": row["node_id"],
        "node_ip": row.get("node_ip"),
        "labels": json.dumps(row.get("labels") or {}, sort_keys=True),
        "node_name": row.get("node_name"),
        "start_ns": from_ms(row.get("start_time_ms")),
        "end_ns": from_ms(row.get("end_time_ms")) if is_dead else None,
        "state_message": row.get("state_message") or None,
    }
    if row.get("resources_total"):
        known |= {"resources_total": json.dumps(row["resources_total"], sort_keys=True), "is_head_node": bool(row.get("is_head_node"))}
    changes.add(NODE, known)
    changes.ends |= is_dead


def _fold_worker(changes: Changes, session_no: int, event: wire.RayEvent, row: Row) -> None:
    is_dead = row.get("is_alive") is False
    known = {
        "session_no": session_no,
        "worker_id": row["worker_id"],
        "worker_type": row.get("worker_type"),
        "node_id": row.get("node_id"),
        "pid": row.get("pid") or None,
        "launch_ns": from_ms(row.get("worker_launch_time_ms")),
        "launched_ns": from_ms(row.get("worker_launched_time_ms")),
        "start_ns": from_ms(row.get("start_time_ms")),
    }
    if is_dead:
        known |= {"end_ns": from_ms(row.get("end_time_ms")), "exit_type": row.get("exit_type"), "exit_detail": clean(row.get("exit_detail") or "") or None}
    changes.add(WORKER, known)
    changes.ends |= is_dead


def _fold_job(changes: Changes, session_no: int, event: wire.RayEvent, row: Row) -> None:
    """A driver's job: rows of the Jobs API have them beside submissions."""
    if not row.get("job_id"):
        return
    is_over = row.get("status") in _JOB_ENDS
    known = {
        "session_no": session_no,
        "job_id": row["job_id"],
        "entrypoint": redact_text(row.get("entrypoint") or "") or None,
        "driver_pid": int((row.get("driver_info") or {}).get("pid") or 0) or None,
        "start_ns": from_ms(row.get("start_time")),
        "end_ns": from_ms(row.get("end_time")) if is_over else None,
    }
    changes.add(DRIVER_JOB, known)
    changes.ends |= is_over


def _id(text: str | None) -> bytes:
    return bytes.fromhex(text) if text else b""


def _stamp(ns: int) -> str:
    """A time as events have it."""
    return f"{datetime.fromtimestamp(ns // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%S}.{ns % 1_000_000_000:09d}Z"


_FOLDS: Final[dict[str, Callable[[Changes, int, wire.RayEvent, Row], None]]] = {
    "nodes": _fold_node,
    "workers": _fold_worker,
    "submissions": _fold_job,
    "actors": _fold_actor,
    "tasks": _fold_task,
}
