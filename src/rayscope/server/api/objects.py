"""GET /api/v1/objects/…: snapshots of the object table, summaries, growth, leaks. References themselves are listed as any resource."""

from __future__ import annotations

from litestar import Router, get
from litestar.datastructures import State
from litestar.params import FromQuery

from rayscope.model.object_answers import Leaks, ObjectGrowth, ObjectSnapshots, ObjectSummary
from rayscope.query.objects import ObjectQueries
from rayscope.query.sessions import LATEST
from rayscope.server.api.resources import Filters
from rayscope.store.limits import DEFAULT_PAGE


@get("/snapshots", sync_to_thread=True)
def list_snapshots(state: State, session: FromQuery[str] = LATEST, at: FromQuery[str | None] = None, limit: FromQuery[int] = DEFAULT_PAGE) -> ObjectSnapshots:
    """The snapshots of a session's object table, the newest first."""
    return _objects(state).snapshots(session, at, limit)


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


objects_router = Router(path="/api/v1/objects", route_handlers=[list_snapshots, summarize_objects, get_growth, list_leaks])
