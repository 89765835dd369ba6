"""What needs attention in a session, each with its evidence and where to look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rayscope.model.overview import Attention
from rayscope.model.progress import Link
from rayscope.model.resources import RESOURCES
from rayscope.query.labels import node_label
from rayscope.query.levels import amounts_of
from rayscope.query.moment import Moment
from rayscope.store import overview as store
from rayscope.store import progress
from rayscope.store.conditions import Condition, Order
from rayscope.store.database import Connection
from rayscope.store.entity import Row
from rayscope.store.limits import ATTENTION, WAITING_LONG_S
from rayscope.store.select import Scope, page, relation

_WAITS: Final = {
    "PENDING_ARGS_AVAIL": "their arguments",
    "PENDING_OBJ_STORE_MEM_AVAIL": "room in the object store",
    "PENDING_ARGS_FETCH": "their arguments to be fetched",
    "SUBMITTED_TO_WORKER": "their worker to begin",
    "PENDING_ACTOR_TASK_ARGS_FETCH": "their arguments to be fetched",
    "PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY": "their actor to be free",
    "GETTING_AND_PINNING_ARGS": "their arguments to be fetched",
}
_OFF: Final = {"error": 0, "warning": 1, "info": 2}


def attention(connection: Connection, moment: Moment, stretch: store.Stretch, totals: Row, capacity: Mapping[str, float]) -> list[Attention]:
    """All of it, the worst first. ``capacity``: the most that the cluster had of each resource."""
    found = [
        *_failures(connection, stretch),
        *_nodes(connection, stretch),
        *_actors(connection, stretch),
        *_workers(connection, stretch),
        *_waiting(connection, moment, stretch, capacity),
        *_lost(totals),
        *_recording(connection, moment),
    ]
    return sorted(found, key=lambda one: _OFF[one.severity])


def _failures(connection: Connection, stretch: store.Stretch) -> Iterator[Attention]:
    for row in progress.failures(connection, stretch.scope, ATTENTION):
        if row["error_type"] != "LOST":
            line = row["latest"]["line"] if row["count"] == 1 else row["folded"]
            names = ", ".join(function["name"] for function in row["functions"][:3])
            yield Attention(
                kind="failures",
                severity="error",
                text=f"{_count(row['count'], 'attempt')} of {names}{' …' if len(row['functions']) > 3 else ''} failed: {line or row['error_type']}",  # noqa: PLR2004
                detail=row["latest"]["line"],
                count=row["count"],
                since_ns=row["first_ns"],
                link=Link(view="tasks", params={"filter": ["state=FAILED", f"error_type={row['error_type']}", f"name={row['functions'][0]['name']}"]}),
            )


def _nodes(connection: Connection, stretch: store.Stretch) -> Iterator[Attention]:
    for row in store.lost_nodes(connection, stretch, ATTENTION):
        yield Attention(
            kind="node_lost",
            severity="error",
            text=f"node {node_label(row['node_id'], row)} was lost: {row['death_reason']}",
            detail=row["state_message"],
            count=1,
            since_ns=row["end_ns"],
            link=Link(view="nodes", params={"id": row["node_id"]}),
        )


def _actors(connection: Connection, stretch: store.Stretch) -> Iterator[Attention]:
    for row in store.dead_actors(connection, stretch, ATTENTION):
        yield Attention(
            kind="actor_dead",
            severity="error",
            text=f"{_count(row['count'], 'actor')} of class {row['class_name']} died: {row['death_reason']}",
            detail=row["detail"],
            count=row["count"],
            since_ns=row["last_ns"],
            link=Link(view="actors", params={"filter": [f"class_name={row['class_name']}", f"death_reason={row['death_reason']}"]}),
        )


def _workers(connection: Connection, stretch: store.Stretch) -> Iterator[Attention]:
    for row in store.dead_workers(connection, stretch, ATTENTION):
        yield Attention(
            kind="worker_died",
            severity="warning",
            text=f"{_count(row['count'], 'worker')} ended by {row['exit_type']}",
            detail=row["detail"],
            count=row["count"],
            since_ns=row["last_ns"],
            link=Link(view="workers", params={"filter": [f"exit_type={row['exit_type']}"]}),
        )


def _waiting(connection: Connection, moment: Moment, stretch: store.Stretch, capacity: Mapping[str, float]) -> Iterator[Attention]:
    if moment.ended_ns is not None and moment.at_ns is None:
        return
    before_ns = moment.now_ns - round(WAITING_LONG_S * 1_000_000_000)
    for row in store.waiting_long(connection, stretch, before_ns, ATTENTION):
        wanted = _WAITS.get(row["state"]) or _wanted(row["required_resources"], capacity)
        yield Attention(
            kind="pending_long",
            severity="warning",
            text=f"{_count(row['count'], 'task')} of {row['name']} wait for {wanted}",
            detail=f"{row['state']}, the first of them since {(moment.now_ns - row['since_ns']) / 1e9:,.0f} s",
            count=row["count"],
            since_ns=row["since_ns"],
            link=Link(view="tasks", params={"filter": [f"name={row['name']}", f"state={row['state']}"]}),
        )


def _wanted(resources: str | None, capacity: Mapping[str, float]) -> str:
    amounts = amounts_of(resources or "{}")
    if not amounts:
        return "a node"
    listed = ", ".join(f"{amount:g} {name}" for name, amount in amounts.items())
    missing = [name for name, amount in amounts.items() if capacity.get(name, 0) < amount]
    return f"{listed}, and the cluster has no more than {', '.join(f'{capacity.get(name, 0):g} {name}' for name in missing)}" if missing else listed


def _lost(totals: Row) -> Iterator[Attention]:
    if totals["lost"]:
        yield Attention(
            kind="lost",
            severity="warning",
            text=f"{_count(totals['lost'], 'task')} have no end: nobody said how they ended, and nobody is left who could",
            detail=None,
            count=totals["lost"],
            since_ns=None,
            link=Link(view="tasks", params={"filter": ["state=LOST"]}),
        )


def _recording(connection: Connection, moment: Moment) -> Iterator[Attention]:
    """What the recording itself lacks."""
    scope = Scope(relation=relation("sessions", None), conditions=(Condition("session_no", "=", (moment.session_no,)),))
    columns = [column.name for column in RESOURCES["sessions"].columns if column.name in {"session", "dropped", "undrained", "quarantined"}]
    row: dict[str, Any] = page(connection, scope, columns, [Order("session")], 1, None)[0]
    words = {
        "dropped": "were dropped by Ray's own buffers: what they told is missing here",
        "undrained": "were still held by Ray when the cluster went: what they told is missing here",
        "quarantined": "could not be read and are kept aside",
    }
    for name, what in words.items():
        if row[name]:
            link = Link(view="quarantine", params={"session": moment.session}) if name == "quarantined" else None
            severity = "info" if name == "quarantined" else "warning"
            yield Attention(kind=name, severity=severity, text=f"{_count(row[name], 'event')} {what}", detail=None, count=row[name], since_ns=None, link=link)


def _count(number: int, one: str) -> str:
    return f"{number:,} {one if number == 1 else one + 's'}"
