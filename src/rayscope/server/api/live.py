"""GET /api/v1/live: notices of what changed, as server-sent events. The page then asks for what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Request, Router, get
from litestar.concurrency import sync_to_thread
from litestar.datastructures import State
from litestar.params import FromQuery
from litestar.response import ServerSentEvent, ServerSentEventMessage

from rayscope.ingest.pulse import Beat, Pulse
from rayscope.query.sessions import ALL, LATEST
from rayscope.server.api.views import services_of
from rayscope.server.compression import PLAIN
from rayscope.store.limits import LIVE_INTERVAL_S, LIVE_PING_S


@get("/live", opt={PLAIN: True})
async def get_live(request: Request[Any, Any, State], state: State, session: FromQuery[str] = LATEST) -> ServerSentEvent:
    """Notices of changes to one session or (`all`) to any: which resources, how many rows; at most two a second. Resumes after `Last-Event-ID`."""
    services = services_of(state)
    name = None if session == ALL else (await sync_to_thread(services.queries.session, session)).session
    seq = _resumed(services.pulse, request.headers.get("last-event-id"))
    return ServerSentEvent(_notices(services.pulse, name, seq), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


def _resumed(pulse: Pulse, last: str | None) -> int:
    """The number after which to go on: the last that the page heard; of another server's, one that counts as forgotten."""
    if last is None:
        return pulse.seq
    boot, _, seq = last.partition("-")
    return int(seq) if boot == pulse.boot and seq.isdigit() and len(seq) < 18 else -1  # noqa: PLR2004 what 64 bits hold


async def _notices(pulse: Pulse, session: str | None, seq: int) -> AsyncIterator[ServerSentEventMessage]:
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(changed.set)

    with pulse.listening(wake):
        yield _message(pulse, "hello", max(seq, 0), {"seq": max(seq, 0), "session": session})
        while not pulse.is_over:
            changed.clear()
            if (beat := pulse.since(seq, session)) is not None:
                seq = beat.seq
                yield _message(pulse, "change", seq, _shown(beat, session))
                await asyncio.sleep(LIVE_INTERVAL_S)
                continue
            try:
                await asyncio.wait_for(changed.wait(), LIVE_PING_S)
            except TimeoutError:
                yield _message(pulse, "ping", seq, {"seq": seq})


def _shown(beat: Beat, session: str | None) -> dict[str, Any]:
    sessions = list(beat.sessions) if session is None else [session]
    return {"seq": beat.seq, "now_ns": beat.now_ns, "sessions": sessions, "resources": sorted(beat.rows), "rows": beat.rows}


def _message(pulse: Pulse, event: str, seq: int, data: dict[str, Any]) -> ServerSentEventMessage:
    return ServerSentEventMessage(event=event, id=f"{pulse.boot}-{seq}", data=msgspec.json.encode(data).decode())


live_router = Router(path="/api/v1", route_handlers=[get_live])
