"""POST /ingest/<token>/…: Ray's events, snapshots of states, reports of runs. 204 means durable."""

from __future__ import annotations

import asyncio
import time
from typing import Any, TypeVar

import msgspec
from litestar import Request, Router, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery

from rayscope.errors import PayloadError, PayloadTooLarge
from rayscope.ingest.objects import fold_objects
from rayscope.ingest.reports import fold_run, fold_snapshot
from rayscope.model.report import ObjectReport, RunReport, StateSnapshot
from rayscope.server.auth import OPEN
from rayscope.server.services import Services
from rayscope.store.limits import MAX_BODY_BYTES, MIB

T = TypeVar("T")

_READ_AT_MOST = 16 * MAX_BODY_BYTES


@post("/ray/events", status_code=204)
async def post_events(request: Request[Any, Any, State], token: FromPath[str], state: State, cluster: FromQuery[str | None] = None) -> None:
    """Take a batch of Ray's exported events (a JSON array). Answers when it is durable."""
    services: Services = state.services
    services.guard.check_ingest(token)
    body = await body_of(request)
    await asyncio.wrap_future(services.committer.submit_events(body, cluster))


@post("/ray/states", status_code=204)
async def post_states(request: Request[Any, Any, State], token: FromPath[str], state: State) -> None:
    """Take a snapshot of Ray's state API, for what the event feed lacks."""
    services: Services = state.services
    services.guard.check_ingest(token)
    snapshot = decode_body(await body_of(request), StateSnapshot)
    await asyncio.wrap_future(services.committer.submit_report(lambda changes: fold_snapshot(changes, snapshot)))


@post("/ray/objects", status_code=204)
async def post_objects(request: Request[Any, Any, State], token: FromPath[str], state: State) -> None:
    """Take a snapshot of Ray's object table."""
    services: Services = state.services
    services.guard.check_ingest(token)
    report = decode_body(await body_of(request), ObjectReport)
    await asyncio.wrap_future(services.committer.submit_report(lambda changes: fold_objects(changes, report)))


@post("/run", status_code=204)
async def post_run(request: Request[Any, Any, State], token: FromPath[str], state: State) -> None:
    """Take a report on how a run goes or went."""
    services: Services = state.services
    services.guard.check_ingest(token)
    report = decode_body(await body_of(request), RunReport)
    await asyncio.wrap_future(services.committer.submit_report(lambda changes: fold_run(changes, report)))
    if report.cluster_ended:
        await asyncio.to_thread(services.housekeeper.close_open, time.time_ns())


def decode_body(body: bytes, kind: type[T]) -> T:
    """A JSON body. Raises PayloadError."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PayloadError(f"the body is no {kind.__name__}: {error}") from error


async def body_of(request: Request[Any, Any, State]) -> bytes:
    """The body. One that is too large is read to its end all the same, and not kept: a sender that is cut off sees no answer, only a reset."""
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            body += chunk
        elif size > _READ_AT_MOST:
            break
    if size > MAX_BODY_BYTES:
        raise _too_large(size)
    return bytes(body)


def _too_large(size: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"a body of {size // MIB} MiB is over the limit of {MAX_BODY_BYTES // MIB} MiB",
        hint="lower RAY_DASHBOARD_AGGREGATOR_AGENT_MAX_EVENT_SEND_BATCH_SIZE",
    )


ingest_router = Router(
    path="/ingest/{token:str}", route_handlers=[post_events, post_states, post_objects, post_run], request_max_body_size=None, opt={OPEN: True}
)
