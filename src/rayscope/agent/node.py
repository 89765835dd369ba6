"""One node's agent: it ships what the tracker reads, as long as the node lives, and then to the last byte."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from typing import Awaitable, Callable, Dict, List, Optional, Sequence

from rayscope.agent.channel import keep_channel
from rayscope.agent.discovery import Place
from rayscope.agent.errors import ServerAway
from rayscope.agent.exports import exports_events
from rayscope.agent.health import post_health
from rayscope.agent.jobs import jobs_of, keep_doing
from rayscope.agent.locks import NodeLock
from rayscope.agent.metrics.collector import Collector, collector_of
from rayscope.agent.options import SCRAPE_S
from rayscope.agent.owners import Owners, first_of
from rayscope.agent.processes import born_at
from rayscope.agent.states import POLLED, News
from rayscope.agent.talk import say
from rayscope.agent.tracker import Chunk, Tracker
from rayscope.agent.uplink import Refused, Uplink

SCAN_S = 10.0
"""How often every file is looked at although inotify works: network file systems tell nothing of what others do."""

POLL_S = 0.5
"""How often where it does not."""

ALIVE_S = 0.5
"""How often it is asked whether the node lives."""

LEAVING_S = 0.02
"""How long an agent that takes its leave waits between two looks."""

QUIET_S = 1.5
"""After a raylet's death its workers follow within a second; after so long without a new byte all has been written."""

LAST_METRICS_S = 10.0
"""How long metrics may take to be shipped after the last look."""

GATHER_S = 0.03
"""A burst of changes is read at once."""


