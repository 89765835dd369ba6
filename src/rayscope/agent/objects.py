"""Snapshots of Ray's object table, through its state API on the head node: at times, on demand, and when memory runs short.

Ray's answer goes on as it came, never parsed here: 10,000 references are some 3 MB of JSON. What a snapshot costs the cluster, measured with Ray 2.60 on
one node: 0.05 s for few references, 0.45 s for 10,000, spent in the dashboard (JSON) and in one call to each raylet, which asks each of its workers.
So one that takes longer than `SLOW_S` puts the next one off to twenty times its own duration: at most a twentieth of a dashboard's time.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, List, NamedTuple, Optional
from weakref import WeakKeyDictionary

from rayscope.agent.errors import ServerAway
from rayscope.agent.states import authorization
from rayscope.agent.web import Web

if TYPE_CHECKING:
    from rayscope.agent.node import NodeAgent

INTERVAL_S = 30.0
"""How often a snapshot is taken; RAYSCOPE_OBJECTS_S says otherwise, 0 turns the periodic ones off."""

PRESSURE_S = 60.0
"""At most so often one is taken because memory runs short: where it stays short, the next ones are the periodic ones'."""

LOOK_S = 10.0
"""How often memory is looked at: Ray's own figures change no faster."""

SLOW_S = 2.0
SLOW_FACTOR = 20.0

HOST_SHARE = 0.9
"""Of the host's memory: Ray begins to kill workers at 95 %."""

STORE_SHARE = 0.9
"""Of an object store's memory: then Ray spills."""

LIMIT = 10_000
"""References in one answer: Ray gives no more, and reads no more of each node."""

LARGEST_ANSWER = 48 * 1024 * 1024
"""Bytes of an answer that are passed on: the server takes bodies of 64 MiB."""

MOST_NODES = 64
"""Nodes whose object stores are looked at: each costs its node's agent some 30 ms."""

_TIMEOUT_S = 20
_LISTING = f"/api/v0/objects?detail=true&limit={LIMIT}&timeout={_TIMEOUT_S}"

Fetch = Callable[[str, float], Awaitable[bytes]]
"""GET a URL within so many seconds. Raises ServerAway where that fails or is answered by anything but 200."""

Tell = Callable[[bytes], Awaitable[None]]
"""POST a JSON body to the server's ``/ray/objects``. Raises ServerAway."""


class Where(NamedTuple):
    """The cluster: Ray's session name, the dashboard as ``host:port``, and the session's folder."""

    session: str
    dashboard: str
    session_dir: str


def interval_s(environment: Optional[Dict[str, str]] = None) -> float:
    """How often periodic snapshots are taken, in seconds; 0: never. What is no number counts as not given."""
    given = (os.environ if environment is None else environment).get("RAYSCOPE_OBJECTS_S", "")
    try:
        return max(float(given), 0.0) if given else INTERVAL_S
    except ValueError:
        return INTERVAL_S


