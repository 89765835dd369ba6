"""The route table."""

from __future__ import annotations

from importlib import resources
from typing import Any

from litestar import Litestar, MediaType, Request, Response, get
from litestar.config.compression import CompressionConfig
from litestar.datastructures import CacheControlHeader, Cookie, State
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.response import Redirect
from litestar.static_files import create_static_files_router

from rayscope import __version__
from rayscope.errors import RayscopeError
from rayscope.server.api.callgraph import callgraph_router
from rayscope.server.api.ingest import ingest_router
from rayscope.server.api.live import live_router
from rayscope.server.api.overview import overview_router
from rayscope.server.api.progress import progress_router
from rayscope.server.api.resources import resources_router
from rayscope.server.api.search import search_router
from rayscope.server.api.service import service_router
from rayscope.server.api.sql import sql_router
from rayscope.server.api.timeline import timeline_router
from rayscope.server.auth import TOKEN_COOKIE
from rayscope.server.problems import http_problem, rayscope_problem, unexpected_problem
from rayscope.server.ray_api.routes import ray_router
from rayscope.server.services import Services

_STATIC = resources.files("rayscope.server") / "static"
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@get(["/", "/s/{session:str}", "/s/{session:str}/{rest:path}"], media_type=MediaType.HTML, sync_to_thread=False)
def get_page(request: Request[Any, Any, State]) -> Response[str] | Redirect:
    """The page: one document for every address of a view. A token in the address moves into a cookie."""
    if (token := request.query_params.get("token")) is not None:
        cookie = Cookie(TOKEN_COOKIE, value=token, httponly=True, samesite="strict")
        return Redirect(request.url.path, status_code=303, cookies=[cookie])
    return Response((_STATIC / "index.html").read_text(), media_type=MediaType.HTML, headers=_PAGE_HEADERS)


def make_app(services: Services) -> Litestar:
    """The application over opened services; it closes them when it stops."""
    return Litestar(
        route_handlers=[
            get_page,
            create_static_files_router(path="/static", directories=[str(_STATIC)], cache_control=CacheControlHeader(no_cache=True)),
            ingest_router,
            service_router,
            timeline_router,
            progress_router,
            overview_router,
            callgraph_router,
            search_router,
            live_router,
            sql_router,
            resources_router,
            ray_router(services.queries),
        ],
        state=State({"services": services}),
        guards=[services.guard],
        exception_handlers={RayscopeError: rayscope_problem, HTTPException: http_problem, Exception: unexpected_problem},
        on_shutdown=[services.close],
        compression_config=CompressionConfig(backend="gzip", minimum_size=2000, gzip_compress_level=4, exclude=["^/api/v1/live$", "/follow$"]),
        openapi_config=OpenAPIConfig(title="Rayscope", version=__version__),
        logging_config=None,
    )