class NodeAgent:
    """Watches one node. `run` ends when the node is gone and all is shipped, or, after `leave`, when what is there is shipped."""

    uplink: Uplink = None  # type: ignore[assignment]  # there from the start of `run` on
    tracker: Tracker = None  # type: ignore[assignment]  # likewise, once the server has answered

    def __init__(self, place: Place, ingest_url: str, version: str, neighbours: Callable[[], List[Place]], scrape_s: float = SCRAPE_S) -> None:
        self.place = place
        self.metrics: Optional[Collector] = None
        self._scrape_s = scrape_s
        self.is_leaving = False
        self.left_behind = 0
        self._version = version
        self._neighbours = neighbours
        self._lock = NodeLock(place.session_dir, place.node_id)
        self._ingest_url = ingest_url
        self._wake = asyncio.Event()
        self._leave_by_s = float("inf")
        self._is_dead = False
        self._born = born_at(place.raylet_pid)
        self._polls: Optional[bool] = None
        self.news = {name: News() for name in POLLED}

    def leave(self, within_s: float) -> None:
        """Ship what is there, then end; not later than so many seconds from now."""
        self.is_leaving = True
        self._leave_by_s = min(self._leave_by_s, time.monotonic() + within_s)
        if self.uplink is not None:
            self.uplink.is_leaving = True
        self._wake.set()

    async def run(self) -> None:
        """Until the end. Raises AnotherAgent where another one watches the node."""
        agent_id = self._lock.take()
        self.uplink = Uplink(self._ingest_url, self.place, agent_id)
        self.uplink.is_leaving = self.is_leaving
        try:
            await self._watch()
        finally:
            self.uplink.close()
            self._lock.release()

    async def _watch(self) -> None:
        """Greet, work, say goodbye."""
        try:
            await self.uplink.patiently(lambda: self.uplink.hello(self._version), self._is_over)
            known = await self.uplink.patiently(self.uplink.files, self._is_over)
        except ServerAway:
            return
        self.tracker = Tracker(self.place.log_dir, known, Owners(self.place, self._neighbours), self.uplink.max_chunk)
        self.metrics = collector_of(self, self._scrape_s)
        beside = [asyncio.ensure_future(work) for work in self._work_beside()]
        try:
            await self._ship_all()
        except ServerAway:
            self.left_behind = self.tracker.lag_bytes()
            say(f"left {self.left_behind} bytes of {self.place.node_id[:8]} unsent: the server does not answer")
        finally:
            await _cancel(beside)
            self.tracker.close()
        await self._finish_metrics()
        with suppress(ServerAway, asyncio.TimeoutError):
            await asyncio.wait_for(post_health(self), 2.0)

    def _work_beside(self) -> List[Awaitable[None]]:
        metrics = [self.metrics.run()] if self.metrics else []
        return [keep_channel(self), *metrics, *(keep_doing(self, job) for job in jobs_of(self))]

    async def _finish_metrics(self) -> None:
        """The last look at the targets, shipped as far as time allows: they are not on the disk."""
        if self.metrics is not None:
            within_s = min(max(self._leave_by_s - time.monotonic(), 0.5), LAST_METRICS_S)
            await self.metrics.finish(is_dead=self._is_dead, within_s=within_s)

    async def _ship_all(self) -> None:
        changed_s = 0.0
        while True:
            if self.is_ending or self._scan_wait_s() <= 0:
                self.tracker.scan()
            sent = await self._ship_round()
            changed_s = time.monotonic() if sent else changed_s
            if self.is_ending and not sent and not self.tracker.has_dirty and time.monotonic() - changed_s >= (0 if self.is_leaving else QUIET_S):
                break
            if not self.tracker.has_dirty:
                await self._wait()
        if self._is_dead:
            await self._send(self.tracker.ends())

    def has_rest(self) -> bool:
        """Whether what is no single node's is this one's."""
        beside = {place.node_id: place for place in self._neighbours() if place.session_dir == self.place.session_dir}
        return first_of({**beside, self.place.node_id: self.place}) == self.place.node_id

    @property
    def dashboard(self) -> str:
        """Host and port of Ray's dashboard, on the head node; it may have come after the node was found."""
        return next((place.dashboard for place in self._neighbours() if place.node_id == self.place.node_id and place.dashboard), self.place.dashboard)

    async def polls(self) -> bool:
        """Whether the cluster's states must be asked for, since it exports no events. What is once so stays so."""
        if self._polls is None:
            self._polls = not await exports_events(self.place, self.uplink.ingest_url)
            if self._polls:
                say(f"{self.place.session} exports no events: its states are polled, which misses tasks that live shorter than that")
        return self._polls

    @property
    def is_dead(self) -> bool:
        """Whether the node was seen to be gone: what is shipped since is what is left of it."""
        return self._is_dead

    @property
    def is_ending(self) -> bool:
        """Whether only what is there is still to be shipped."""
        self._is_dead = self._is_dead or not self.place.is_alive() or self._born != born_at(self.place.raylet_pid)
        self.tracker.is_flushing = self.is_leaving or self._is_dead
        return self.is_leaving or self._is_dead

    async def _ship_round(self) -> bool:
        self.tracker.note(self.tracker.watch.read())
        chunks = self.tracker.round()
        await self._send(chunks)
        return bool(chunks)

    async def _send(self, chunks: List[Chunk]) -> None:
        """Until the server has them."""
        if not chunks:
            return
        try:
            offsets = await self.uplink.patiently(lambda: self.uplink.chunks(chunks), self._is_over)
        except Refused as refusal:
            offsets = await self._send_singly(chunks, refusal)
        self.tracker.acknowledge(chunks, offsets)

    async def _send_singly(self, chunks: List[Chunk], refusal: Refused) -> Dict[str, int]:
        """Something in the body is not to the server's liking: what it is, is dropped, and the rest goes."""
        if len(chunks) == 1:
            chunk = chunks[0]
            self.tracker.drop(chunk.followed.path, len(chunk.data), str(refusal))
            say(f"{chunk.followed.path}: {refusal}")
            return {chunk.followed.file: chunk.offset + len(chunk.data)}
        offsets: Dict[str, int] = {}
        for chunk in chunks:
            try:
                offsets.update(await self.uplink.patiently(lambda chunk=chunk: self.uplink.chunks([chunk]), self._is_over))  # type: ignore[misc]
            except Refused as again:  # noqa: PERF203 each chunk by itself is what this is about
                offsets.update(await self._send_singly([chunk], again))
        return offsets

    async def _wait(self) -> None:
        """Until something happens: a change, an unfinished line's time, the next look at the node."""
        loop, file = asyncio.get_running_loop(), self.tracker.watch.fileno()
        loose_s = self.tracker.loose_wait_s()
        usual_s = LEAVING_S if self.is_leaving else min(ALIVE_S, self._scan_wait_s() + 0.001)
        wait_s = usual_s if loose_s is None else min(usual_s, loose_s + 0.01)
        self._wake.clear()
        if file >= 0:
            loop.add_reader(file, self._wake.set)
        try:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait_s)
        finally:
            if file >= 0:
                loop.remove_reader(file)
        await asyncio.sleep(0 if self.is_leaving else GATHER_S)

    def _scan_wait_s(self) -> float:
        return self.tracker.scan_wait_s(SCAN_S if self.tracker.watch.is_working else POLL_S)

    def _is_over(self) -> bool:
        """Whether there is no sense in trying again: the time is up, or the node's folder is gone with all that was in it."""
        if time.monotonic() >= self._leave_by_s:
            return True
        return not os.path.isdir(self.place.session_dir)


async def _cancel(tasks: Sequence[asyncio.Future[None]]) -> None:
    """Until they have ended. More than once: before Python 3.12, `wait_for` loses a cancellation that comes together with what it waits for."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.2)