class ObjectWatch:
    """Takes the snapshots of one cluster. Call `step` every second or so, `take` on demand."""

    def __init__(
        self, where: Where, fetch: Fetch, tell: Tell, every_s: float = INTERVAL_S, clock: Callable[[], float] = time.monotonic, meminfo: str = "/proc/meminfo"
    ) -> None:
        self._where = where
        self._fetch = fetch
        self._tell = tell
        self._every_s = every_s
        self._clock = clock
        self._meminfo = meminfo
        self._due_s = clock() + min(every_s, 5.0)
        self._look_s = clock()
        self._pressed_s: Optional[float] = None
        self._spilled: Dict[str, float] = {}
        self._stats: List[Dict[str, Any]] = []

    async def step(self) -> Optional[str]:
        """Take a snapshot if one is due. Says which kind was taken: interval, pressure, or None. Raises ServerAway where Ray or the server does not answer."""
        now_s = self._clock()
        short = False
        if now_s >= self._look_s:
            self._look_s = now_s + LOOK_S
            short = await self._is_short()
        if self._every_s > 0 and now_s >= self._due_s:
            await self.take("interval")
            return "interval"
        if short and (self._pressed_s is None or now_s - self._pressed_s >= PRESSURE_S):
            self._pressed_s = now_s
            await self.take("pressure")
            return "pressure"
        return None

    async def take(self, trigger: str = "demand") -> Dict[str, Any]:
        """Take one now and send it. Returns when it was taken and how long Ray took. Raises ServerAway."""
        began_s = self._clock()
        self._due_s = began_s + max(self._every_s, 1.0)  # also where it fails: a dashboard in trouble is not asked again at once
        taken_ns = time.time_ns()
        answer = await self._fetch(f"http://{self._where.dashboard}{_LISTING}", _TIMEOUT_S + 2.0)
        took_s = self._clock() - began_s
        if took_s > SLOW_S:
            self._due_s = began_s + max(self._every_s, took_s * SLOW_FACTOR)
        if trigger in ("demand", "end"):
            self._stats = await self._store_stats()
        head = {"session": self._where.session, "taken_ns": taken_ns, "trigger": trigger, "duration_ns": int(took_s * 1e9), "store_stats": self._stats}
        await self._tell(body(head, answer))
        return {"taken_ns": taken_ns, "duration_s": round(took_s, 3), "bytes": len(answer)}

    async def _is_short(self) -> bool:
        """Whether memory runs short: the host's, or that of an object store, or whether one has spilled since the last look."""
        self._stats = await self._store_stats()
        short = host_share(self._meminfo) >= HOST_SHARE
        for node in self._stats:
            used, available = node.get("used_bytes", 0), node.get("available_bytes", 0)
            spilled, known = node.get("spilled_bytes", 0), self._spilled.get(node["metrics"])
            self._spilled[node["metrics"]] = max(spilled, known or 0)
            full = bool(used + available) and used / (used + available) >= STORE_SHARE
            short = short or full or (known is not None and spilled > known)
        return short

    async def _store_stats(self) -> List[Dict[str, Any]]:
        """The object stores of the cluster's nodes, as far as their metrics can be had."""
        found = []
        for target in targets(self._where.session_dir)[:MOST_NODES]:
            try:
                page = await self._fetch(f"http://{target}/metrics", 3.0)
            except ServerAway:
                continue
            stats = read_stats(page)
            if stats:
                found.append({"metrics": target, **stats})
        return found


def body(head: Dict[str, Any], answer: bytes) -> bytes:
    """What is sent: our words, and Ray's answer as it came. One that is too large is left out, and said to be."""
    if len(answer) > LARGEST_ANSWER:
        head = {**head, "warnings": [f"Ray's answer of {len(answer)} bytes is over the limit of {LARGEST_ANSWER}"], "truncated": True, "rows": []}
        return json.dumps(head).encode()
    return json.dumps(head).encode()[:-1] + b', "answer": ' + answer + b"}"


def targets(session_dir: str) -> List[str]:
    """Where the nodes' metrics are: Ray keeps the list in the head's session folder."""
    try:
        with open(os.path.join(session_dir, "prom_metrics_service_discovery.json"), encoding="utf-8") as file:
            groups = json.load(file)
        return list(dict.fromkeys(str(target) for group in groups for target in group.get("targets", ())))
    except (OSError, ValueError, AttributeError, TypeError):
        return []


_PLAIN = {
    "ray_object_store_used_memory{": "used_bytes",  # of the same moment as what is available; the mapped bytes below are of another
    "ray_object_store_available_memory{": "available_bytes",
    "ray_object_store_num_local_objects{": "local_objects",
}
_LOCATIONS = {"MMAP_SHM": "mapped_bytes", "MMAP_DISK": "fallback_bytes", "SPILLED": "spilled_bytes"}


