"""GET /api/v1/overview: a session at a glance."""

from __future__ import annotations

from litestar import Router, get
from litestar.datastructures import State
from litestar.params import FromQuery

from rayscope.model.overview import Overview
from rayscope.query.sessions import LATEST
from rayscope.server.api.views import At, End, Filters, Start, services_of, view_of


@get("/overview", sync_to_thread=True)
def get_overview(
    state: State,
    filters: Filters = None,
    start: Start = None,
    end: End = None,
    at: At = None,
    session: FromQuery[str] = LATEST,
    px: FromQuery[int] = 300,
) -> Overview:
    """Counts and resources over time, totals, and what needs attention."""
    return services_of(state).overviews.overview(view_of(session, start, end, at, filters), px)


overview_router = Router(path="/api/v1", route_handlers=[get_overview])
