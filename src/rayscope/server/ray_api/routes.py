"""The routes under /ray/<session>/: Ray's own state API, so that the stock `ray list|get|summary --address …/ray/SESSION` works."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Callable, Mapping
from typing import Any, Final

from litestar import MediaType, Request, Response, Router, get
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.params import FromPath
from litestar.response import Stream
from msgspec import Struct

from rayscope.errors import NotFound, RayscopeError
from rayscope.query.queries import Queries
from rayscope.server.compression import PLAIN
from rayscope.server.ray_api.listing import list_states
from rayscope.server.ray_api.listings import LISTINGS
from rayscope.server.ray_api.logs import find_stretch, list_files, read_wish, stream
from rayscope.server.ray_api.objects import list_objects, summarize_objects
from rayscope.server.ray_api.options import Refused, check_summary_by, read_filters, read_options
from rayscope.server.ray_api.resolve import resolve
from rayscope.server.ray_api.summaries import SummaryAnswer, summarize_actors, summarize_tasks
from rayscope.server.services import Services

NEWEST_TESTED: Final = "2.60.0"
"""The version to name where a session's own is not known: of the client's checks, this one passes every one that Rayscope was tested with."""

_API_VERSION: Final = "4"
"""Ray's CURRENT_VERSION of its REST."""

_NO_LINEAGE: Final = {"lineage": "Rayscope has no summary by lineage in Ray's shape: use summary_by=func_name."}
_SUMMARIES: Final = {"tasks": summarize_tasks, "actors": summarize_actors}
_SUMMARY_BY: Final = {"tasks": ("func_name", "task_name"), "actors": ("class",), "objects": ("callsite",)}
_LISTED: Final = {**LISTINGS, "objects": None}


class Version(Struct, frozen=True, kw_only=True):
    """Ray's VersionResponse."""

    version: str
    ray_version: str
    ray_commit: str
    session_name: str


class Envelope(Struct, frozen=True, kw_only=True):
    """Ray's `rest_response`: ``result`` is whether it went well, ``data`` holds the answer under the same name."""

    result: bool
    msg: str
    data: dict[str, Any]


def ray_router(queries: Queries) -> Router:
    """The routes over one store."""

    @get("/api/v0/logs", sync_to_thread=True)
    def get_log_files(request: Request[Any, Any, Any], session: FromPath[str], state: State) -> Envelope:
        """The log files of a node, by group."""
        asked = request.query_params
        name = resolve(queries, session)
        return _good(list_files(state.services.logs, name, asked.get("node_id"), asked.get("node_ip"), asked.get("glob", "*")))

    @get("/api/v0/logs/{media_type:str}", opt={PLAIN: True})
    async def get_log(request: Request[Any, Any, Any], session: FromPath[str], media_type: FromPath[str], state: State) -> Stream | Response[str]:
        """The bytes of a log file, or of what one task printed; with ``stream`` also what comes."""
        services: Services = state.services
        try:
            wish = read_wish(media_type, request.query_params)
            name = await to_thread(resolve, queries, session)
            stretch = await to_thread(find_stretch, services.logs, name, wish)
        except (Refused, RayscopeError) as error:  # as Ray: a text, and 500
            return Response(str(error), status_code=500, media_type=MediaType.TEXT)
        shown = request.query_params.get("download_filename", "file.txt").replace('"', "")
        headers = {"Content-Disposition": f'attachment; filename="{shown}"'}

        def is_over() -> bool:
            return services.ending.is_set() or queries.session(name).state == "ENDED"

        return Stream(stream(services.logs, stretch, wish, is_over), media_type=MediaType.TEXT, headers=headers)

    @get("/api/version", sync_to_thread=True)
    def get_version(session: FromPath[str]) -> Version:
        """Which Ray this was."""
        found = queries.session(resolve(queries, session))
        return Version(version=_API_VERSION, ray_version=found.ray_version or NEWEST_TESTED, ray_commit="", session_name=found.session)

    @get("/api/v0/{resource:str}", sync_to_thread=True)
    def get_states(request: Request[Any, Any, Any], session: FromPath[str], resource: FromPath[str]) -> Envelope:
        """A listing of Ray's state API; `ray get` asks for one with an id as its filter."""
        _known(resource, _LISTED)
        options = read_options(request.query_params)
        if resource == "objects":
            return _good(list_objects(queries.objects, resolve(queries, session), options))
        return _good(list_states(queries, resolve(queries, session), resource, options))

    @get("/api/v0/{resource:str}/summarize", sync_to_thread=True)
    def get_summary(request: Request[Any, Any, Any], session: FromPath[str], resource: FromPath[str]) -> Envelope:
        """A summary of Ray's state API."""
        _known(resource, _SUMMARY_BY)
        check_summary_by(request.query_params, _SUMMARY_BY[resource], _NO_LINEAGE)
        if resource == "objects":
            return _good(summarize_objects(queries.objects, resolve(queries, session), read_filters(request.query_params)))
        summarize: Callable[..., SummaryAnswer] = _SUMMARIES[resource]
        return _good(summarize(queries, resolve(queries, session), read_filters(request.query_params)))

    return Router(
        path="/ray/{session:str}",
        route_handlers=[get_version, get_log_files, get_log, get_states, get_summary],
        exception_handlers={Refused: _refused, RayscopeError: _failed, HTTPException: _not_routed},
    )


def _known(resource: str, served: Mapping[str, Any]) -> None:
    if resource not in served:
        raise NotFound(f"Rayscope does not serve Ray's {resource!r} here", hint=f"there are {', '.join(served)}")


def _good(answer: Struct | dict[str, list[str]]) -> Envelope:
    return Envelope(result=True, msg="", data={"result": answer})


def _refused(_: Request[Any, Any, Any], error: Refused) -> Response[Envelope]:
    return _bad(str(error), 400)


def _failed(_: Request[Any, Any, Any], error: RayscopeError) -> Response[Envelope]:
    return _bad(f"{error.message} ({error.hint})" if error.hint else error.message, error.http_status)


def _not_routed(_: Request[Any, Any, Any], error: HTTPException) -> Response[Envelope]:
    return _bad(error.detail, error.status_code)


def _bad(message: str, status: int) -> Response[Envelope]:
    """The stock client shows ``msg`` only if the answer has Ray's shape."""
    return Response(Envelope(result=False, msg=message, data={"result": None}), status_code=status)
