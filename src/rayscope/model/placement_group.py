"""A placement group: resources reserved together."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Struct

from rayscope.model.column import brief, detail


class PlacementGroup(Struct, frozen=True, kw_only=True):
    """One placement group of a session."""

    session: Annotated[str, detail("Ray's session name", "id")]
    placement_group_id: Annotated[str, brief("Ray's id", "id")]
    name: Annotated[str | None, brief("Its name, if it has one")] = None
    creator_job_id: Annotated[str | None, brief("The job that made it", "id")] = None
    state: Annotated[str, brief("PENDING, PREPARED, CREATED, RESCHEDULING or REMOVED")] = "PENDING"
    strategy: Annotated[str | None, detail("PACK, SPREAD, STRICT_PACK or STRICT_SPREAD")] = None
    bundles: Annotated[list[dict[str, Any]] | None, detail("Its bundles, in Ray's shape")] = None
    is_detached: Annotated[bool | None, detail("Whether it outlives its job")] = None
    creator_actor_id: Annotated[str | None, detail("The actor that made it", "id")] = None
    ray_namespace: Annotated[str | None, detail("Its namespace")] = None
    created_ns: Annotated[int | None, detail("When it was asked for", "ns")] = None
    ready_ns: Annotated[int | None, detail("When it was first seen CREATED", "ns")] = None
    removed_ns: Annotated[int | None, detail("When it was first seen REMOVED", "ns")] = None
    stats: Annotated[dict[str, Any] | None, detail("Ray's scheduling statistics, in Ray's shape")] = None