def read_stats(page: bytes) -> Dict[str, Any]:
    """Of a page of metrics what it says of the node's object store: bytes used, available, spilled, mapped from disk, and the node's address."""
    stats: Dict[str, Any] = {}
    for raw in page.splitlines():
        if not raw.startswith((b"ray_object_store_", b"ray_spill_manager_objects{")):
            continue
        line = raw.decode("utf-8", "replace")
        labels, _, value = line.rpartition(" ")
        try:
            number = int(float(value))
        except (ValueError, OverflowError):
            continue
        _add(stats, labels, number)
    return stats if len(stats) > 1 else {}


def _add(stats: Dict[str, Any], labels: str, number: int) -> None:
    if 'NodeAddress="' in labels:
        stats["ip"] = labels.split('NodeAddress="', 1)[1].split('"', 1)[0]
    plain = next((key for name, key in _PLAIN.items() if labels.startswith(name)), None)
    if plain is not None:
        stats[plain] = number
    elif labels.startswith("ray_object_store_memory{"):
        name = next((name for place, name in _LOCATIONS.items() if f'Location="{place}"' in labels), None)
        if name is not None:
            stats[name] = stats.get(name, 0) + number
    elif labels.startswith("ray_spill_manager_objects{"):
        state = labels.split('State="', 1)[-1].split('"', 1)[0]
        if state in ("Spilled", "Pinned"):
            stats[f"{state.lower()}_objects"] = number


def host_share(meminfo: str = "/proc/meminfo") -> float:
    """How much of the host's memory is in use, from 0 to 1; 0 where it cannot be told."""
    try:
        with open(meminfo, encoding="ascii") as file:
            known = {line.split(":")[0]: int(line.split()[1]) for line in file if line.startswith(("MemTotal", "MemAvailable"))}
        return 1.0 - known["MemAvailable"] / known["MemTotal"]
    except (OSError, ValueError, KeyError, IndexError, ZeroDivisionError):
        return 0.0


_OK = 200
_watches: WeakKeyDictionary[NodeAgent, ObjectWatch] = WeakKeyDictionary()


async def watch_objects(agent: NodeAgent) -> None:
    """The periodic job: a snapshot if one is due. Of a cluster whose dashboard is not known nothing is taken."""
    if agent.place.dashboard:
        await _watch_of(agent).step()


async def snapshot_objects(agent: NodeAgent) -> Optional[Dict[str, Any]]:
    """A snapshot now; None where no dashboard is known. Raises ServerAway."""
    return await _watch_of(agent).take("demand") if agent.place.dashboard else None


def _watch_of(agent: NodeAgent) -> ObjectWatch:
    if agent not in _watches:
        place = agent.place
        _watches[agent] = ObjectWatch(Where(place.session, place.dashboard, place.session_dir), fetch, teller(agent.uplink.ingest_url), interval_s())
    return _watches[agent]


async def fetch(url: str, timeout_s: float) -> bytes:
    """A `Fetch` over HTTP, with the token that Ray asks for."""
    base, slash, path = url.partition("/metrics") if url.endswith("/metrics") else url.partition("/api/")
    web = Web(base)
    try:
        answer = await web.request("GET", slash + path, headers=authorization(), timeout_s=timeout_s)
    finally:
        web.close()
    if answer.status != _OK:
        raise ServerAway(f"{base} answers {answer.status} to {slash + path}")
    return answer.body


def teller(ingest_url: str) -> Tell:
    """A `Tell` to the server behind ``http://host:port/ingest/<token>``."""

    async def tell(content: bytes) -> None:
        web = Web(ingest_url)
        try:
            answer = await web.request("POST", "/ray/objects", content, {"Content-Type": "application/json"}, 60.0)
        finally:
            web.close()
        if not _OK <= answer.status < 300:  # noqa: PLR2004 HTTP's own
            raise ServerAway(f"the server answers {answer.status} to a snapshot of objects: {answer.body[:200]!r}")

    return tell
