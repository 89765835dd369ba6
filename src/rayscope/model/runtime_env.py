"""A runtime env: what Ray sets up for a worker before the user's code runs in it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from rayscope.model.column import brief, detail


class RuntimeEnv(Struct, frozen=True, kw_only=True):
    """One runtime env of a session, on one node where a node's word on it is known."""

    session: Annotated[str, detail("Ray's session name", "id")]
    runtime_env_id: Annotated[str, brief("A hash of its JSON", "id")]
    runtime_env: Annotated[str, brief("Its JSON, secrets redacted")]
    node_id: Annotated[str | None, brief("The node that set it up; null: only seen in tasks, actors and jobs", "id")] = None
    success: Annotated[bool | None, brief("Whether it could be set up; null: no node's word")] = None
    creation_time_ms: Annotated[float | None, detail("How long the set-up took, in ms")] = None
    ref_cnt: Annotated[int | None, detail("Workers that held it when last asked", "count")] = None
    error: Annotated[str | None, detail("Why it could not be set up")] = None
    first_seen_ns: Annotated[int | None, detail("When it was first seen", "ns")] = None
