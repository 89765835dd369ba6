"""The command channel, both ends of it: a real server with that one route, and the agent's half over a made-up agent."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from litestar import Litestar
from litestar.datastructures import State

from rayscope.agent.channel import keep_channel
from rayscope.agent.websocket import masked
from rayscope.errors import NotFound, Unavailable
from rayscope.server.api.channel import agent_channel
from rayscope.server.auth import Guard
from rayscope.server.channels import AgentRefused, Channels

HEAD = "aa" * 28


def agent_of(port: int, token: str = "right", dashboard: str = "") -> Any:
    """What a channel needs of an agent."""
    who = {"session": "s", "node_id": HEAD, "agent_id": "one"}
    place = SimpleNamespace(is_head=True, node_id=HEAD, dashboard=dashboard, session="s", log_dir="/logs")
    followed = SimpleNamespace(file="1-1-00000000", path="raylet.out", size=10, read_to=9, sent_to=8)
    uplink = SimpleNamespace(ingest_url=f"http://127.0.0.1:{port}/ingest/{token}", who=who)
    return SimpleNamespace(dashboard=dashboard, place=place, uplink=uplink, tracker=SimpleNamespace(files={1: followed}))


def talk(work: Callable[[Channels, int], Awaitable[None]]) -> None:
    """Run a server for as long as the work takes."""

    async def run() -> None:
        channels = Channels()
        services = SimpleNamespace(guard=Guard(loopback=True, token="t", ingest_token="right"), channels=channels)
        app = Litestar([agent_channel], state=State({"services": services}), openapi_config=None)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", port=0, ws="wsproto", lifespan="off"))
        serving = asyncio.ensure_future(server.serve())
        await until(lambda: server.started)
        try:
            await work(channels, server.servers[0].sockets[0].getsockname()[1])
        finally:
            server.should_exit = True
            await serving

    asyncio.run(run())


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 of what is waited for, nobody sets an event
            await asyncio.sleep(0.01)


async def connected(channels: Channels) -> None:
    await until(lambda: bool(channels.connected("s")))


def test_the_server_asks_and_the_agent_answers() -> None:
    """By node, or the head's; what the agent cannot do is an error of its words; without an agent it says so."""

    async def work(channels: Channels, port: int) -> None:
        with pytest.raises(NotFound, match="no agent of the head node"):
            await channels.ask("s", None, "ping")
        holding = asyncio.ensure_future(keep_channel(agent_of(port)))
        await connected(channels)
        assert (await channels.ask("s", HEAD, "ping"))["node_id"] == HEAD
        assert (await channels.ask("s", None, "list_files"))["files"][0]["sent"] == 8
        with pytest.raises(AgentRefused, match=r"no such command: 'dance'"):
            await channels.ask("s", None, "dance")
        answers = await asyncio.gather(*(channels.ask("s", None, "ping") for _ in range(50)))
        assert len(answers) == 50
        holding.cancel()

    talk(work)


def test_asking_from_another_loop() -> None:
    """Of a thread that works for a request."""

    async def work(channels: Channels, port: int) -> None:
        holding = asyncio.ensure_future(keep_channel(agent_of(port)))
        await connected(channels)
        answer = await asyncio.to_thread(lambda: asyncio.run(channels.ask("s", None, "ping")))
        assert answer["node_id"] == HEAD
        holding.cancel()

    talk(work)


def test_a_wrong_token_gets_no_channel() -> None:
    """And the agent goes on trying, rarely."""

    async def work(channels: Channels, port: int) -> None:
        holding = asyncio.ensure_future(keep_channel(agent_of(port, "wrong")))
        await asyncio.sleep(0.3)
        assert not channels.connected("s")
        assert not holding.done()
        holding.cancel()

    talk(work)


def test_an_agent_that_goes_leaves_nobody_waiting() -> None:
    """And comes back by itself when only the connection broke."""

    async def work(channels: Channels, port: int) -> None:
        holding = asyncio.ensure_future(keep_channel(agent_of(port, dashboard="127.0.0.1:1")))
        await connected(channels)
        channel = channels._open["s", HEAD]
        channels.leave("s", HEAD, channel)
        with pytest.raises(NotFound):
            await channels.ask("s", HEAD, "ping")
        channels.join("s", HEAD, channel)
        asking = asyncio.ensure_future(channel.ask("http", {"path": "/"}, 20))
        await asyncio.sleep(0)
        channel.close()
        with pytest.raises(Unavailable, match="went before"):
            await asking
        holding.cancel()

    talk(work)


def test_a_request_over_the_bridge() -> None:
    """To Ray's dashboard, which the server cannot reach; a large body both ways."""
    seen: list[tuple[str, str, int]] = []

    class Dashboard(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, self.headers["Content-Type"], len(body)))
            self.send_response(201)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    dashboard = ThreadingHTTPServer(("127.0.0.1", 0), Dashboard)
    Thread(target=dashboard.serve_forever, args=(0.02,), daemon=True).start()
    body = bytes(range(256)) * 4000

    async def work(channels: Channels, port: int) -> None:
        holding = asyncio.ensure_future(keep_channel(agent_of(port, dashboard=f"127.0.0.1:{dashboard.server_address[1]}")))
        await connected(channels)
        request = {"method": "POST", "path": "/api/jobs/", "headers": {"Content-Type": "application/json"}, "body_b64": base64.b64encode(body).decode()}
        answer = await channels.ask("s", None, "http", request)
        assert answer["status"] == 201
        assert base64.b64decode(answer["body_b64"]) == body
        with pytest.raises(AgentRefused, match="no path"):
            await channels.ask("s", None, "http", {"path": "http://elsewhere"})
        holding.cancel()

    talk(work)
    dashboard.shutdown()
    dashboard.server_close()
    assert seen == [("/api/jobs/", "application/json", len(body))]


def test_masking() -> None:
    """Byte by byte, the same."""
    data, mask = json.dumps(list(range(100))).encode(), b"\x01\x80\xff\x00"
    assert masked(data, mask) == bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
    assert masked(b"", mask) == b""
