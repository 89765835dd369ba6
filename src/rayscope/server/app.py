"""The route table."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from litestar import Litestar, MediaType, Request, Response, Router, get
from litestar.datastructures import CacheControlHeader, Cookie, State
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.response import Redirect
from litestar.static_files import create_static_files_router

from rayscope import __version__
from rayscope.errors import RayscopeError
from rayscope.server.api.agent import agent_router
from rayscope.server.api.callgraph import callgraph_router
from rayscope.server.api.channel import agent_channel
from rayscope.server.api.ingest import ingest_router
from rayscope.server.api.job_logs import get_driver_output
from rayscope.server.api.live import live_router
from rayscope.server.api.logs import logs_router
from rayscope.server.api.metrics import metrics_router
from rayscope.server.api.objects import objects_router
from rayscope.server.api.otlp import post_otlp_metrics
from rayscope.server.api.overview import overview_router
from rayscope.server.api.progress import progress_router
from rayscope.server.api.prometheus_pages import get_exports, get_federate, get_metrics, get_prometheus_federate, get_session_federate, get_targets
from rayscope.server.api.remote_write import post_session_write, post_write
from rayscope.server.api.resources import resources_router
from rayscope.server.api.scrapes import list_targets, scrape_now
from rayscope.server.api.search import search_router
from rayscope.server.api.service import service_router
from rayscope.server.api.sql import sql_router
from rayscope.server.api.storage import delete_session, get_storage
from rayscope.server.api.timeline import timeline_router
from rayscope.server.auth import OPEN, TOKEN_COOKIE
from rayscope.server.compression import compression
from rayscope.server.meters import timed
from rayscope.server.problems import http_problem, rayscope_problem, unexpected_problem
from rayscope.server.prometheus_api.routes import prometheus_router
from rayscope.server.ray_api.job_tail import tail_job_logs
from rayscope.server.ray_api.jobs import jobs_router
from rayscope.server.ray_api.routes import ray_router
from rayscope.server.services import Services

_STATIC = resources.files("rayscope.server") / "static"
_NOT_BUILT = (
    "<!doctype html><html lang=en><title>Rayscope</title><h1>Rayscope was installed without its page</h1>"
    "<p>Install it without RAYSCOPE_SKIP_UI; <code>rayscope list</code> and <code>/api/v1</code> answer all the same."
)
_NAMED_BY_CONTENT = CacheControlHeader(max_age=31_536_000, immutable=True)
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@get(["/", "/s/{session:str}", "/s/{session:str}/{rest:path}"], media_type=MediaType.HTML, sync_to_thread=False)
def get_page(request: Request[Any, Any, State]) -> Response[str] | Redirect:
    """The page: one document for every address of a view. A token in the address moves into a cookie."""
    if (token := request.query_params.get("token")) is not None:
        cookie = Cookie(TOKEN_COOKIE, value=token, httponly=True, samesite="strict")
        return Redirect(request.url.path, status_code=303, cookies=[cookie])
    page = _STATIC / "index.html"
    text = page.read_text() if page.is_file() else _NOT_BUILT
    return Response(text, media_type=MediaType.HTML, headers=_PAGE_HEADERS)


def _static_router(path: str, folder: str, cache_control: CacheControlHeader) -> Router:
    """Files of the built page. They hold no data, so they are open: the form that asks for a token needs its looks."""
    directory = Path(str(_STATIC)) / folder
    return create_static_files_router(path=path, directories=[directory], cache_control=cache_control, opt={OPEN: True}, name=path)


def make_app(services: Services) -> Litestar:
    """The application over opened services; it closes them when it stops."""
    return Litestar(
        route_handlers=[
            get_page,
            _static_router("/static/assets", "assets", _NAMED_BY_CONTENT),
            _static_router("/static", ".", CacheControlHeader(no_cache=True)),
            ingest_router,
            agent_channel,
            agent_router,
            list_targets,
            scrape_now,
            service_router,
            logs_router,
            objects_router,
            get_driver_output,
            get_storage,
            delete_session,
            timeline_router,
            progress_router,
            overview_router,
            metrics_router,
            callgraph_router,
            search_router,
            live_router,
            sql_router,
            get_metrics,
            get_federate,
            get_session_federate,
            get_prometheus_federate,
            get_targets,
            get_exports,
            post_write,
            post_session_write,
            post_otlp_metrics,
            resources_router,
            ray_router(services.queries),
            jobs_router,
            tail_job_logs,
            prometheus_router,
        ],
        state=State({"services": services}),
        guards=[services.guard],
        middleware=[timed],
        exception_handlers={RayscopeError: rayscope_problem, HTTPException: http_problem, Exception: unexpected_problem},
        on_shutdown=[services.close],
        compression_config=compression(),
        openapi_config=OpenAPIConfig(title="Rayscope", version=__version__),
        logging_config=None,
    )
