"""The agent's process: an agent for every Ray node of this host that it is to watch, as nodes come and go."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Callable, Dict, List

from rayscope.agent.daemon import WELL
from rayscope.agent.discovery import Discovery, Place
from rayscope.agent.errors import AgentError, AnotherAgent
from rayscope.agent.node import NodeAgent
from rayscope.agent.options import Options
from rayscope.agent.talk import say

LOOK_S = 1.0
"""How often it is looked for new nodes."""

LATE_S = 30.0
"""How long a session that is named may take to show a node."""


class Supervisor:
    """Finds nodes and runs their agents until there is nothing left to do."""

    def __init__(self, options: Options, version: str, tell: Callable[[str], None]) -> None:
        """``tell`` takes a word on how it went, for whoever started this in the background."""
        self._options = options
        self._version = version
        self._tell = tell
        self._discovery = Discovery(options.ray_temp_dir, options.session_dir, options.node_id, options.dashboard)
        self._places: List[Place] = []
        self._agents: Dict[str, NodeAgent] = {}
        self._running: Dict[str, asyncio.Future[None]] = {}
        self._refused: Dict[str, str] = {}
        self._left_behind = 0
        self._wake = asyncio.Event()
        self._is_leaving = options.once

    async def run(self) -> int:
        """Until the end; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._leave)
        until_s = time.monotonic() + LATE_S
        while True:
            self._look()
            await asyncio.sleep(0)  # new agents take their locks, or learn that they cannot
            self._reap()
            if not self._running and (self._is_leaving or self._is_done(until_s)):
                signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))  # all is done: being told to leave while it leaves is no failure
                return self._code()
            self._tell(WELL)
            await self._pause()

    def neighbours(self) -> List[Place]:
        """The nodes that live here."""
        return self._places

    def _look(self) -> None:
        if self._is_leaving and self._places:
            return
        self._places = self._discovery.places()
        for place in self._places:
            if place.node_id not in self._agents and place.node_id not in self._refused:
                self._start(place)

    def _start(self, place: Place) -> None:
        say(f"watches node {place.node_id[:8]} of {place.session}{' (head)' if place.is_head else ''}{' (dead)' if place.is_dead else ''}")
        agent = self._agents[place.node_id] = NodeAgent(place, self._options.ingest, self._version, self.neighbours, self._options.scrape_s)
        if self._is_leaving:
            agent.leave(self._options.leave_s)
        self._running[place.node_id] = asyncio.ensure_future(agent.run())
        self._running[place.node_id].add_done_callback(lambda _: self._wake.set())

    def _reap(self) -> None:
        for node_id in [node_id for node_id, task in self._running.items() if task.done()]:
            task, agent = self._running.pop(node_id), self._agents[node_id]
            error = task.exception()
            self._left_behind += agent.left_behind
            if isinstance(error, AnotherAgent):
                self._refused[node_id] = str(error)
                say(f"node {node_id[:8]}: {error}")
                if self._is_refused:
                    self._tell(f"node {node_id[:8]}: {error}")
            elif error is not None:
                raise error
            else:
                say(f"done with node {node_id[:8]}: {agent.uplink.shipped} bytes shipped")

    @property
    def _is_refused(self) -> bool:
        """Whether there is nothing here but nodes that others watch."""
        return bool(self._refused) and len(self._refused) == len(self._agents)

    def _is_done(self, until_s: float) -> bool:
        """A session or node that was named is watched to its end; without one, the agent waits for the next."""
        if self._is_refused:
            return True
        if not (self._options.session_dir or self._options.node_id):
            return False
        return bool(self._agents) or time.monotonic() > until_s or (bool(self._options.session_dir) and not os.path.isdir(str(self._options.session_dir)))

    def _code(self) -> int:
        if self._is_refused:
            return AnotherAgent.exit_code
        if not self._agents:
            raise AgentError("no living Ray node was found here; give --session-dir or --ray-temp-dir if Ray keeps its session elsewhere")
        return 1 if self._left_behind else 0

    def _leave(self) -> None:
        self._is_leaving = True
        for agent in self._agents.values():
            agent.leave(self._options.leave_s)
        self._wake.set()

    async def _pause(self) -> None:
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), LOOK_S)
        except asyncio.TimeoutError:
            return
