"""The dashboards of live clusters: how each is reached, and passing a request on to it. Directly where it answers, else through its head node's agent."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import time
from collections.abc import Mapping
from typing import IO, Any, Final
from urllib.parse import quote

from msgspec import Struct

from rayscope.errors import RayscopeError, Unavailable
from rayscope.query.queries import Queries
from rayscope.server.channels import Channels

_PROBE_S: Final = 3.0
_ANSWER_S: Final = 120.0
_KEEP_S: Final = 10.0
"""How long a way that was found is taken without another look."""

_BRIDGE_BYTES: Final = 8 * 1024 * 1024
"""What an agent takes over its channel."""

_UNAUTHORIZED: Final = (http.client.UNAUTHORIZED, http.client.FORBIDDEN)


class Answer(Struct, frozen=True):
    """What a dashboard said."""

    status: int
    content_type: str
    body: bytes


class Road(Struct, frozen=True):
    """One way to a cluster's dashboard: its host and port, or the node whose agent reaches it."""

    session: str
    address: str | None = None
    node_id: str | None = None


class Dashboards:
    """Finds ways, and sends requests over them."""

    def __init__(self, queries: Queries, channels: Channels) -> None:
        self._queries = queries
        self._channels = channels
        self._known: dict[str, tuple[float, Road]] = {}

    async def find(self, session: str, headers: Mapping[str, str]) -> Road | None:
        """A way to the dashboard of a session that lives; None where there is none, and of one that has ended."""
        until, road = self._known.get(session, (0.0, None))
        is_live = (await asyncio.to_thread(self._queries.session, session)).state == "LIVE"
        if is_live and road is not None and time.monotonic() < until:
            return road
        self._known.pop(session, None)
        if not is_live:
            return None
        road = await self._look(session, headers)
        if road is not None:
            self._known[session] = (time.monotonic() + _KEEP_S, road)
        return road

    async def ask(self, road: Road, method: str, path: str, headers: Mapping[str, str], body: IO[bytes] | None = None, size: int = 0) -> Answer:
        """Pass one request on. Raises Unavailable where nothing answers."""
        try:
            if road.address is not None:
                return await asyncio.to_thread(_exchange, road.address, method, path, headers, body, size, _ANSWER_S)
            return await self._bridge(road, method, path, headers, body, size)
        except (OSError, http.client.HTTPException, RayscopeError) as error:
            self._known.pop(road.session, None)
            raise Unavailable(f"the cluster of {road.session} does not answer: {error}", hint="is it gone? `rayscope get sessions` tells") from error

    async def _look(self, session: str, headers: Mapping[str, str]) -> Road | None:
        for at, address in enumerate(await asyncio.to_thread(self._queries.roads, session)):
            if await asyncio.to_thread(_is_of, address, session, headers, sure=at == 0):
                return Road(session, address=address)
        node_id = self._channels.head(session)
        return Road(session, node_id=node_id) if node_id is not None else None

    async def _bridge(self, road: Road, method: str, path: str, headers: Mapping[str, str], body: IO[bytes] | None, size: int) -> Answer:
        if size > _BRIDGE_BYTES:
            raise Unavailable(
                f"{size} bytes do not go through an agent, {_BRIDGE_BYTES} do", hint="let the server reach the dashboard itself, or use a remote URI"
            )
        content = body.read() if body is not None else b""
        given = {"authorization": "", **headers}  # without one of the caller's the agent would take its own
        args = {"method": method, "path": path, "headers": given, "body_b64": base64.b64encode(content).decode(), "timeout_s": _ANSWER_S}
        found: dict[str, Any] = await self._channels.ask(road.session, road.node_id, "http", args, _ANSWER_S + 5)
        kind = {name.lower(): value for name, value in found["headers"].items()}.get("content-type", "text/plain")
        return Answer(int(found["status"]), kind, base64.b64decode(found["body_b64"]))


def _is_of(address: str, session: str, headers: Mapping[str, str], *, sure: bool) -> bool:
    """Whether the dashboard there is that session's. One that wants a token first is believed where the cluster's own driver named it."""
    try:
        answer = _exchange(address, "GET", "/api/version", headers, None, 0, _PROBE_S)
    except (OSError, http.client.HTTPException):
        return False
    if answer.status in _UNAUTHORIZED:
        return sure
    try:
        return bool(json.loads(answer.body).get("session_name") == session)
    except (ValueError, AttributeError):
        return False


def _exchange(address: str, method: str, path: str, headers: Mapping[str, str], body: IO[bytes] | None, size: int, timeout_s: float) -> Answer:
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=timeout_s)
    length = {"Content-Length": str(size)} if body is not None else {}
    try:
        connection.request(method, quote(path, safe="/?&=%:+,~@!$'()*;"), body, {**headers, **length})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers.get("Content-Type", "text/plain"), answer.read())
    finally:
        connection.close()
