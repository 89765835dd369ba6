"""Writing what a group of batches changes, inside one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa

from rayscope.store.attempt import Attempt
from rayscope.store.attempts import write_attempts
from rayscope.store.database import Connection, sql
from rayscope.store.entity import EntityTable, Key, Row, arrow_schema, write_entities
from rayscope.store.limits import QUARANTINE_ROWS
from rayscope.store.objects import Snapshot, write_snapshots
from rayscope.store.settled import Settled


class Writable(Protocol):
    """What `rayscope.ingest.changes.Changes` offers to the store."""

    @property
    def attempts(self) -> Mapping[Any, Attempt]:
        """Fragments of attempts."""

    @property
    def spans(self) -> Sequence[tuple[Any, ...]]:
        """Rows of profile_span."""

    @property
    def entities(self) -> Mapping[str, tuple[EntityTable, dict[Key, Row]]]:
        """Rows by table."""

    @property
    def events(self) -> Mapping[Any, Row]:
        """Rows of event."""

    @property
    def objects(self) -> Sequence[Snapshot]:
        """Snapshots of object tables."""


def write_changes(connection: Connection, changes: Writable, settled: Settled) -> None:
    """Fragments, spans, entities and events into their tables. Repeats of any of them change nothing."""
    write_attempts(connection, changes.attempts.values(), settled)
    insert(connection, "profile_span", [dict(zip(_SPAN, span, strict=True)) for span in changes.spans])
    for table, rows in changes.entities.values():
        write_entities(connection, table, rows)
    insert(connection, "event", changes.events.values(), verb="INSERT OR IGNORE")
    write_snapshots(connection, changes.objects)


def write_sessions(connection: Connection, rows: Sequence[Row]) -> None:
    """Sessions heard of: their spans of time widen, their counts add up, and a silent one is live again."""
    if rows:
        connection.register("heard", pa.Table.from_pylist(list(rows), schema=arrow_schema(connection, "session")))
        connection.execute(sql("session_hear"))
        connection.unregister("heard")


def write_received(connection: Connection, rows: Sequence[Row]) -> None:
    """Add to the counts of what was received."""
    if rows:
        connection.register("counted", pa.Table.from_pylist(list(rows), schema=arrow_schema(connection, "received")))
        connection.execute(sql("received_add"))
        connection.unregister("counted")


def write_quarantine(connection: Connection, rows: Sequence[Row]) -> None:
    """Keep unreadable events, the newest up to a limit."""
    insert(connection, "quarantine", rows)
    if rows:
        connection.execute(sql("quarantine_bound"), [QUARANTINE_ROWS])


def insert(connection: Connection, table: str, rows: Iterable[Row], *, verb: str = "INSERT") -> None:
    """Append rows, given as mappings of all columns, to a table."""
    listed = list(rows)
    if not listed:
        return
    connection.register("fresh", pa.Table.from_pylist(listed, schema=arrow_schema(connection, table)))
    connection.execute(f"{verb} INTO {table} BY NAME SELECT * FROM fresh")
    connection.unregister("fresh")


_SPAN = ("session_no", "task_key", "task_id", "attempt", "name", "start_ns", "end_ns", "extra")
