"""Snapshots of what Ray's event feed lacks, from Ray's state API on the head node: placement groups, runtime envs, cluster events, submissions."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Set, Tuple

from rayscope.agent.errors import ServerAway
from rayscope.agent.web import Web

if TYPE_CHECKING:
    from rayscope.agent.node import NodeAgent

LIMIT = 10_000
"""Ray gives no more rows of a kind."""

TIMEOUT_S = 4.0
POLLED = ("nodes", "workers", "actors", "tasks")
"""What a cluster that exports no events is asked as well; its jobs come with the submissions."""

_SUBMISSIONS = "submissions"
_STATES = ("placement_groups", "runtime_envs", "cluster_events")
_OK = 200


async def post_states(agent: NodeAgent) -> None:
    """Ask Ray, tell the server. A dashboard that does not answer is asked again next time."""
    snapshot = await take_snapshot(agent)
    if snapshot is None:
        return
    if await agent.polls():
        polled = await _poll(agent)
        await agent.uplink.post("/ray/states", {**snapshot, **{name: rows for name, (rows, _) in polled.items()}, "polled": True}, timeout_s=30.0)
        for _, told in polled.values():
            told()
    else:
        await agent.uplink.post("/ray/states", snapshot, timeout_s=30.0)


async def _poll(agent: NodeAgent) -> Dict[str, Tuple[List[Dict[str, Any]], Callable[[], None]]]:
    """Of each kind the rows that changed since they were told, and what to call when these have been told."""
    web = Web(f"http://{agent.dashboard}")
    try:
        every = {name: await _rows(web, name) or [] for name in POLLED}
    finally:
        web.close()
    return {name: agent.news[name].of(rows) for name, rows in every.items()}


class News:
    """The rows of one kind that are new or have changed. Ray gives them all each time, and not since when they are so."""

    def __init__(self) -> None:
        self._told: Set[int] = set()

    def of(self, rows: List[Dict[str, Any]]) -> Tuple[List[Dict[str, Any]], Callable[[], None]]:
        """Those not told yet, with when they were first seen; and what notes that they were."""
        hashes = [hash(json.dumps(row, sort_keys=True)) for row in rows]
        now_ns = time.time_ns()
        fresh = [{**row, "first_seen_ns": now_ns} for row, key in zip(rows, hashes) if key not in self._told]

        def told() -> None:
            self._told = set(hashes)

        return fresh, told


async def take_snapshot(agent: NodeAgent) -> Optional[Dict[str, Any]]:
    """Rows of Ray's state API; None where it does not answer. A question that fails by itself (a node that just died makes some) costs only its own rows."""
    if not agent.dashboard:
        return None
    web = Web(f"http://{agent.dashboard}")
    try:
        states = {name: rows for name in (*_STATES, _SUBMISSIONS) for rows in [await _rows(web, name)] if rows is not None}
    finally:
        web.close()
    return {"session": agent.place.session, "taken_ns": time.time_ns(), **states} if states else None


async def _rows(web: Web, name: str) -> Optional[List[Dict[str, Any]]]:
    try:
        return list(await fetch(web, "/api/jobs/")) if name == _SUBMISSIONS else await _states(web, name)
    except ServerAway:
        return None


async def _states(web: Web, name: str) -> List[Dict[str, Any]]:
    answer = await fetch(web, f"/api/v0/{name}?limit={LIMIT}&detail=true&exclude_driver=false&timeout={TIMEOUT_S:.0f}")
    data = answer.get("data") or {}
    rows: List[Dict[str, Any]] = (data.get("result") or {}).get("result") or []
    return rows


async def fetch(web: Web, path: str) -> Any:
    """What Ray's dashboard says. Raises ServerAway where it does not."""
    answer = await web.request("GET", path, headers=authorization(), timeout_s=TIMEOUT_S + 1)
    if answer.status != _OK:
        raise ServerAway(f"Ray's dashboard answers {answer.status} to {path}")
    return answer.json()


def authorization() -> Dict[str, str]:
    """Since 2.59 a local cluster asks for the token that Ray keeps in the user's home."""
    token = os.environ.get("RAY_AUTH_TOKEN") or _token_in(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _token_in(path: str) -> Optional[str]:
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return None
