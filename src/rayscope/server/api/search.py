"""GET /api/v1/search: ids, names, entrypoints and errors, over all sessions."""

from __future__ import annotations

from litestar import Router, get
from litestar.datastructures import State
from litestar.params import FromQuery

from rayscope.model.search import SearchAnswer
from rayscope.query.sessions import ALL
from rayscope.server.api.views import services_of


@get("/search", sync_to_thread=True)
def get_search(state: State, q: FromQuery[str], session: FromQuery[str] = ALL, limit: FromQuery[int] = 20) -> SearchAnswer:
    """What fits an id, the beginning of one, or words; the best first."""
    return services_of(state).search.find(q, session, limit)


search_router = Router(path="/api/v1", route_handlers=[get_search])
