"""An actor, and the states it went through."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Struct

from rayscope.model.column import brief, detail


class ActorTransition(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change of an actor's state, as the GCS reported it."""

    time_ns: int
    state: str
    node_id: str | None = None
    worker_id: str | None = None
    pid: int | None = None
    restart_reason: str | None = None
    repr_name: str | None = None
    death_cause: dict[str, Any] | None = None


class Actor(Struct, frozen=True, kw_only=True):
    """One actor of a session."""

    session: Annotated[str, detail("Ray's session name", "id")]
    actor_id: Annotated[str, brief("Ray's actor id", "id")]
    class_name: Annotated[str | None, brief("Its class")] = None
    state: Annotated[str, brief("DEPENDENCIES_UNREADY, PENDING_CREATION, ALIVE, RESTARTING or DEAD")] = "DEPENDENCIES_UNREADY"
    job_id: Annotated[str | None, brief("The job that made it", "id")] = None
    name: Annotated[str | None, brief("Its name, if it has one")] = None
    node_id: Annotated[str | None, brief("The node it lives on, or last lived on", "id")] = None
    pid: Annotated[int | None, brief("Its process id")] = None
    ray_namespace: Annotated[str | None, brief("Its namespace")] = None
    worker_id: Annotated[str | None, detail("Its worker", "id")] = None
    is_detached: Annotated[bool | None, detail("Whether it outlives its job")] = None
    placement_group_id: Annotated[str | None, detail("Its placement group", "id")] = None
    repr_name: Annotated[str | None, detail("Its repr")] = None
    required_resources: Annotated[dict[str, float] | None, detail("What it holds, by resource")] = None
    runtime_env: Annotated[str | None, detail("Its runtime env as JSON, secrets redacted")] = None
    death_cause: Annotated[dict[str, Any] | None, detail("Ray's cause of death, in Ray's shape")] = None
    death_reason: Annotated[str | None, detail("That cause's kind, e.g. WORKER_DIED, RAY_KILL, OUT_OF_SCOPE")] = None
    death_message: Annotated[str | None, detail("That cause's words")] = None
    num_restarts: Annotated[int, detail("Restarts in all", "count")] = 0
    num_restarts_due_to_lineage_reconstruction: Annotated[int, detail("… to rebuild lost objects", "count")] = 0
    num_restarts_due_to_node_preemption: Annotated[int, detail("… after a node was taken away", "count")] = 0
    created_ns: Annotated[int | None, detail("When it was first seen", "ns")] = None
    alive_ns: Annotated[int | None, detail("When it was first alive", "ns")] = None
    end_ns: Annotated[int | None, detail("When it died", "ns")] = None
    call_site: Annotated[str | None, detail("Where it was made")] = None
    parent_id: Annotated[str | None, detail("The task or actor that made it", "id")] = None
    label_selector: Annotated[dict[str, str] | None, detail("Its label selector")] = None
    transitions: Annotated[list[ActorTransition] | None, detail("Every change of its state, in order")] = None
