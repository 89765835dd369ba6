"""Bodies of requests that the metrics world sends: read, checked, unpacked."""

from __future__ import annotations

import zlib
from typing import Any

from litestar import Request
from litestar.datastructures import State

from rayscope.errors import PayloadError, PayloadTooLarge, UsageError
from rayscope.query.sessions import ALL, LATEST
from rayscope.store.limits import MAX_BODY_BYTES


class WrongContentType(PayloadError):
    """The body is said to be what the route does not take."""

    http_status = 415


def content_type(request: Request[Any, Any, State]) -> str:
    """The media type of the body, without parameters; empty where none is said."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def gunzipped(body: bytes) -> bytes:
    """The body without its gzip. Raises PayloadError for one that is none, PayloadTooLarge."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(body, MAX_BODY_BYTES)
    except zlib.error as error:
        raise PayloadError(f"the body is no gzip: {error}") from error
    if unpacker.unconsumed_tail:
        raise PayloadTooLarge(f"the body is over the limit of {MAX_BODY_BYTES:,} bytes when unpacked", hint="send smaller batches")
    if not unpacker.eof:
        raise PayloadError("the body is a gzip that is cut short")
    return content


def written_session(name: str) -> str:
    """The name of a session that samples are to be put into. Raises UsageError for one that stands for others."""
    if name in {ALL, LATEST, ""}:
        raise UsageError(f"samples cannot be put into {name!r}", hint="name one session, as in /prometheus/external/api/v1/write")
    return name
