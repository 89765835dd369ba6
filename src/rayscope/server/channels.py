"""The command channels that agents hold open, and asking over them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from rayscope.errors import NotFound, RayscopeError, Unavailable

ASK_S: Final = 30.0
"""How long an answer is waited for unless the asker says otherwise."""

Send = Callable[[str], Awaitable[None]]


class AgentRefused(RayscopeError):
    """The agent could not do what it was asked."""

    http_status = 502


class Answer(Struct, frozen=True):
    """What an agent says to a request."""

    id: int
    ok: bool
    result: Any = None
    error: str = ""


class Channel:
    """One agent's open channel. Belongs to the event loop that serves it."""

    def __init__(self, *, agent_id: str, is_head: bool, send: Send) -> None:
        self.agent_id = agent_id
        self.is_head = is_head
        self.loop = asyncio.get_running_loop()
        self._send = send
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}

    async def ask(self, verb: str, args: dict[str, Any], timeout_s: float) -> Any:
        """Ask, and wait for the answer. Raises AgentRefused, Unavailable."""
        number = next(self._numbers)
        waiting = self._waiting[number] = self.loop.create_future()
        try:
            await self._send(msgspec.json.encode({"id": number, "do": verb, "args": args}).decode())
            answer = await asyncio.wait_for(waiting, timeout_s)
        except TimeoutError as error:
            raise Unavailable(f"the agent did not answer {verb!r} within {timeout_s:g} s") from error
        finally:
            self._waiting.pop(number, None)
        if not answer.ok:
            raise AgentRefused(f"the agent could not {verb}: {answer.error}")
        return answer.result

    def hear(self, text: str) -> None:
        """Take an answer. One that nobody waits for any more, or that makes no sense, is let go."""
        try:
            answer = msgspec.json.decode(text, type=Answer)
        except msgspec.DecodeError:
            return
        waiting = self._waiting.get(answer.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def close(self) -> None:
        """Nothing more is answered."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Unavailable("the agent went before it had answered", hint="it comes back by itself; ask again"))


class Channels:
    """Every open channel, by session and node. A node's newest replaces an older one, whose connection may be dead without anybody's knowing."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], Channel] = {}

    def join(self, session: str, node_id: str, channel: Channel) -> None:
        """A node's agent is here."""
        old = self._open.get((session, node_id))
        self._open[session, node_id] = channel
        if old is not None:
            old.close()

    def leave(self, session: str, node_id: str, channel: Channel) -> None:
        """It is gone."""
        if self._open.get((session, node_id)) is channel:
            del self._open[session, node_id]
        channel.close()

    @property
    def count(self) -> int:
        """How many agents can be asked."""
        return len(self._open)

    def connected(self, session: str) -> list[str]:
        """The nodes of a session whose agents can be asked, its head first."""
        nodes = [(not channel.is_head, node_id) for (name, node_id), channel in list(self._open.items()) if name == session]
        return [node_id for _, node_id in sorted(nodes)]

    def head(self, session: str) -> str | None:
        """The head node, if its agent can be asked."""
        return next((node_id for (name, node_id), channel in list(self._open.items()) if name == session and channel.is_head), None)

    async def ask(self, session: str, node_id: str | None, verb: str, args: dict[str, Any] | None = None, timeout_s: float = ASK_S) -> Any:
        """Ask a node's agent (None: the head's), from any event loop. Raises NotFound where none is connected, AgentRefused, Unavailable."""
        channel = self._open.get((session, node_id or self.head(session) or ""))
        if channel is None:
            whose = f"node {node_id}" if node_id else "the head node"
            raise NotFound(f"no agent of {whose} of {session} is connected", hint="`rayscope agent` on that node connects one")
        asked = channel.ask(verb, args or {}, timeout_s)
        if channel.loop is asyncio.get_running_loop():
            return await asked
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asked, channel.loop))
