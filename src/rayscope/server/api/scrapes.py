"""/api/v1/metrics/targets: what agents scrape, and how that goes; /api/v1/metrics/scrapes: have them scrape now."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from litestar import get, post
from litestar.datastructures import State
from litestar.params import FromQuery

from rayscope.errors import NotFound, RayscopeError
from rayscope.model.agent import NodeScrape, Scraped, Targets
from rayscope.query.sessions import LATEST
from rayscope.server.services import Services

SHIP_S: Final = 3.0
"""How long an agent waits for the server to have what it scraped."""

ANSWER_S: Final = 8.0
"""How long an agent is waited for: a target that hangs has 3 s, then shipping its time."""


@get("/api/v1/metrics/targets", sync_to_thread=True)
def list_targets(state: State, session: FromQuery[str] = LATEST) -> Targets:
    """The targets of a session's nodes, as their agents told within the last minutes: up or not, what they gave, and what was rejected why."""
    services: Services = state.services
    name = services.queries.session(session).session
    return Targets(session=name, nodes=services.agents.targets(name))


@post("/api/v1/metrics/scrapes", status_code=201)
async def scrape_now(state: State, session: FromQuery[str] = LATEST) -> Scraped:
    """Have every agent of a session that is connected scrape its targets now. Answers when the samples are durable. 404 where no agent is connected."""
    services: Services = state.services
    name = (await asyncio.to_thread(services.queries.session, session)).session
    nodes = services.channels.connected(name)
    if not nodes:
        raise NotFound(f"no agent of {name} is connected", hint="`rayscope agent` on its nodes connects them")
    found = await asyncio.gather(*(_scrape(services, name, node_id) for node_id in nodes))
    good = [node for node in found if isinstance(node, NodeScrape)]
    failed = [node for node in found if isinstance(node, str)]
    return Scraped(session=name, nodes=len(good), targets=sum(node.targets for node in good), samples=sum(node.samples for node in good), failed=failed)


async def _scrape(services: Services, session: str, node_id: str) -> NodeScrape | str:
    """What came of it, or in words what did not."""
    try:
        answer = msgspec.convert(await services.channels.ask(session, node_id, "scrape", {"timeout_s": SHIP_S}, ANSWER_S), NodeScrape)
    except RayscopeError as error:
        return f"node {node_id[:12]}: {error.message}"
    except msgspec.ValidationError as error:
        return f"node {node_id[:12]}: its answer makes no sense: {error}"
    return answer if answer.is_sent else f"node {node_id[:12]}: its samples are still under way"
