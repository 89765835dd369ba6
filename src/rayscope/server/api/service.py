"""GET /api/v1/version, health, ingest/stats and quarantine: the server about itself."""

from __future__ import annotations

from typing import Any

from litestar import Router, get
from litestar.datastructures import State
from litestar.params import FromQuery

from rayscope.model.server import Health, Version
from rayscope.query.sessions import ALL
from rayscope.server.auth import OPEN


@get("/version", sync_to_thread=False)
def get_version(state: State) -> Version:
    """Which server this is."""
    version: Version = state.services.version()
    return version


@get("/health", sync_to_thread=True, opt={OPEN: True})
def get_health(state: State) -> Health:
    """How the server is. Open without a token."""
    health: Health = state.services.health()
    return health


@get("/ingest/stats", sync_to_thread=True)
def get_ingest_stats(state: State, session: FromQuery[str] = ALL) -> dict[str, Any]:
    """What ingest received, by event type, and what of it was unknown."""
    stats: dict[str, Any] = state.services.queries.received(session)
    return stats


@get("/quarantine", sync_to_thread=True)
def get_quarantine(state: State, session: FromQuery[str | None] = None, limit: FromQuery[int] = 100) -> dict[str, Any]:
    """The newest events that could not be read, each with the reason."""
    kept: dict[str, Any] = state.services.queries.quarantine(session, limit)
    return kept


service_router = Router(path="/api/v1", route_handlers=[get_version, get_health, get_ingest_stats, get_quarantine])
