"""What a Prometheus scrapes here: the server's own metrics, the collected series, and where Ray's own endpoints are."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, QueryParameter

from rayscope.model.export import ExportStates
from rayscope.query.discovery import TargetGroup, target_groups
from rayscope.query.federation import federated
from rayscope.query.sessions import ALL
from rayscope.server.own_metrics import own_metrics
from rayscope.server.prometheus_api.routes import session_of
from rayscope.server.services import Services
from rayscope.wire.exposition import OPENMETRICS_TYPE, TEXT_TYPE, is_openmetrics_wanted, openmetrics_page, text_page

Match = Annotated[list[str] | None, QueryParameter(name="match[]")]

_VARY: Final = {"Vary": "Accept"}


@get("/metrics", sync_to_thread=True)
def get_metrics(request: Request[Any, Any, State], state: State) -> Response[str]:
    """How this server is, as metrics: Prometheus's text, or OpenMetrics where that is preferred."""
    metrics = own_metrics(state.services)
    if is_openmetrics_wanted(request.headers.get("accept", "")):
        return Response(openmetrics_page(metrics), media_type=OPENMETRICS_TYPE, headers=_VARY)
    return Response(text_page(metrics), media_type=TEXT_TYPE, headers=_VARY)


@get("/federate", sync_to_thread=True)
def get_federate(state: State, match: Match = None) -> Response[str]:
    """The newest sample of each series, of all sessions."""
    return _federate(state.services, ALL, match)


@get("/federate/{session:str}", sync_to_thread=True)
def get_session_federate(state: State, session: FromPath[str], match: Match = None) -> Response[str]:
    """The newest sample of each series of a session, of the latest or of all."""
    return _federate(state.services, session, match)


@get("/prometheus/{session:str}/federate", sync_to_thread=True)
def get_prometheus_federate(state: State, session: FromPath[str], match: Match = None) -> Response[str]:
    """The same, where the rest of Prometheus's API is."""
    return _federate(state.services, session, match)


@get("/prometheus/sd", sync_to_thread=True)
def get_targets(state: State, session: FromQuery[str] = ALL) -> list[TargetGroup]:
    """Ray's own endpoints of metrics, for a Prometheus that scrapes them itself (`http_sd_configs`)."""
    services: Services = state.services
    return target_groups(services.metrics, session_of(services, session))


@get("/api/v1/exports", sync_to_thread=False)
def get_exports(state: State) -> ExportStates:
    """How each destination of remote write and OTLP is."""
    services: Services = state.services
    return ExportStates(services.senders.states())


def _federate(services: Services, session: str, match: list[str] | None) -> Response[str]:
    return Response(text_page(federated(services.metrics, session_of(services, session), match or ())), media_type=TEXT_TYPE)
