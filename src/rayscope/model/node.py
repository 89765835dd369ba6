"""A node: one raylet."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from rayscope.model.column import brief, detail


class Node(Struct, frozen=True, kw_only=True):
    """One raylet of a session."""

    session: Annotated[str, detail("Ray's session name", "id")]
    node_id: Annotated[str, brief("Ray's node id", "id")]
    node_ip: Annotated[str | None, brief("Its address inside the cluster")] = None
    is_head_node: Annotated[bool | None, brief("Whether it is the head node")] = None
    state: Annotated[str, brief("ALIVE or DEAD")] = "ALIVE"
    state_message: Annotated[str | None, brief("Why it is dead, or draining")] = None
    node_name: Annotated[str | None, brief("Its name, if it was given one")] = None
    resources_total: Annotated[dict[str, float] | None, brief("What it offers, by resource")] = None
    labels: Annotated[dict[str, str] | None, brief("Its labels")] = None
    hostname: Annotated[str | None, detail("Its host name")] = None
    death_reason: Annotated[str | None, detail("Ray's reason, e.g. UNEXPECTED_TERMINATION")] = None
    instance_id: Annotated[str | None, detail("The cloud's id for it")] = None
    instance_type: Annotated[str | None, detail("The cloud's type for it")] = None
    start_ns: Annotated[int | None, detail("When its raylet started", "ns")] = None
    end_ns: Annotated[int | None, detail("When it died", "ns")] = None
