"""One node's metrics: every target scraped in its own rhythm, once more when work or the node ends, and all of it shipped."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from rayscope.agent.metrics.gpus import Gpus
from rayscope.agent.metrics.processes import Processes
from rayscope.agent.metrics.readers import reads_page, reads_samples
from rayscope.agent.metrics.samples import FAMILIES, Sample
from rayscope.agent.metrics.shipper import Shipper
from rayscope.agent.metrics.table import MOST_SLACK_SERIES, SLACK_SERIES, Table
from rayscope.agent.metrics.target import Target
from rayscope.agent.metrics.targets import Targets, instance_of
from rayscope.agent.metrics.vitals import Vitals
from rayscope.agent.talk import say

if TYPE_CHECKING:
    from rayscope.agent.node import NodeAgent

LOOK_S = 1.0
"""How often it is looked for targets that came or went, and for workers that ended."""

SPREAD = 0.1
"""The share of the interval over which a node's targets are spread."""

GATHER_S = 0.5
"""How long what was scraped waits for the rest of its round."""

TIMEOUT_S = 3.0
LAST_S = 1.0
"""How long a dead node's page is waited for: its process follows at once."""

_RAY, _OWN = "ray", "rayscope"


class Collector:
    """Scrapes and ships until cancelled; then `finish` takes the last look."""

    def __init__(self, agent: NodeAgent, every_s: float) -> None:
        place = agent.place
        self.every_s = every_s
        self.shipper = Shipper(agent.uplink, Table(), min(GATHER_S, every_s * SPREAD))
        self._offset = random.uniform(0.5, 1.0 - SPREAD)  # noqa: S311 jitter: not all nodes at once
        self._timeout_s = min(TIMEOUT_S, every_s * 0.8)
        self._addresses = Targets(place)
        self._vitals = Vitals(folders=[place.session_dir])
        self._processes = Processes(place, agent.has_rest)
        self._gpus = Gpus()
        self._targets: Dict[str, Target] = {}
        self._rhythms: Dict[str, asyncio.Future[None]] = {}
        self._extra_s = float("-inf")
        self.shipper.table.add_families(FAMILIES)
        self._add("", Target(instance_of(place), _OWN, reads_samples(self._sample)))

    async def run(self) -> None:
        """Until cancelled. Whatever goes wrong is said, and begun anew."""
        while True:
            try:
                await self._run()
            except Exception as error:  # noqa: BLE001, PERF203 going on is what this is about
                say(f"metrics: {type(error).__name__}: {error}")
                await asyncio.sleep(LOOK_S)

    async def _run(self) -> None:
        sending = asyncio.ensure_future(self.shipper.run())
        try:
            while not sending.done():
                self._look()
                await asyncio.sleep(LOOK_S)
            sending.result()
        finally:
            for task in [sending, *self._rhythms.values()]:
                task.cancel()
            self._rhythms.clear()

    async def scrape_now(self) -> int:
        """Every target, at once; the samples that were had."""
        self._refresh()
        return sum(await asyncio.gather(*(self._scrape(target, self._timeout_s) for target in self._targets.values())))

    async def finish(self, *, is_dead: bool, within_s: float) -> None:
        """The last look, and the last word where the node is dead; shipped, as far as time allows."""
        sending = asyncio.ensure_future(self.shipper.run())
        try:
            self._refresh()
            await asyncio.gather(*(self._scrape(target, LAST_S if is_dead else self._timeout_s) for target in self._targets.values()))
            if is_dead:
                for target in self._targets.values():
                    self.shipper.put(target.end())
            await self.shipper.flush(within_s)
        finally:
            sending.cancel()

    def health(self) -> Dict[str, Any]:
        """How the targets are, and what waits."""
        return {"interval_s": self.every_s, "targets": [target.health() for target in self._targets.values()], **self.shipper.health()}

    def _look(self) -> None:
        self._refresh()
        self._renew_if_bloated()
        for key, target in self._targets.items():
            if key not in self._rhythms:
                self._rhythms[key] = asyncio.ensure_future(self._keep(target))
        self._rhythms = {key: task for key, task in self._rhythms.items() if not task.done()}
        if time.monotonic() - self._extra_s >= self.every_s and self._processes.has_lost_worker():
            self._extra_s = time.monotonic()  # what a worker that ended told Ray last is there for a moment only
            self._rhythms[f"extra {self._extra_s}"] = asyncio.ensure_future(self._once_more())

    async def _once_more(self) -> None:
        await self.scrape_now()

    def _refresh(self) -> None:
        """Targets that came, and the last word of those that went."""
        addresses = self._addresses.now()
        for address in addresses:
            if address not in self._targets:
                self._add(address, Target(address, _RAY, reads_page(f"http://{address}/metrics")))
        for address in [address for address in self._targets if address and address not in addresses]:
            self.shipper.put(self._targets.pop(address).end())
            rhythm = self._rhythms.pop(address, None)
            if rhythm is not None:
                rhythm.cancel()

    def _add(self, key: str, target: Target) -> None:
        target.join(self.shipper.table)
        self._targets[key] = target

    def _renew_if_bloated(self) -> None:
        """Series that came and went leave their numbers behind: begin again with those that there are, once nothing waits, or where it cannot be waited for."""
        living = sum(target.series for target in self._targets.values())
        size = self.shipper.table.size - 2 * living
        if size < SLACK_SERIES or any(target.is_busy for target in self._targets.values()):
            return
        if size > MOST_SLACK_SERIES:
            self.shipper.give_up("too many series came and went while the server was away")
        if self.shipper.is_idle:
            table = Table()
            table.add_families(FAMILIES)
            self.shipper.use(table)
            for target in self._targets.values():
                target.join(table)

    async def _keep(self, target: Target) -> None:
        """Scrape it at once, then at its own place in the interval, so that not all are scraped at the same time."""
        await self._scrape(target, self._timeout_s)
        due_s = time.monotonic() + self.every_s * (self._offset + random.uniform(0.0, SPREAD))  # noqa: S311 jitter: not all of a node's targets at once
        while True:
            await asyncio.sleep(max(due_s - time.monotonic(), 0.0))
            await self._scrape(target, self._timeout_s)
            due_s += self.every_s * max(int((time.monotonic() - due_s) / self.every_s), 0) + self.every_s

    async def _scrape(self, target: Target, timeout_s: float) -> int:
        """The samples that were had. Whatever goes wrong with one target is no other's."""
        try:
            scrape = await target.scrape(timeout_s)
        except Exception as error:  # noqa: BLE001 said, and tried again
            say(f"metrics of {target.instance}: {type(error).__name__}: {error}")
            return 0
        self.shipper.put(scrape)
        return scrape.samples

    async def _sample(self) -> List[Sample]:
        """What the agent sees itself."""
        return [*self._vitals.read(), *self._processes.read(), *self._losses(), *(await self._gpus.sample())]

    def _losses(self) -> List[Sample]:
        """What was not taken of pages, and what was dropped."""
        rejected = [
            Sample("rayscope_agent_rejected_lines_total", float(count), {"target": target.instance, "reason": reason})
            for target in self._targets.values()
            for reason, count in target.rejected.items()
        ]
        dropped = self.shipper.backlog.dropped.items()
        return rejected + [Sample("rayscope_agent_dropped_scrapes_total", float(count), {"reason": reason}) for reason, count in dropped]


def collector_of(agent: NodeAgent, every_s: float) -> Optional[Collector]:
    """None where metrics are off, or where the node was dead before anybody looked."""
    return Collector(agent, every_s) if every_s > 0 and not agent.place.is_dead else None
