"""Sends what was scraped, with patience: the same body again until the server has it."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any, Dict, List, NamedTuple, Optional

from rayscope.agent.errors import Hopeless, ServerAway
from rayscope.agent.metrics.backlog import Backlog, Scrape
from rayscope.agent.metrics.table import News, Table
from rayscope.agent.talk import say
from rayscope.agent.uplink import Refused, UnknownEpoch, Uplink

FIRST_WAIT_S, LONGEST_WAIT_S, HOPELESS_WAIT_S = 0.2, 10.0, 30.0


class _Sending(NamedTuple):
    """A body under way."""

    body: bytes
    news: News
    scrapes: List[Scrape]


class Shipper:
    """One node's metrics on their way. `run` until cancelled; `put` what is to go.

    ``gather_s``: how long the first scrape waits for others, so that all of an interval go in one body: a server hears hundreds of nodes.
    """

    def __init__(self, uplink: Uplink, table: Table, gather_s: float = 0.0) -> None:
        self.table = table
        self.backlog = Backlog()
        self._gather_s = gather_s
        self._hurry = asyncio.Event()
        self.sent_samples = 0
        self._uplink = uplink
        self._some = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()
        self._sending: Optional[_Sending] = None
        self._wait_s = FIRST_WAIT_S

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits."""
        return self._none.is_set()

    def put(self, scrape: Scrape) -> None:
        """Send this when its turn comes."""
        self.backlog.put(scrape)
        self._none.clear()
        self._some.set()

    async def flush(self, within_s: float) -> bool:
        """Send at once, and wait until nothing waits; whether that came about."""
        if self.is_idle:
            return True
        self._hurry.set()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._none.wait(), within_s)
        return self.is_idle

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._some.wait()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), self._gather_s)
            while len(self.backlog) or self._sending is not None:
                await self._send_next()
            self._some.clear()
            self._hurry.clear()
            self._none.set()

    def give_up(self, reason: str) -> None:
        """What waits is not sent."""
        self.backlog.clear(reason)
        self._sending = None
        self._none.set()

    def use(self, table: Table) -> None:
        """Go on with another table. Only where nothing waits."""
        self._sending = None
        self.table = table

    async def _send_next(self) -> None:
        sending = self._sending = self._sending or self._prepare()
        try:
            await self._uplink.metrics(sending.body)
        except UnknownEpoch as unknown:
            say(f"metrics: {unknown}; all series are told anew")
            self._renew()
            await asyncio.sleep(self._wait_s)
        except Refused as refused:
            say(f"metrics: {refused}")
            self.backlog.refuse(sending.scrapes, str(refused)[:200])  # what it defined may be lost with it
            self._renew()
            await self._pause()
        except ServerAway as away:
            await self._pause(away)
        else:
            self._accept(sending)

    def _prepare(self) -> _Sending:
        news = self.table.news()
        scrapes = self.backlog.next(news.to)
        return _Sending(self.table.body(self._uplink.who, news, [scrape.wire() for scrape in scrapes]), news, scrapes)

    def _accept(self, sending: _Sending) -> None:
        if self._sending is not sending:
            return  # given up meanwhile
        self._sending = None
        self._wait_s = FIRST_WAIT_S
        self.table.acknowledge(sending.news)
        self.backlog.acknowledge(sending.scrapes)
        self.sent_samples += sum(scrape.samples for scrape in sending.scrapes)

    def _renew(self) -> None:
        self._sending = None
        self.table.renew()

    async def _pause(self, away: Optional[ServerAway] = None) -> None:
        """Wait, longer each time; as long as the server asks for."""
        if isinstance(away, Hopeless):
            self._wait_s = HOPELESS_WAIT_S
        wait_s = max(away.wait_s if away else 0.0, self._wait_s * random.uniform(0.7, 1.3))  # noqa: S311 jitter
        self._wait_s = min(self._wait_s * 2, LONGEST_WAIT_S)
        await self._uplink.pause(wait_s)

    def health(self) -> Dict[str, Any]:
        """What waits, what was sent, and what was dropped."""
        return {"waiting": len(self.backlog), "waiting_bytes": self.backlog.size, "sent_samples": self.sent_samples, "dropped": dict(self.backlog.dropped)}
