"""POST /v1/metrics: OpenTelemetry's metrics over HTTP, in protobuf or JSON."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any, Final

from litestar import Request, Response, post
from litestar.datastructures import State

from rayscope.errors import RayscopeError, Unavailable
from rayscope.server.api.bodies import WrongContentType, content_type, gunzipped, written_session
from rayscope.server.api.ingest import body_of
from rayscope.server.api.remote_write import EXTERNAL, refusal_text, stored
from rayscope.server.services import Services
from rayscope.wire.protobuf import bytes_field, text_field, varint_field

SESSION_HEADER: Final = "x-rayscope-session"

_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"
_RETRY_AFTER_S: Final = "5"
_INVALID, _UNAVAILABLE = 3, 14  # google.rpc.Code


@post("/v1/metrics", status_code=200, request_max_body_size=None)
async def post_otlp_metrics(request: Request[Any, Any, State], state: State) -> Response[bytes]:
    """Take the metrics of an OpenTelemetry SDK or collector. 200: what is not refused in the partial success is durable."""
    kind = content_type(request)
    try:
        return await _take(request, state.services, is_json=kind == _JSON, kind=kind)
    except RayscopeError as error:
        return _status(error, is_json=kind == _JSON)


async def _take(request: Request[Any, Any, State], services: Services, *, is_json: bool, kind: str) -> Response[bytes]:
    body = await body_of(request)
    if kind not in {_PROTOBUF, _JSON}:
        raise WrongContentType(f"neither {_PROTOBUF} nor {_JSON}: {kind!r}", hint="set the exporter's protocol to http/protobuf or http/json")
    session = written_session(request.headers.get(SESSION_HEADER, EXTERNAL))
    if request.headers.get("content-encoding", "") in {"gzip", "x-gzip"}:
        body = await asyncio.to_thread(gunzipped, body)
    refused, first = await asyncio.to_thread(_store, services, body, session, is_json=is_json)
    return Response(_answer(refused, first, is_json=is_json), media_type=_JSON if is_json else _PROTOBUF)


def _answer(refused: Counter[str], first: str, *, is_json: bool) -> bytes:
    """An ExportMetricsServiceResponse, with a partial success where something was refused. (A JSON number of 64 bits is text.)"""
    if not refused:
        return b"{}" if is_json else b""
    text = refusal_text(refused, first)
    if is_json:
        return json.dumps({"partialSuccess": {"rejectedDataPoints": str(refused.total()), "errorMessage": text}}).encode()
    return bytes_field(1, varint_field(1, refused.total()) + text_field(2, text))


def _store(services: Services, body: bytes, session: str, *, is_json: bool) -> tuple[Counter[str], str]:
    """One body at a time: a total that a delta adds to counts only if the body is stored."""
    from rayscope.wire.otlp.read import parse, read  # protobuf takes a tenth of a server's start: most servers need none

    message = parse(body, is_json=is_json)
    refused: Counter[str] = Counter()
    first = ""
    with services.delta_lock:
        try:
            for name, received in read(message, session, services.totals).items():
                refused += stored(services, written_session(name), received)
                first = first or received.first
        except BaseException:
            services.totals.forget()
            raise
        services.totals.commit()
    return refused, first


def _status(error: RayscopeError, *, is_json: bool) -> Response[bytes]:
    """An error as OTLP has them: a google.rpc.Status in the encoding of the body."""
    code = _UNAVAILABLE if isinstance(error, Unavailable) else _INVALID
    text = f"{error.message}; {error.hint}" if error.hint else error.message
    content = json.dumps({"code": code, "message": text}).encode() if is_json else varint_field(1, code) + text_field(2, text)
    headers = {"Retry-After": _RETRY_AFTER_S} if isinstance(error, Unavailable) else {}
    return Response(content, status_code=error.http_status, media_type=_JSON if is_json else _PROTOBUF, headers=headers)
