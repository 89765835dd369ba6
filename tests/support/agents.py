"""A node agent in this process: over a node that lives as long as a file is there, with a server that keeps what it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from rayscope.agent.discovery import Place
from rayscope.agent.node import NodeAgent
from support.fake_server import FakeServer

NODE = "ab" * 28


class Node(Place):
    """A node that lives as long as a file is there."""

    def is_alive(self) -> bool:
        return Path(self.session_dir, "alive").exists()


async def until(is_so: Callable[[], bool], what: str, wait_s: float = 30.0) -> None:
    """Wait for something."""
    deadline = asyncio.get_running_loop().time() + wait_s
    while not is_so():
        assert asyncio.get_running_loop().time() < deadline, f"not within {wait_s:.0f} s: {what}"
        await asyncio.sleep(0.01)


def watch(place: Place, server: FakeServer, meanwhile: Callable[[NodeAgent], Awaitable[None]], *, every_s: float = 0.0, leave: bool = True) -> NodeAgent:
    """Run an agent that scrapes so often, do something, let it take its leave."""

    async def work() -> NodeAgent:
        agent = NodeAgent(place, server.ingest, "0", lambda: [place], every_s)
        running = asyncio.ensure_future(agent.run())
        doing = asyncio.ensure_future(meanwhile(agent))
        await asyncio.wait({running, doing}, return_when=asyncio.FIRST_COMPLETED)
        await doing
        if leave:
            agent.leave(30.0)
        await asyncio.wait_for(running, 40.0)
        return agent

    return asyncio.run(work())
