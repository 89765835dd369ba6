"""GET /api/v1/metrics: which metrics there are; GET /api/v1/findings: what they say is wrong."""

from __future__ import annotations

from litestar import Router, get
from litestar.datastructures import State
from litestar.params import FromQuery

from rayscope.model.finding import Findings
from rayscope.model.metric_answers import MetricCatalogue
from rayscope.query.sessions import ALL, LATEST
from rayscope.server.api.views import services_of


@get("/metrics", sync_to_thread=True)
def list_metrics(state: State, session: FromQuery[str] = LATEST, q: FromQuery[str | None] = None) -> MetricCatalogue:
    """The metrics of a session, or with ``all`` of every one; those whose name or help holds ``q``."""
    services = services_of(state)
    return services.catalogues.catalogue(None if session == ALL else services.queries.session(session).session, q)


@get("/findings", sync_to_thread=True)
def list_findings(
    state: State,
    session: FromQuery[str] = LATEST,
    job: FromQuery[str | None] = None,
    node: FromQuery[str | None] = None,
    actor: FromQuery[str | None] = None,
    task: FromQuery[str | None] = None,
) -> Findings:
    """What the metrics of a session say is wrong, the worst first, each with its evidence."""
    return services_of(state).findings.find(session, job, node, actor, task)


metrics_router = Router(path="/api/v1", route_handlers=[list_metrics, list_findings])
