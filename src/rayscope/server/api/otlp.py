"""POST /v1/metrics: OpenTelemetry's metrics over HTTP, in protobuf or JSON."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any, Final

from google.protobuf import json_format
from litestar import Request, Response, post
from litestar.datastructures import State
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from rayscope.errors import RayscopeError, Unavailable
from rayscope.server.api.bodies import WrongContentType, content_type, gunzipped, written_session
from rayscope.server.api.ingest import body_of
from rayscope.server.api.remote_write import EXTERNAL, refusal_text, stored
from rayscope.server.services import Services
from rayscope.wire.otlp.read import Message, parse, read
from rayscope.wire.protobuf import text_field, varint_field

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
    message = await asyncio.to_thread(lambda: parse(body, is_json=is_json))
    refused, first = await asyncio.to_thread(_store, services, message, session)
    answer = ExportMetricsServiceResponse()
    if refused:
        answer.partial_success.rejected_data_points = refused.total()
        answer.partial_success.error_message = refusal_text(refused, first)
    content = json_format.MessageToJson(answer, indent=None).encode() if is_json else answer.SerializeToString()
    return Response(content, media_type=_JSON if is_json else _PROTOBUF)


def _store(services: Services, message: Message, session: str) -> tuple[Counter[str], str]:
    """One body at a time: a total that a delta adds to counts only if the body is stored."""
    refused: Counter[str] = Counter()
    first = ""
    with services.delta_lock:
        try:
            for name, received in read(message, session, services.totals).items():
                refused += received.refused + stored(services, written_session(name), received.writes)
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
