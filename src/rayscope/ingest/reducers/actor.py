"""Actor events into rows of `actor`."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from rayscope.ingest.changes import Changes
from rayscope.ingest.entities import ACTOR, union_transitions
from rayscope.ingest.reducers.runtime_env import note_runtime_env
from rayscope.ingest.reducers.task import clean
from rayscope.model.actor import ActorTransition
from rayscope.ray.events import ActorDefinition, ActorLifecycle, ActorStateTransition, RayEvent
from rayscope.ray.ids import hex_or_none
from rayscope.ray.redact import redact_json
from rayscope.ray.times import parse_ns


def define_actor(changes: Changes, session_no: int, event: RayEvent, actor: ActorDefinition) -> None:
    """Its class, name and needs: ACTOR_DEFINITION_EVENT."""
    runtime_env = redact_json(actor.serialized_runtime_env)
    note_runtime_env(changes, session_no, runtime_env, event.timestamp)
    changes.add(
        ACTOR,
        {
            "session_no": session_no,
            "actor_id": actor.actor_id.hex(),
            "job_id": hex_or_none(actor.job_id),
            "class_name": actor.class_name or None,
            "name": actor.name,
            "ray_namespace": actor.ray_namespace or None,
            "is_detached": actor.is_detached,
            "placement_group_id": hex_or_none(actor.placement_group_id),
            "required_resources": json.dumps(actor.required_resources, sort_keys=True),
            "runtime_env": runtime_env,
            "call_site": actor.call_site or None,
            "parent_id": hex_or_none(actor.parent_id),
            "label_selector": json.dumps(actor.label_selector, sort_keys=True),
        },
    )


def advance_actor(changes: Changes, session_no: int, event: RayEvent, actor: ActorLifecycle) -> None:
    """Its changes of state: ACTOR_LIFECYCLE_EVENT."""
    transitions = [_transition(item) for item in actor.state_transitions]
    if not transitions:
        return
    row = {"session_no": session_no, "actor_id": actor.actor_id.hex(), "transitions": union_transitions(json.dumps(msgspec.to_builtins(transitions)), "[]")}
    changes.add(ACTOR, row)
    changes.ends |= any(item.state == "DEAD" for item in transitions)


def _transition(item: ActorStateTransition) -> ActorTransition:
    return ActorTransition(
        time_ns=parse_ns(item.timestamp),
        state=str(item.state),
        node_id=hex_or_none(item.node_id),
        worker_id=hex_or_none(item.worker_id),
        pid=item.pid or None,
        restart_reason=str(item.restart_reason) if item.state == "RESTARTING" else None,
        repr_name=item.repr_name or None,
        death_cause=_bounded(item.death_cause) if item.death_cause else None,
    )


def _bounded(cause: Any) -> Any:
    """Ray's cause in Ray's shape, with its texts as they are kept."""
    if isinstance(cause, dict):
        return {name: _bounded(part) for name, part in cause.items()}
    return clean(cause) if isinstance(cause, str) else cause
