"""GET /ingest/<token>/agent/channel: the WebSocket that an agent opens, over which the server asks it."""

from __future__ import annotations

from typing import Any

from litestar import WebSocket, websocket
from litestar.datastructures import State
from litestar.exceptions import WebSocketDisconnect
from litestar.params import FromPath, FromQuery

from rayscope.server.auth import OPEN
from rayscope.server.channels import Channel
from rayscope.server.services import Services


@websocket("/ingest/{token:str}/agent/channel", opt={OPEN: True})
async def agent_channel(
    socket: WebSocket[Any, Any, State],
    token: FromPath[str],
    state: State,
    session: FromQuery[str],
    node_id: FromQuery[str],
    agent_id: FromQuery[str],
    is_head: FromQuery[bool] = False,  # noqa: FBT002 a parameter in the address
) -> None:
    """Hold an agent's command channel."""
    services: Services = state.services
    services.guard.check_ingest(token)
    await socket.accept()
    channel = Channel(agent_id=agent_id, is_head=is_head, send=socket.send_text)
    services.channels.join(session, node_id, channel)
    try:
        while True:
            channel.hear(await socket.receive_text())
    except WebSocketDisconnect:
        return
    finally:
        services.channels.leave(session, node_id, channel)
