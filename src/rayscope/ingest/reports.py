"""Reports of `rayscope run` and of agents into changes: snapshots of Ray's state API, and how a run went."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec.structs import asdict

from rayscope.ingest.changes import Changes
from rayscope.ingest.entities import PLACEMENT_GROUP, ROAD, RUN, RUNTIME_ENV, SUBMISSION
from rayscope.ingest.polled import fold_polled
from rayscope.ingest.reducers.placement_group import TIME_COLUMNS
from rayscope.ingest.reducers.runtime_env import runtime_env_id
from rayscope.ingest.reducers.task import clean
from rayscope.model.report import RunReport, StateSnapshot
from rayscope.ray.redact import redact, redact_text, taken
from rayscope.ray.times import from_ms

T = TypeVar("T")

_SUBMISSION_ENDS = frozenset({"STOPPED", "SUCCEEDED", "FAILED"})


def fold_run(changes: Changes, report: RunReport) -> None:
    """How a run goes or went. A session may have several: one a job."""
    session_no = changes.number(report.session)
    word = changes.session(report.session)
    word.cluster = report.cluster or word.cluster
    row = asdict(report) | {"session_no": session_no, "job_id": report.job_id or "", "command": redact_text(report.command or "") or None}
    del row["session"]
    if (dashboard := row.pop("dashboard")) is not None:
        changes.add(ROAD, {"session_no": session_no, "dashboard": dashboard, "heard_ns": changes.now_ns})
    changes.add(RUN, row)
    taken()  # the same command comes with each report: it is not counted
    changes.ends |= report.cluster_ended or report.ended_ns is not None


def fold_snapshot(changes: Changes, snapshot: StateSnapshot) -> None:
    """Rows of Ray's state API for what its event feed lacks."""
    session_no = changes.number(snapshot.session)
    changes.session(snapshot.session)
    for row in snapshot.placement_groups:
        changes.add(PLACEMENT_GROUP, _placement_group(session_no, snapshot.taken_ns, row))
    for row in snapshot.runtime_envs:
        changes.add(RUNTIME_ENV, _runtime_env(session_no, snapshot.taken_ns, row))
    for row in snapshot.cluster_events:
        _keep_cluster_event(changes, session_no, row)
    for row in snapshot.submissions:
        _fold_submission(changes, session_no, row)
    taken()  # the same rows come every few seconds: they are not counted
    if snapshot.polled:
        fold_polled(changes, session_no, snapshot)


def _placement_group(session_no: int, taken_ns: int, row: dict[str, Any]) -> dict[str, Any]:
    state, stats = str(row["state"]), row.get("stats") or {}
    created = int(stats.get("creation_request_received_ns") or 0) or taken_ns
    known = {
        "session_no": session_no,
        "placement_group_id": row["placement_group_id"],
        "name": row.get("name"),
        "creator_job_id": row.get("creator_job_id"),
        "is_detached": row.get("is_detached"),
        "strategy": row.get("strategy"),
        "created_ns": created,
        "latest_ns": taken_ns,
        "state": state,
        "placed_ns": taken_ns,
        "bundles": json.dumps(row.get("bundles")),
        "stats": json.dumps(stats),
    }
    if (latency_us := int(stats.get("end_to_end_creation_latency_us") or 0)) or state == "CREATED":
        known["ready_ns"] = created + latency_us * 1000
    if state == "REMOVED":
        known[TIME_COLUMNS[state]] = taken_ns
    return known


def _runtime_env(session_no: int, taken_ns: int, row: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(redact(row.get("runtime_env") or {}), sort_keys=True)
    return {
        "session_no": session_no,
        "runtime_env_id": runtime_env_id(text),
        "node_id": row.get("node_id") or "",
        "runtime_env": text,
        "success": row.get("success"),
        "creation_time_ms": _number(row.get("creation_time_ms"), float),
        "ref_cnt": _number(row.get("ref_cnt"), int),
        "error": clean(row["error"]) if row.get("error") else None,
        "first_seen_ns": taken_ns,
        "latest_ns": taken_ns,
    }


def _number(value: Any, kind: Callable[[Any], T]) -> T | None:
    """A number that Ray's REST may give as text."""
    return None if value in {None, ""} else kind(value)


def _keep_cluster_event(changes: Changes, session_no: int, row: dict[str, Any]) -> None:
    """Ray gives these times to the second, in the cluster's local zone, which is taken to be ours."""
    event_id = str(row["event_id"])
    fields = redact(row.get("custom_fields") or {})
    changes.events[session_no, event_id] = {
        "session_no": session_no,
        "event_id": event_id,
        "time_ns": int(datetime.fromisoformat(str(row["time"])).astimezone(UTC).timestamp()) * 1_000_000_000,
        "severity": row.get("severity"),
        "source_type": row.get("source_type"),
        "event_type": "CLUSTER_EVENT",
        "message": clean(str(row.get("message") or "")),
        "node_id": fields.get("node_id"),
        "entity_id": next((fields[name] for name in ("worker_id", "actor_id", "job_id", "node_id") if fields.get(name)), None),
        "custom_fields": json.dumps(fields),
    }


def _fold_submission(changes: Changes, session_no: int, row: dict[str, Any]) -> None:
    if not row.get("submission_id"):
        return
    status, end_ns = str(row.get("status")), from_ms(row.get("end_time"))
    known: dict[str, Any] = {
        "session_no": session_no,
        "submission_id": row["submission_id"],
        "job_id": row.get("job_id"),
        "entrypoint": redact_text(row.get("entrypoint") or "") or None,
        "metadata": json.dumps(redact(row.get("metadata") or {}), sort_keys=True),
        "runtime_env": json.dumps(redact(row.get("runtime_env") or {}), sort_keys=True),
        "driver_node_id": row.get("driver_node_id"),
        "running_ns" if status != "PENDING" else "pending_ns": from_ms(row.get("start_time")),
    }
    if status in _SUBMISSION_ENDS:
        known |= {"latest_ns": end_ns, "end_ns": end_ns, "end_status": status, "driver_exit_code": row.get("driver_exit_code")}
        known |= {"message": redact_text(row.get("message") or "") or None, "error_type": row.get("error_type")}
    changes.add(SUBMISSION, known)
