"""What the server can ask of an agent: one line each."""

from __future__ import annotations

import base64
import os
import time
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict

from rayscope.agent.errors import ServerAway
from rayscope.agent.objects import snapshot_objects
from rayscope.agent.states import authorization, post_states
from rayscope.agent.web import Web

if TYPE_CHECKING:
    from rayscope.agent.node import NodeAgent

LARGEST_BODY = 8 * 1024 * 1024
_BRIDGED = frozenset({"accept", "content-type", "authorization", "range"})
"""Headers of a request that go over the bridge; the connection's own do not."""


async def ping(agent: NodeAgent, args: Dict[str, Any]) -> Dict[str, Any]:
    """That we are here."""
    return {"now_ns": time.time_ns(), "pid": os.getpid(), "node_id": agent.place.node_id}


async def snapshot(agent: NodeAgent, args: Dict[str, Any]) -> Dict[str, Any]:
    """Take the periodic snapshots now: of states, and of the object table."""
    await post_states(agent)
    return {"taken_ns": time.time_ns(), "objects": await snapshot_objects(agent)}


async def scrape(agent: NodeAgent, args: Dict[str, Any]) -> Dict[str, Any]:
    """Scrape all targets now; the answer comes when the server has the samples, or after ``timeout_s``. ``is_sent``: whether it has."""
    if agent.metrics is None:
        return {"targets": 0, "samples": 0, "is_sent": True}
    samples = await agent.metrics.scrape_now()
    is_sent = await agent.metrics.shipper.flush(float(args.get("timeout_s") or 5.0))
    return {"targets": len(agent.metrics.health()["targets"]), "samples": samples, "is_sent": is_sent}


async def list_files(agent: NodeAgent, args: Dict[str, Any]) -> Dict[str, Any]:
    """The files that are followed, and how far."""
    files = sorted(agent.tracker.files.values(), key=lambda followed: followed.path)
    rows = [{"file": known.file, "path": known.path, "size": known.size, "read": known.read_to, "sent": known.sent_to} for known in files]
    return {"files": rows, "log_dir": agent.place.log_dir}


async def http(agent: NodeAgent, args: Dict[str, Any]) -> Dict[str, Any]:
    """One request to Ray's dashboard, which only this node may reach. Where none is known here: an error."""
    if not agent.dashboard:
        raise ServerAway("no Ray dashboard is known on this node; ask the head node's agent")
    path = str(args.get("path") or "/")
    if not path.startswith("/") or any(character in path for character in "\r\n "):
        raise ValueError(f"no path: {path!r}")
    given = {str(name).lower(): str(value) for name, value in (args.get("headers") or {}).items()}
    headers = {**authorization(), **{name.title(): value for name, value in given.items() if name in _BRIDGED}}
    body = base64.b64decode(args.get("body_b64") or "")
    web = Web(f"http://{agent.dashboard}")
    try:
        answer = await web.request(str(args.get("method") or "GET").upper(), path, body, headers, float(args.get("timeout_s") or 30.0))
    finally:
        web.close()
    if len(answer.body) > LARGEST_BODY:
        raise ValueError(f"the answer of {len(answer.body)} bytes is too large for the bridge")
    return {"status": answer.status, "headers": answer.headers, "body_b64": base64.b64encode(answer.body).decode()}


Verb = Callable[["NodeAgent", Dict[str, Any]], Awaitable[Dict[str, Any]]]

VERBS: Dict[str, Verb] = {
    "ping": ping,
    "snapshot": snapshot,
    "scrape": scrape,
    "list_files": list_files,
    "http": http,
}
