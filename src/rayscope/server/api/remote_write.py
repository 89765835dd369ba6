"""POST /api/v1/write and /prometheus/<session>/api/v1/write: Prometheus's remote write 1.0 in."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Final

from litestar import Request, post
from litestar.datastructures import State
from litestar.params import FromPath

from rayscope.errors import PayloadError
from rayscope.model.metrics import Write
from rayscope.server.api.bodies import WrongContentType, content_type, written_session
from rayscope.server.api.ingest import body_of
from rayscope.server.services import Services
from rayscope.store.limits import MAX_BODY_BYTES
from rayscope.wire.received import Received

EXTERNAL: Final = "external"
"""The session of samples whose sender names none."""

CONTENT_TYPE: Final = "application/x-protobuf"
"""Asked for strictly: a page from elsewhere cannot make a browser send it without asking first, and asking is refused."""

DUPLICATE: Final = "duplicate"
"""A sample that was there already: sent twice, as after a broken connection, and no fault."""


@post("/api/v1/write", status_code=204, request_max_body_size=None)
async def post_write(request: Request[Any, Any, State], state: State) -> None:
    """Take samples of a Prometheus, or of anything that writes as one. 204: durable."""
    await _write(request, state.services, EXTERNAL)


@post("/prometheus/{session:str}/api/v1/write", status_code=204, request_max_body_size=None)
async def post_session_write(request: Request[Any, Any, State], state: State, session: FromPath[str]) -> None:
    """The same, into a session of any name."""
    await _write(request, state.services, written_session(session))


async def _write(request: Request[Any, Any, State], services: Services, session: str) -> None:
    if content_type(request) != CONTENT_TYPE or request.headers.get("content-encoding", "snappy") != "snappy":
        await body_of(request)
        raise WrongContentType(
            f"not {CONTENT_TYPE} in snappy: {request.headers.get('content-type', '')!r}, {request.headers.get('content-encoding', '')!r}",
            hint="the route takes remote write 1.0",
        )
    body = await body_of(request)
    refused, first = await asyncio.to_thread(_take, services, session, body)
    if refused:
        raise PayloadError(refusal_text(refused, first), hint="all others were taken; do not send these again")


def _take(services: Services, session: str, body: bytes) -> tuple[Counter[str], str]:
    """What was refused, by reason, and the first of it in words."""
    from rayscope.wire.remote_write import decode  # protobuf and snappy take a tenth of a server's start: most servers need neither

    received = decode(body, MAX_BODY_BYTES)
    return stored(services, session, received), received.first


def stored(services: Services, session: str, received: Received) -> Counter[str]:
    """Put what was received into a session. How many samples were refused, by reason; those that are there already are not."""
    writes = received.writes
    kept = services.metrics.append(session, [_own(write, session) for write in writes]) if writes else None
    refused = Counter(kept.reasons if kept is not None else {})
    services.meters.written.add(sum(len(write.times) for write in writes) - refused.total(), session)
    refused.pop(DUPLICATE, None)
    services.family_notes.note(session, received.families.values())
    return refused + received.refused


def _own(write: Write, session: str) -> Write:
    """A label that says the session it is put into says nothing new."""
    if write.labels.get("session") != session:
        return write
    return Write({name: value for name, value in write.labels.items() if name != "session"}, write.times, write.values)


def refusal_text(refused: Counter[str], first: str) -> str:
    """How many samples were refused, and why."""
    counts = ", ".join(f"{count:,} for {reason}" for reason, count in refused.most_common())
    return f"{refused.total():,} samples were refused: {counts}{f'; the first: {first}' if first else ''}"
