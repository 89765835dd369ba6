"""The command channel: a WebSocket that the agent opens to the server, over which the server asks and the agent answers.

{"id": 7, "do": "ping", "args": {}}  →  {"id": 7, "ok": true, "result": {…}}   or   {"id": 7, "ok": false, "error": "…"}
"""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any, Dict
from urllib.parse import urlencode

from rayscope.agent.errors import ServerAway
from rayscope.agent.verbs import VERBS, Verb
from rayscope.agent.web import Web
from rayscope.agent.websocket import Closed, WebSocket

if TYPE_CHECKING:
    from rayscope.agent.node import NodeAgent

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
PING_S = 20.0
"""So often the channel is tried, so that a dead connection is noticed and a proxy keeps it."""

MOST_AT_ONCE = 8


async def keep_channel(agent: NodeAgent) -> None:
    """Hold a channel as long as the agent runs. A server that has none is asked again, rarely."""
    wait_s = FIRST_WAIT_S
    while True:
        try:
            socket = await WebSocket.connect(
                Web(agent.uplink.ingest_url), f"/agent/channel?{urlencode({**agent.uplink.who, 'is_head': str(agent.place.is_head).lower()})}"
            )
        except ServerAway:
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
        else:
            wait_s = FIRST_WAIT_S
            await _serve(agent, socket)
        await asyncio.sleep(wait_s * random.uniform(0.7, 1.3))  # noqa: S311 jitter


async def _serve(agent: NodeAgent, socket: WebSocket) -> None:
    pinging = asyncio.ensure_future(_keep_pinging(socket))
    answering: set[asyncio.Task[None]] = set()
    limit = asyncio.Semaphore(MOST_AT_ONCE)
    try:
        while True:
            task = asyncio.ensure_future(_answer(agent, socket, await socket.receive(3 * PING_S), limit))
            answering.add(task)
            task.add_done_callback(answering.discard)
    except Closed:
        return
    finally:
        for task in [pinging, *answering]:
            task.cancel()
        socket.close()


async def _keep_pinging(socket: WebSocket) -> None:
    try:
        while True:
            await asyncio.sleep(PING_S)
            await socket.ping()
    except Closed:
        return


async def _answer(agent: NodeAgent, socket: WebSocket, text: str, limit: asyncio.Semaphore) -> None:
    async with limit:
        answer = await _carry_out(agent, text)
    try:
        await socket.send(json.dumps(answer))
    except Closed:
        return


def _verb(name: Any) -> Verb:
    if name not in VERBS:
        raise ValueError(f"no such command: {name!r}; there are {', '.join(VERBS)}")
    return VERBS[name]


async def _carry_out(agent: NodeAgent, text: str) -> Dict[str, Any]:
    """The answer to one request. Whatever goes wrong is an answer, too."""
    number: Any = None
    try:
        request = json.loads(text)
        number = request.get("id")
        return {"id": number, "ok": True, "result": await _verb(request.get("do"))(agent, dict(request.get("args") or {}))}
    except Exception as error:  # noqa: BLE001 it is told to whoever asked
        return {"id": number, "ok": False, "error": f"{type(error).__name__}: {error}"}
