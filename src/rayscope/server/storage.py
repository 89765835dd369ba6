"""Measuring what takes the room in the data folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from rayscope.ingest.retention import Retainer
from rayscope.model.storage import Deleted, SessionRoom, Storage
from rayscope.query.queries import Queries
from rayscope.query.request import ListRequest
from rayscope.store import retention as stored
from rayscope.store.database import Database
from rayscope.store.limits import MAX_PAGE

Sizes = dict[str, int]
"""Bytes by session."""


def measure(data: Path, database: Database, queries: Queries, retainer: Retainer, segments: tuple[Sizes, Sizes], now_ns: int) -> Storage:
    """The data folder, by kind and by session. ``segments``: the bytes of each session's logs, and of its metrics."""
    logs, metrics = segments
    used, free = database.read(stored.room)
    names = database.read(stored.session_names)
    held = database.read(lambda connection: stored.held(connection, [*stored.state_tables(connection), "event"]))
    rows = queries.page(ListRequest(resource="sessions", session="all", columns="session,state,ended_ns", limit=MAX_PAGE)).rows
    every = sum(held.values()) or 1
    amounts = {names[number]: amount for number, amount in held.items() if number in names}
    sessions = [
        SessionRoom(
            session=row["session"],
            state=row["state"],
            ended_ns=row["ended_ns"],
            rows=amounts.get(row["session"], 0),
            states_bytes=used * amounts.get(row["session"], 0) // every,
            logs_bytes=logs.get(row["session"], 0),
            metrics_bytes=metrics.get(row["session"], 0),
        )
        for row in rows
    ]
    sizes = {path.name: _size([path]) for path in data.iterdir()}
    known = {"logs", "metrics", "journal", "runs"}
    database_bytes = sum(size for name, size in sizes.items() if name.startswith(database.path.name))
    return Storage(
        data=str(data),
        database_bytes=database_bytes,
        database_free_bytes=free,
        logs_bytes=sum(logs.values()),
        metrics_bytes=sum(metrics.values()),
        journal_bytes=sizes.get("journal", 0) + sizes.get("logs", 0) - sum(logs.values()) + sizes.get("metrics", 0) - sum(metrics.values()),
        runs_bytes=sizes.get("runs", 0),
        other_bytes=sum(size for name, size in sizes.items() if name not in known and not name.startswith(database.path.name)),
        disk_free_bytes=database.free_bytes(),
        retain=retainer.retention.text,
        sessions=sorted(sessions, key=lambda item: -(item.states_bytes + item.logs_bytes + item.metrics_bytes)),
        next=retainer.next(now_ns),
        deleted=[msgspec.convert({name: row[name] for name in Deleted.__struct_fields__}, Deleted) for row in database.read(stored.deletions)],
    )


def _size(paths: Iterable[Path]) -> int:
    """Bytes of files and of what lies in folders; what goes meanwhile takes none."""
    total = 0
    for path in paths:
        try:
            total += sum(_size([part]) for part in path.iterdir()) if path.is_dir() else path.stat().st_size
        except OSError:
            continue
    return total
