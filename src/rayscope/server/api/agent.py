"""/ingest/<token>/agent/…: what node agents say and ship. The wire: docs/formats/agent.md."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any, Final

from litestar import Request, Response, Router, get, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery

from rayscope.errors import PayloadError, Unavailable
from rayscope.ingest.logs import decode_chunks
from rayscope.ingest.metrics import decode_metrics
from rayscope.model.agent import AgentHealth, Hello, KnownFile, KnownFiles, Offsets, Terms
from rayscope.model.page import Problem
from rayscope.server.api.ingest import body_of, decode_body
from rayscope.server.auth import OPEN
from rayscope.server.services import Services
from rayscope.store.limits import LOG_BODY_BYTES, LOG_CHUNK_BYTES, LOG_INTERVAL_S, MAX_BODY_BYTES
from rayscope.store.logs.store import check_session_name

_TERMS: Final = Terms(interval_s=LOG_INTERVAL_S, max_chunk_bytes=LOG_CHUNK_BYTES, max_body_bytes=LOG_BODY_BYTES)
_RETRY_AFTER_S: Final = "1"


@post("/hello", status_code=200)
async def post_hello(request: Request[Any, Any, State], token: FromPath[str], state: State) -> Terms:
    """An agent begins. 409 where another one of its node was heard a moment ago."""
    services = _services(state, token)
    hello = decode_body(await body_of(request), Hello)
    check_session_name(hello.session)
    await asyncio.to_thread(services.agents.hello, hello)
    return _TERMS


@get("/files")
async def get_files(token: FromPath[str], state: State, session: FromQuery[str], node_id: FromQuery[str]) -> KnownFiles:
    """How far each file of a node has come."""
    services = _services(state, token)
    known = services.log_ingest.store.offsets(services.committer.number(session), node_id)
    return KnownFiles({file: KnownFile(path, offset) for file, (path, offset) in known.items()})


@post("/chunks", status_code=200)
async def post_chunks(request: Request[Any, Any, State], token: FromPath[str], state: State) -> Offsets | Response[Problem]:
    """Take stretches of log files. Answers when they are durable."""
    services = _services(state, token)
    body = await _content_of(request)
    chunks = decode_chunks(body)
    try:
        await _note_session(services, chunks.session)
        return Offsets(await asyncio.wrap_future(services.log_ingest.submit(body, chunks)))
    except Unavailable as error:
        return _wait(error)


@post("/metrics", status_code=200)
async def post_metrics(request: Request[Any, Any, State], token: FromPath[str], state: State) -> dict[str, Any] | Response[Problem]:
    """Take samples of a node's targets. Answers when they are durable; 409 where the agent has to tell all definitions anew."""
    services = _services(state, token)
    content = await _content_of(request)
    body = decode_metrics(content)
    try:
        await _note_session(services, body.session)
        await asyncio.wrap_future(services.metric_ingest.submit(content, body))
    except Unavailable as error:
        return _wait(error)
    return {}


@post("/health", status_code=200)
async def post_health(request: Request[Any, Any, State], token: FromPath[str], state: State) -> dict[str, Any]:
    """How an agent is."""
    services = _services(state, token)
    health = decode_body(await body_of(request), AgentHealth)
    check_session_name(health.session)
    await asyncio.to_thread(services.agents.health, health)
    return {}


def _services(state: State, token: str) -> Services:
    services: Services = state.services
    services.guard.check_ingest(token)
    return services


async def _content_of(request: Request[Any, Any, State]) -> bytes:
    """The body, unpacked where it is packed."""
    body = await body_of(request)
    if request.headers.get("content-encoding", "") in {"gzip", "x-gzip"}:
        body = await asyncio.to_thread(_unpacked, body)
    return body


async def _note_session(services: Services, session: str) -> None:
    if not services.log_ingest.knows(session):
        await asyncio.to_thread(services.agents.note_session, session)


def _wait(error: Unavailable) -> Response[Problem]:
    """The server cannot take it now: the agent is to send again."""
    problem = Problem(error=type(error).__name__, message=error.message, hint=error.hint)
    return Response(problem, status_code=error.http_status, headers={"Retry-After": _RETRY_AFTER_S})


def _unpacked(body: bytes) -> bytes:
    """The body without its gzip. Raises PayloadError for one that is none, or too large."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(body, MAX_BODY_BYTES)
    except zlib.error as error:
        raise PayloadError(f"the body is no gzip: {error}") from error
    if not unpacker.eof:
        raise PayloadError(f"the body is cut short, or over {MAX_BODY_BYTES:,} bytes when unpacked")
    return content


agent_router = Router(
    path="/ingest/{token:str}/agent",
    route_handlers=[post_hello, get_files, post_chunks, post_metrics, post_health],
    request_max_body_size=None,
    opt={OPEN: True},
)
