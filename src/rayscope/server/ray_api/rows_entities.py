"""Actors, nodes, workers, placement groups, runtime envs and cluster events as Ray's states.

Where Ray gives a 64-bit number as text, or zero for an unknown time, so do these.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from rayscope.ray.ids import hex_of_base64
from rayscope.server.ray_api.times import int_ms
from rayscope.store.entity import Row

_UNKNOWN_LAUNCH: Final = 2**64 - 1
"""Ray's -1, unsigned: when a worker's start was asked for is not known (of a driver, nobody asked)."""

_DECODED: Final = frozenset({"actor_id", "owner_id", "job_id", "node_id", "placement_group_id"})
_DEATHS: Final = {
    "EXPECTED_TERMINATION": "Expected termination",
    "UNEXPECTED_TERMINATION": "Unexpected termination",
    "AUTOSCALER_DRAIN_PREEMPTED": "Terminated due to preemption",
    "AUTOSCALER_DRAIN_IDLE": "Terminated due to idle (no Ray activity)",
}


def actor_row(row: Row) -> Row:
    """An ActorState. An actor that was never placed lacks its node, one outside placement groups its group."""
    known = {
        "actor_id": row["actor_id"],
        "class_name": row["class_name"] or "",
        "state": row["state"],
        "job_id": row["job_id"] or "",
        "name": row["name"] or "",
        "pid": row["pid"] or 0,
        "ray_namespace": row["ray_namespace"] or "",
        "serialized_runtime_env": row["runtime_env"],
        "required_resources": row["required_resources"] or {},
        "is_detached": bool(row["is_detached"]),
        "repr_name": row["repr_name"] or "",
        "num_restarts": str(row["num_restarts"] or 0),
        "num_restarts_due_to_lineage_reconstruction": str(row["num_restarts_due_to_lineage_reconstruction"] or 0),
        "num_restarts_due_to_node_preemption": str(row["num_restarts_due_to_node_preemption"] or 0),
        "label_selector": row["label_selector"] or {},
    }
    optional = {name: row[name] for name in ("node_id", "placement_group_id", "call_site")}
    return known | _present(optional | {"death_cause": _death_cause(row)})


def _death_cause(row: Row) -> Any:
    """Ray's cause in the spelling of its REST. Of an actor that ended with its cluster, what is known of that."""
    if row["death_cause"] is not None:
        return _snake(row["death_cause"])
    if row["state"] == "DEAD" and row["death_message"]:
        return {"actor_died_error_context": {"error_message": row["death_message"]}}
    return None


def _snake(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {_snake_name(key): _snake(part, _snake_name(key)) for key, part in value.items()}
    if isinstance(value, list):
        return [_snake(part) for part in value]
    return hex_of_base64(value) if name in _DECODED and isinstance(value, str) else value


def _snake_name(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def node_row(row: Row) -> Row:
    """A NodeState."""
    return {
        "node_id": row["node_id"],
        "node_ip": row["node_ip"] or "",
        "is_head_node": bool(row["is_head_node"]),
        "state": row["state"],
        "state_message": _node_message(row),
        "node_name": row["node_name"] or "",
        "resources_total": row["resources_total"] or {},
        "labels": row["labels"] or {},
        "start_time_ms": int_ms(row["start_ns"], 0),
        "end_time_ms": int_ms(row["end_ns"], 0),
    }


def _node_message(row: Row) -> str | None:
    """Ray's `compose_state_message`; an alive node has none."""
    if row["state"] != "DEAD":
        return None
    message: str | None = row["state_message"] if row["state_message"] != row["death_reason"] else None
    death = _DEATHS.get(row["death_reason"] or "")
    return f"{death}: {message}" if death and message else death or message


def worker_row(row: Row) -> Row:
    """A WorkerState. Only a dead worker has an exit type and its detail."""
    known = {
        "worker_id": row["worker_id"],
        "is_alive": row["state"] == "ALIVE",
        "worker_type": row["worker_type"] or "WORKER",
        "node_id": row["node_id"] or "",
        "ip": row["ip"] or "",
        "pid": row["pid"] or 0,
        "worker_launch_time_ms": int_ms(row["launch_ns"], _UNKNOWN_LAUNCH),
        "worker_launched_time_ms": int_ms(row["launched_ns"], _UNKNOWN_LAUNCH),
        "start_time_ms": int_ms(row["start_ns"], 0),
        "end_time_ms": int_ms(row["end_ns"], 0),
    }
    return known | _present({"exit_type": row["exit_type"], "exit_detail": row["exit_detail"]})


def placement_group_row(row: Row) -> Row:
    """A PlacementGroupState."""
    return {
        "placement_group_id": row["placement_group_id"],
        "name": row["name"] or "",
        "creator_job_id": row["creator_job_id"] or "",
        "state": row["state"],
        "bundles": row["bundles"] or [],
        "is_detached": bool(row["is_detached"]),
        "stats": row["stats"] or {},
        "topology_strategy": {},
        "topology_assignments": {},
    }


def runtime_env_row(row: Row) -> Row:
    """A RuntimeEnvState."""
    known = {
        "runtime_env": _parsed(row["runtime_env"]),
        "node_id": row["node_id"],
        "ref_cnt": str(row["ref_cnt"] or 0),
        "creation_time_ms": None if row["creation_time_ms"] is None else str(round(row["creation_time_ms"])),
    }
    return known | _present({"success": row["success"], "error": row["error"]})


def cluster_event_row(row: Row) -> Row:
    """A ClusterEventState. Ray gives the time to the second, in its own zone, which is taken to be this server's."""
    moment = datetime.fromtimestamp(row["time_ns"] // 1_000_000_000, UTC).astimezone()
    known = {name: row[name] or "" for name in ("severity", "source_type", "message", "event_id")}
    return known | {"time": moment.strftime("%Y-%m-%d %H:%M:%S")} | _present({"custom_fields": row["custom_fields"]})


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:  # cut at the store's limit
        return {"text": text}


def _present(parts: Row) -> Row:
    """The optional fields that are set: Ray's rows lack the others."""
    return {name: part for name, part in parts.items() if part is not None}
