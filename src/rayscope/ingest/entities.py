"""The entities that events tell of, and how what is said of each merges."""

from __future__ import annotations

import json
from typing import Any, Final

from rayscope.model.states import ACTOR_STATES
from rayscope.store.entity import EntityTable, Row

DRAINING: Final = "draining"
"""The message of a node that is about to be taken away."""

_RESTARTS: Final = {
    "num_restarts_due_to_lineage_reconstruction": "LINEAGE_RECONSTRUCTION",
    "num_restarts_due_to_node_preemption": "NODE_PREEMPTION",
}


def union_transitions(one: str, other: str) -> str:
    """Two JSON lists of an actor's transitions in one, in order of time (of one time in the order of states), each once."""
    every = {json.dumps(item, sort_keys=True): item for text in (one, other) for item in json.loads(text)}
    return json.dumps([every[text] for text in sorted(every, key=lambda text: (every[text]["time_ns"], _rank(every[text]["state"]), text))])


def _rank(state: str) -> int:
    return ACTOR_STATES.index(state) if state in ACTOR_STATES else -1


def weightier_message(one: str, other: str) -> str:
    """Of two messages on a node the one that says more than that it drains; else the greater one."""
    return max(one, other, key=lambda text: (text != DRAINING, text))


def derive_actor(row: Row) -> Row:
    """An actor's state and place from its transitions. A dead actor keeps the place where it last lived."""
    if row.get("transitions") is None:
        return row
    transitions = json.loads(row["transitions"])
    restarts = [item.get("restart_reason") for item in transitions if item["state"] == "RESTARTING"]
    return row | {
        "state": transitions[-1]["state"],
        "node_id": _last(transitions, "node_id"),
        "worker_id": _last(transitions, "worker_id"),
        "pid": _last(transitions, "pid"),
        "repr_name": _last(transitions, "repr_name"),
        "death_cause": _death_cause(transitions[-1]),
        "num_restarts": len(restarts),
        **{column: restarts.count(reason) for column, reason in _RESTARTS.items()},
        "created_ns": transitions[0]["time_ns"],
        "alive_ns": next((item["time_ns"] for item in transitions if item["state"] == "ALIVE"), None),
        "end_ns": transitions[-1]["time_ns"] if transitions[-1]["state"] == "DEAD" else None,
    }


def _last(transitions: list[dict[str, Any]], name: str) -> Any:
    return next((item[name] for item in reversed(transitions) if item.get(name) is not None), None)


def _death_cause(last: dict[str, Any]) -> str | None:
    cause = last.get("death_cause") if last["state"] == "DEAD" else None
    return None if cause is None else json.dumps(cause)


_NEWEST_GROUP: Final = {"latest_ns": ("state",), "placed_ns": ("bundles", "stats")}
_NEWEST_ENV: Final = {"latest_ns": ("success", "creation_time_ms", "ref_cnt", "error")}
_NEWEST_END: Final = {"latest_ns": ("end_ns", "end_status", "message", "error_type", "driver_exit_code")}

NODE: Final = EntityTable(name="node", key=("session_no", "node_id"), earliest=frozenset({"start_ns", "end_ns"}), combine={"state_message": weightier_message})
WORKER: Final = EntityTable(name="worker", key=("session_no", "worker_id"), earliest=frozenset({"launch_ns", "launched_ns", "start_ns", "end_ns"}))
DRIVER_JOB: Final = EntityTable(name="driver_job", key=("session_no", "job_id"), earliest=frozenset({"start_ns", "end_ns"}))
SUBMISSION: Final = EntityTable(name="submission", key=("session_no", "submission_id"), earliest=frozenset({"pending_ns", "running_ns"}), newest=_NEWEST_END)
ACTOR: Final = EntityTable(name="actor", key=("session_no", "actor_id"), combine={"transitions": union_transitions}, derive=derive_actor)
PLACEMENT_GROUP: Final = EntityTable(
    name="placement_group",
    key=("session_no", "placement_group_id"),
    earliest=frozenset({"created_ns", "ready_ns", "removed_ns"}),
    newest=_NEWEST_GROUP,
)
RUNTIME_ENV: Final = EntityTable(name="runtime_env", key=("session_no", "runtime_env_id", "node_id"), earliest=frozenset({"first_seen_ns"}), newest=_NEWEST_ENV)
RUN: Final = EntityTable(name="run", key=("session_no", "job_id"), earliest=frozenset({"started_ns"}))
ROAD: Final = EntityTable(name="cluster_road", key=("session_no",), newest={"heard_ns": ("dashboard",)})

ENTITIES: Final[tuple[EntityTable, ...]] = (NODE, WORKER, DRIVER_JOB, SUBMISSION, ACTOR, PLACEMENT_GROUP, RUNTIME_ENV, RUN, ROAD)
