"""GET /api/v1/logs…: search, live tail, files and their bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, Router, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.params import Dependency, FromPath, FromQuery
from litestar.response import ServerSentEvent, ServerSentEventMessage
from msgspec import structs

from rayscope.errors import FilterError
from rayscope.model.log import LogFiles, LogPage
from rayscope.query.logs.follow import Follower
from rayscope.query.logs.request import DEFAULT_LINES, NEWEST, LogQuery
from rayscope.query.logs.service import Logs, state_of
from rayscope.query.sessions import LATEST
from rayscope.server.api.views import services_of
from rayscope.server.compression import PLAIN
from rayscope.server.services import Services
from rayscope.store.limits import LOG_READ_BYTES

Wanted = Annotated[LogQuery, Dependency()]

_PING_S: Final = 5.0
_GATHER_S: Final = 0.03
"""What arrives within it is delivered together."""


def lines_wanted(  # noqa: PLR0913, PLR0917 one parameter an option of the query string
    session: FromQuery[str] = LATEST,
    q: FromQuery[str] = "",
    job: FromQuery[str | None] = None,
    task: FromQuery[str | None] = None,
    attempt: FromQuery[int | None] = None,
    actor: FromQuery[str | None] = None,
    worker: FromQuery[str | None] = None,
    node: FromQuery[str | None] = None,
    source: FromQuery[str | None] = None,
    stream: FromQuery[str | None] = None,
    level: FromQuery[str | None] = None,
    file: FromQuery[str | None] = None,
    pid: FromQuery[int | None] = None,
) -> LogQuery:
    """Which lines a search and a live tail are about, as the query string words it."""
    return LogQuery(
        session=session,
        q=q,
        job=job,
        task=task,
        attempt=attempt,
        actor=actor,
        worker=worker,
        node=node,
        source=source,
        stream=stream,
        level=level,
        file=file,
        pid=pid,
    )


_WANTED: Final = {"wanted": Provide(lines_wanted, sync_to_thread=False)}


@get("/logs", sync_to_thread=True, dependencies=_WANTED)
def search_logs(
    state: State,
    wanted: Wanted,
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
    order: FromQuery[str] = NEWEST,
    limit: FromQuery[int] = DEFAULT_LINES,
    cursor: FromQuery[str | None] = None,
    context: FromQuery[int] = 0,
) -> LogPage:
    """A page of log lines: those that fit the query and the filters."""
    query = structs.replace(wanted, since=since, until=until, order=order, limit=limit, cursor=cursor, context=context)
    return _logs(state).search(query)


@get("/logs/follow", opt={PLAIN: True}, dependencies=_WANTED)
async def follow_logs(request: Request[Any, Any, State], state: State, wanted: Wanted, cursor: FromQuery[str | None] = None) -> ServerSentEvent:
    """A live tail, as server-sent events: lines as they arrive, each event's id a cursor to resume from."""
    services = services_of(state)
    start = request.headers.get("last-event-id") or cursor
    follower = await asyncio.to_thread(services.logs.follow, wanted, start)
    return ServerSentEvent(_events(services, follower))


async def _events(services: Services, follower: Follower) -> AsyncIterator[ServerSentEventMessage]:
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()
    stop = services.logs.store.listen(partial(_wake, loop, arrived))
    try:
        yield ServerSentEventMessage(event="ping", data="{}", id=follower.place.text())
        while not services.ending.is_set():
            arrived.clear()
            before = follower.place
            batch = await asyncio.to_thread(follower.take)
            if batch.lines:
                yield ServerSentEventMessage(event="lines", id=follower.place.text(), data=msgspec.json.encode(batch).decode())
                continue
            if follower.place != before or not await _wait(arrived):
                yield ServerSentEventMessage(event="ping", id=follower.place.text(), data="{}")  # nothing of what had arrived fits, and nothing is behind
            await asyncio.sleep(_GATHER_S)
    finally:
        stop()


def _wake(loop: asyncio.AbstractEventLoop, arrived: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody listens any more
        loop.call_soon_threadsafe(arrived.set)


async def _wait(arrived: asyncio.Event) -> bool:
    """Whether something arrived before it was time to say that nothing did."""
    with suppress(TimeoutError):
        await asyncio.wait_for(arrived.wait(), _PING_S)
        return True
    return False


@get("/logs/files", sync_to_thread=True)
def list_log_files(  # noqa: PLR0913, PLR0917 one parameter an option of the query string
    state: State,
    session: FromQuery[str] = LATEST,
    job: FromQuery[str | None] = None,
    actor: FromQuery[str | None] = None,
    worker: FromQuery[str | None] = None,
    node: FromQuery[str | None] = None,
    source: FromQuery[str | None] = None,
    stream: FromQuery[str | None] = None,
    file: FromQuery[str | None] = None,
) -> LogFiles:
    """The files that were shipped, and how far each has come."""
    return _logs(state).files(LogQuery(session=session, job=job, actor=actor, worker=worker, node=node, source=source, stream=stream, file=file))


@get("/logs/file/{file_no:int}", sync_to_thread=True, opt={PLAIN: True})
def read_log_file(state: State, file_no: FromPath[int], offset: FromQuery[int] = 0, length: FromQuery[int] = LOG_READ_BYTES) -> Response[bytes]:
    """Bytes of a file as they were, secrets masked."""
    if offset < 0 or not 1 <= length <= LOG_READ_BYTES:
        raise FilterError(f"cannot read {length} bytes at {offset}", hint=f"offset is 0 or more, length at most {LOG_READ_BYTES:,}")
    logs = _logs(state)
    found = logs.file(file_no)
    begin, data = logs.read_at(file_no, offset, length)
    headers = {
        "X-Rayscope-Offset": str(begin),
        "X-Rayscope-Next-Offset": str(begin + len(data)),
        "X-Rayscope-File-State": state_of(found),
        "X-Rayscope-File-Size": str(found.next_offset),
        "X-Content-Type-Options": "nosniff",
    }
    return Response(data, media_type="application/octet-stream", headers=headers)


@get("/logs/line/{file_no:int}/{offset:int}", sync_to_thread=True)
def read_log_line(state: State, file_no: FromPath[int], offset: FromPath[int], context: FromQuery[int] = 0) -> LogPage:
    """The line at a place, between the lines around it."""
    return _logs(state).line(file_no, offset, context)


def _logs(state: State) -> Logs:
    return services_of(state).logs


logs_router = Router(path="/api/v1", route_handlers=[search_logs, follow_logs, list_log_files, read_log_file, read_log_line])
