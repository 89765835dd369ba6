"""Whether a node exports its events to our server: what its raylet was started with says so, or, where that cannot be read, the metrics of its export."""

from __future__ import annotations

import os
from typing import Optional

from rayscope.agent.discovery import Place
from rayscope.agent.errors import ServerAway
from rayscope.agent.processes import environment_of
from rayscope.agent.web import Web

_ADDRESS = "RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR"
_PUBLISHED = b"ray_aggregator_agent_published_events_total{"


async def exports_events(place: Place, ingest_url: str) -> bool:
    """True where the raylet's environment has the switches on, and our ingest token in the address; or where something was published over HTTP."""
    environment = environment_of(place.raylet_pid) if place.raylet_pid > 0 else None
    if environment is None:
        return await _has_published(place)
    token = ingest_url.partition("/ingest/")[2].strip("/")
    return environment.get("RAY_enable_ray_event", "").lower() in {"1", "true"} and f"/ingest/{token}/" in environment.get(_ADDRESS, "")


async def _has_published(place: Place) -> bool:
    port = _port_in(os.path.join(place.session_dir, f"metrics_export_port_{place.node_id}"))
    if port is None:
        return False
    web = Web(f"http://127.0.0.1:{port}")
    try:
        page = (await web.request("GET", "/metrics", timeout_s=3.0)).body
    except ServerAway:
        return False
    finally:
        web.close()
    return any(line.startswith(_PUBLISHED) and b'consumer="http_service"' in line for line in page.splitlines())


def _port_in(path: str) -> Optional[int]:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None
