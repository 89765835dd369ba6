"""Ray's Jobs REST under /ray/<session>/: passed on to a cluster that lives, answered from the store of one that is gone.

Whoever may post here runs code on the cluster, as whoever reaches its dashboard does. Off loopback the guard asks for the token; and a page in a
browser cannot be made to do it, as requests that a browser makes are refused, as Ray itself does.
"""

from __future__ import annotations

import tempfile
from typing import Any, Final

import msgspec
from litestar import Request, Response, Router, delete, get, post, put
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from rayscope.errors import PayloadTooLarge, RayscopeError, Unauthorized, Unavailable
from rayscope.query.job_logs import find_job
from rayscope.query.queries import Queries
from rayscope.query.request import ListRequest
from rayscope.server.dashboards import Answer
from rayscope.server.ray_api.resolve import resolve
from rayscope.server.ray_api.rows_job import job_row
from rayscope.server.services import Services
from rayscope.store.entity import Row
from rayscope.store.limits import MAX_PAGE, MIB

PACKAGE_BYTES: Final = 1024 * MIB
"""One package of a working directory: Ray itself takes 500 MiB."""

LOGS_BYTES: Final = 64 * MIB
"""What an answer with a whole log holds at most, the end of it: Ray's own client reads it in one piece."""

_IN_MEMORY: Final = 16 * MIB
_PASSED_ON: Final = ("content-type", "accept", "x-ray-authorization")
_BROWSERS: Final = ("origin", "referer", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-dest", "access-control-request-method")
_GONE: Final = 410
_NO_ANSWER: Final = (401, 403)
"""A cluster that wants a token which the caller has not: what the store knows may be seen here all the same."""

Asked = Request[Any, Any, State]


@post("/api/jobs", status_code=200)
async def submit_job(request: Asked, session: FromPath[str], state: State) -> Response[bytes]:
    """Submit a job to a cluster that lives."""
    return await _passed_on(request, session, state)


@get("/api/jobs")
async def list_jobs(request: Asked, session: FromPath[str], state: State) -> Response[bytes]:
    """Every job, as JobDetails."""
    if (answer := await _asked(request, session, state)) is not None:
        return answer
    services: Services = state.services
    return _json([job_row(row) for row in _rows(services.queries, session)])


@get("/api/jobs/{wanted:str}")
async def get_job(request: Asked, session: FromPath[str], wanted: FromPath[str], state: State) -> Response[bytes]:
    """One job, as JobDetails."""
    if (answer := await _asked(request, session, state)) is not None:
        return answer
    services: Services = state.services
    return _json(job_row(find_job(services.queries, resolve(services.queries, session), wanted)))


@delete("/api/jobs/{wanted:str}", status_code=200)
async def delete_job(request: Asked, session: FromPath[str], wanted: FromPath[str], state: State) -> Response[bytes]:
    """Let a cluster that lives forget a job. The store keeps it."""
    return await _passed_on(request, session, state)


@post("/api/jobs/{wanted:str}/stop", status_code=200)
async def stop_job(request: Asked, session: FromPath[str], wanted: FromPath[str], state: State) -> Response[bytes]:
    """Stop a job of a cluster that lives."""
    return await _passed_on(request, session, state)


@get("/api/jobs/{wanted:str}/logs")
async def get_job_logs(request: Asked, session: FromPath[str], wanted: FromPath[str], state: State) -> Response[bytes]:
    """What its driver printed."""
    if (answer := await _asked(request, session, state)) is not None:
        return answer
    services: Services = state.services
    return _json({"logs": services.job_logs.text(resolve(services.queries, session), wanted, LOGS_BYTES)})


@get("/api/packages/{protocol:str}/{package:str}")
async def find_package(request: Asked, session: FromPath[str], protocol: FromPath[str], package: FromPath[str], state: State) -> Response[bytes]:
    """Whether a cluster that lives has a package."""
    return await _passed_on(request, session, state)


@put("/api/packages/{protocol:str}/{package:str}", status_code=200)
async def put_package(request: Asked, session: FromPath[str], protocol: FromPath[str], package: FromPath[str], state: State) -> Response[bytes]:
    """Give it one."""
    return await _passed_on(request, session, state)


async def _asked(request: Asked, session: str, state: State) -> Response[bytes] | None:
    """The living cluster's own answer; None where the store is to answer."""
    services: Services = state.services
    headers = headers_of(request, services)
    road = await services.dashboards.find(resolve(services.queries, session), headers)
    if road is None:
        return None
    try:
        answer = await services.dashboards.ask(road, "GET", _path(request), headers)
    except Unavailable:
        return None
    return None if answer.status in _NO_ANSWER or answer.status >= 500 else _response(answer)  # noqa: PLR2004 a cluster that is just going


async def _passed_on(request: Asked, session: str, state: State) -> Response[bytes]:
    services: Services = state.services
    refuse_browsers(request)
    name, headers = resolve(services.queries, session), headers_of(request, services)
    road = await services.dashboards.find(name, headers)
    if road is None:
        raise _gone(services.queries, name)
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as body:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > PACKAGE_BYTES:
                raise PayloadTooLarge(f"over {PACKAGE_BYTES // MIB} MiB", hint="put the working directory behind a URI")
            body.write(chunk)
        body.seek(0)
        return _response(await services.dashboards.ask(road, request.method, _path(request), headers, body if size else None, size))


def _gone(queries: Queries, name: str) -> RayscopeError:
    found = queries.session(name)
    if found.state != "LIVE":
        error = Unavailable(f"the cluster of {name} is gone ({found.state_reason or 'it ended'}): nothing can be done there any more")
        error.http_status = _GONE  # type: ignore[misc]  # of this one error: trying again is of no use
        return error
    return Unavailable(f"nothing reaches the dashboard of {name}", hint="run `rayscope agent` on its head node, or start the cluster with a dashboard")


def refuse_browsers(connection: ASGIConnection[Any, Any, Any, State]) -> None:
    """A page from anywhere can make a browser send a request to this machine. Raises Unauthorized."""
    if connection.headers.get("user-agent", "").startswith("Mozilla") or any(name in connection.headers for name in _BROWSERS):
        raise Unauthorized("calls that run something on a cluster are not taken from a browser", hint="use `rayscope job`, `ray job` or JobSubmissionClient")


def headers_of(connection: ASGIConnection[Any, Any, Any, State], services: Services) -> dict[str, str]:
    """What is passed on: the caller's own authorization for Ray, never this server's token."""
    headers = {name: connection.headers[name] for name in _PASSED_ON if name in connection.headers}
    given = connection.headers.get("authorization", "")
    if given and not services.guard.is_token(given.removeprefix("Bearer ").strip()):
        headers["authorization"] = given
    elif "x-ray-authorization" in headers:
        headers["authorization"] = headers["x-ray-authorization"]
    return headers


def _path(request: Asked) -> str:
    """Behind /ray/<session>, as Ray knows it, with the slash that it asks for."""
    path = "/" + request.url.path.split("/", 3)[3]
    if path == "/api/jobs":
        path += "/"
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
    return f"{path}?{'&'.join(f'{name}={value}' for name, value in query)}" if query else path


def _rows(queries: Queries, session: str) -> list[Row]:
    return queries.page(ListRequest(resource="jobs", session=resolve(queries, session), sort="-start_ns", detail=True, limit=MAX_PAGE)).rows


def _response(answer: Answer) -> Response[bytes]:
    return Response(answer.body, status_code=answer.status, media_type=answer.content_type)


def _json(value: Any) -> Response[bytes]:
    return Response(msgspec.json.encode(value), media_type="application/json")


def _failed(_: Request[Any, Any, Any], error: RayscopeError) -> Response[str]:
    """Ray's client shows the text of the answer."""
    return Response(f"{error.message} ({error.hint})" if error.hint else error.message, status_code=error.http_status, media_type="text/plain")


def _not_routed(_: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
    return Response(error.detail, status_code=error.status_code, media_type="text/plain")


jobs_router = Router(
    path="/ray/{session:str}",
    route_handlers=[submit_job, list_jobs, get_job, delete_job, stop_job, get_job_logs, find_package, put_package],
    exception_handlers={RayscopeError: _failed, HTTPException: _not_routed},
    request_max_body_size=None,
)
