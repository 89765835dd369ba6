"""GET /api/v1/callgraph: who calls whom."""

from __future__ import annotations

from litestar import Router, get
from litestar.datastructures import State
from litestar.params import FromQuery

from rayscope.model.callgraph import CallGraph
from rayscope.query.callgraph import call_graph
from rayscope.query.sessions import LATEST
from rayscope.server.api.progress import Job
from rayscope.server.api.views import At, Filters, services_of, view_of


@get("/callgraph", sync_to_thread=True)
def get_callgraph(
    state: State, filters: Filters = None, at: At = None, job: Job = None, session: FromQuery[str] = LATEST, top: FromQuery[int] = 40
) -> CallGraph:
    """Functions and classes of actors as nodes, calls as edges; those with most attempts, the rest folded into one."""
    return call_graph(services_of(state).database, view_of(session, None, None, at, filters), job, top)


callgraph_router = Router(path="/api/v1", route_handlers=[get_callgraph])
