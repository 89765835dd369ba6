"""GET /api/v1/objects/…: snapshots of the object table, summaries, growth, leaks. References themselves are listed as any resource."""

from __future__ import annotations

import asyncio
from typing import Final

from litestar import Router, get, post
from litestar.datastructures import State
from litestar.params import FromQuery

from rayscope.errors import Unavailable
from rayscope.model.object_answers import Leaks, ObjectGrowth, ObjectSnapshotInfo, ObjectSnapshots, ObjectSummary
from rayscope.query.objects import ObjectQueries
from rayscope.query.sessions import LATEST
from rayscope.server.api.resources import Filters
from rayscope.server.services import Services
from rayscope.store.limits import DEFAULT_PAGE

TAKE_S: Final = 45.0
"""How long a snapshot is waited for: Ray is given 20 s for it, and its states are asked for before."""


@get("/snapshots", sync_to_thread=True)
def list_snapshots(state: State, session: FromQuery[str] = LATEST, at: FromQuery[str | None] = None, limit: FromQuery[int] = DEFAULT_PAGE) -> ObjectSnapshots:
    """The snapshots of a session's object table, the newest first."""
    return _objects(state).snapshots(session, at, limit)


@post("/snapshots", status_code=201)
async def take_snapshot(state: State, session: FromQuery[str] = LATEST) -> ObjectSnapshotInfo:
    """Have the head node's agent take a snapshot now, of a cluster that lives. Answers when it can be read."""
    services: Services = state.services
    name = (await asyncio.to_thread(services.queries.session, session)).session
    taken = await services.channels.ask(name, None, "snapshot", timeout_s=TAKE_S)
    moment = (taken.get("objects") or {}).get("taken_ns") if isinstance(taken, dict) else None
    found = await asyncio.to_thread(services.queries.objects.snapshots, name)
    info = next((info for info in found.snapshots if info.taken_ns == moment), None)
    if info is None:
        raise Unavailable("the agent took no snapshot of the object table", hint="does its Ray run a dashboard? `ray.init(include_dashboard=True)`")
    return info


@get("/summary", sync_to_thread=True)
def summarize_objects(
    state: State, filters: Filters = None, session: FromQuery[str] = LATEST, by: FromQuery[str] = "call-site", at: FromQuery[str | None] = None
) -> ObjectSummary:
    """References of one snapshot by call-site, function, node or owner."""
    return _objects(state).summary(session, by, tuple(filters or ()), at)


@get("/growth", sync_to_thread=True)
def get_growth(state: State, session: FromQuery[str] = LATEST, points: FromQuery[int] = 3, at: FromQuery[str | None] = None) -> ObjectGrowth:
    """Bytes by call site in some snapshots, evenly spread over time."""
    return _objects(state).growth(session, points, at)


@get("/leaks", sync_to_thread=True)
def list_leaks(state: State, session: FromQuery[str] = LATEST, idle: FromQuery[str] = "60s", at: FromQuery[str | None] = None) -> Leaks:
    """Objects that only a dead or idle process holds, or whose owner or job is gone, with the evidence."""
    return _objects(state).leaks(session, idle, at)


def _objects(state: State) -> ObjectQueries:
    objects: ObjectQueries = state.services.queries.objects
    return objects


objects_router = Router(path="/api/v1/objects", route_handlers=[list_snapshots, take_snapshot, summarize_objects, get_growth, list_leaks])
