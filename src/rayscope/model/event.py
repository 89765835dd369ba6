"""A cluster event: something that happened to a session, a node, a worker, a job, an actor."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Struct

from rayscope.model.column import brief, detail


class Event(Struct, frozen=True, kw_only=True):
    """One event, other than those of tasks (which are folded into attempts and not kept one by one)."""

    session: Annotated[str, detail("Ray's session name", "id")]
    event_id: Annotated[str, detail("Ray's event id", "id")]
    time_ns: Annotated[int, brief("When it happened", "ns")]
    severity: Annotated[str | None, brief("DEBUG, INFO, WARNING, ERROR or FATAL")] = None
    source_type: Annotated[str | None, brief("Who said it: GCS, RAYLET, AUTOSCALER, JOBS, CORE_WORKER …")] = None
    event_type: Annotated[str | None, brief("Ray's event type; CLUSTER_EVENT for a line of Ray's event files")] = None
    message: Annotated[str | None, brief("Its words")] = None
    node_id: Annotated[str | None, detail("The node it is about", "id")] = None
    entity_id: Annotated[str | None, detail("The id of what it is about", "id")] = None
    custom_fields: Annotated[dict[str, Any] | None, detail("Whatever else it says, in Ray's shape, secrets redacted")] = None
