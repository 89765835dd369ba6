"""Writing snapshots of the object table: what did not change since the snapshot before is not written again.

A span is a reference and the longest run of consecutive snapshots that have it. That is a function of the set of snapshots alone, so
the order in which they come and repeats of them make no difference: one that comes late splits, joins or extends the spans around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
from msgspec import Struct, json

from rayscope.store import limits
from rayscope.store.database import Connection, sql

REFERENCE: Final = ("object_id", "ip", "pid", "type", "reference_type", "size_bytes", "call_site", "task_status", "attempt_number")
"""The columns that make two references the same."""

_NUMBERS: Final = frozenset({"pid", "size_bytes", "attempt_number"})
_SCHEMA: Final = pa.schema(
    [*((name, pa.int64() if name in _NUMBERS else pa.string()) for name in REFERENCE), ("task_id", pa.string()), ("task_key", pa.uint64())]
)


class Snapshot(Struct, frozen=True, kw_only=True):
    """One snapshot of a session. ``taken_ns`` names it. ``total``: references in the cluster, ``listed``: those that Ray read, ``rows``: those kept.

    A row has the columns of REFERENCE, then its task's id and key (None where the id says nothing).
    """

    session_no: int
    taken_ns: int
    trigger: str
    total: int
    listed: int
    truncated: bool
    duration_ns: int | None
    warnings: tuple[str, ...]
    partial: str | None
    store_stats: tuple[dict[str, Any], ...]
    rows: Sequence[tuple[Any, ...]]


def write_snapshots(connection: Connection, snapshots: Sequence[Snapshot]) -> None:
    """Write snapshots, inside the caller's transaction. One that is known, or older than what the limit has dropped, changes no span."""
    for snapshot in snapshots:
        if _is_known(connection, snapshot):
            continue
        if snapshot.taken_ns <= _bound(connection, snapshot.session_no):
            continue
        _write(connection, snapshot)
        _keep_within_limits(connection, snapshot.session_no)


def _is_known(connection: Connection, snapshot: Snapshot) -> bool:
    found = _first(connection, "SELECT 1 FROM object_snapshot WHERE session_no = ? AND taken_ns = ?", [snapshot.session_no, snapshot.taken_ns])
    return found is not None


def _bound(connection: Connection, session_no: int) -> int:
    row = _first(connection, "SELECT until_ns FROM object_bound WHERE session_no = ?", [session_no])
    return int(row[0]) if row else -1


def _write(connection: Connection, snapshot: Snapshot) -> None:
    unique = list(dict.fromkeys(snapshot.rows))
    columns = list(zip(*unique, strict=True)) if unique else [()] * len(_SCHEMA)
    arrays = [pa.array(values, type=field.type) for values, field in zip(columns, _SCHEMA, strict=True)]
    connection.register("fresh", pa.Table.from_arrays(arrays, schema=_SCHEMA))
    before, after = _neighbours(connection, snapshot)
    here = [snapshot.session_no, snapshot.taken_ns]
    if after is None:
        _append(connection, here, before)
    else:
        _insert_between(connection, here, before, after)
    connection.unregister("fresh")
    connection.execute(
        f"INSERT INTO object_snapshot VALUES ({', '.join('?' * 11)})",
        [
            *here,
            snapshot.total,
            snapshot.listed,
            len(unique),
            snapshot.truncated,
            snapshot.trigger,
            snapshot.duration_ns,
            json.encode(snapshot.warnings).decode(),
            snapshot.partial,
            json.encode(snapshot.store_stats).decode(),
        ],
    )


def _neighbours(connection: Connection, snapshot: Snapshot) -> tuple[int | None, int | None]:
    """The times of the snapshots before and after it."""
    query = """
        SELECT max(taken_ns) FILTER (WHERE taken_ns < $2), min(taken_ns) FILTER (WHERE taken_ns > $2) FROM object_snapshot WHERE session_no = $1
    """
    row = _first(connection, query, [snapshot.session_no, snapshot.taken_ns])
    assert row is not None
    return row[0], row[1]


def _append(connection: Connection, here: Sequence[int], before: int | None) -> None:
    """The newest one: references that are gone end with the snapshot before it, new ones begin."""
    if before is not None:
        connection.execute(sql("object_close"), [here[0], before])
    connection.execute(sql("object_begin"), [*here])


def _insert_between(connection: Connection, here: Sequence[int], before: int | None, after: int) -> None:
    """One that comes late. Spans over it that it lacks are split; what it has and nothing covers joins a neighbour, or stands alone."""
    session_no, taken_ns = here
    if before is not None:
        connection.execute(sql("object_torn"), [session_no, taken_ns])
        connection.execute("INSERT INTO object_span SELECT * EXCLUDE (place) REPLACE (?::BIGINT AS first_ns) FROM object_torn", [after])
        connection.execute("UPDATE object_span SET last_ns = ? FROM object_torn WHERE object_span.rowid = object_torn.place", [before])
        connection.execute(sql("object_extend_on"), [session_no, taken_ns, before])
    connection.execute(sql("object_extend_back"), [session_no, taken_ns, after])
    connection.execute(sql("object_stand_alone"), [session_no, taken_ns])


def _keep_within_limits(connection: Connection, session_no: int) -> None:
    """Drop the oldest snapshots of a session while it has too many of them or of their spans. Never the newest."""
    row = _first(
        connection,
        "SELECT (SELECT count(*) FROM object_snapshot WHERE session_no = $1), (SELECT count(*) FROM object_span WHERE session_no = $1)",
        [session_no],
    )
    assert row is not None
    snapshots, spans = row
    if snapshots > limits.OBJECT_SNAPSHOTS or spans > limits.OBJECT_SPANS:
        _drop_oldest(connection, session_no, max(snapshots // 4, snapshots - limits.OBJECT_SNAPSHOTS, 1))


def _drop_oldest(connection: Connection, session_no: int, count: int) -> None:
    until = _first(
        connection,
        "SELECT taken_ns FROM object_snapshot WHERE session_no = $1 AND taken_ns < (SELECT max(taken_ns) FROM object_snapshot WHERE session_no = $1)"
        " ORDER BY taken_ns LIMIT 1 OFFSET $2",
        [session_no, count - 1],
    )
    if until is None:
        return
    connection.execute("DELETE FROM object_span WHERE session_no = ? AND last_ns <= ?", [session_no, until[0]])
    connection.execute(
        "UPDATE object_span SET first_ns = (SELECT min(taken_ns) FROM object_snapshot WHERE session_no = $1 AND taken_ns > $2)"
        " WHERE session_no = $1 AND first_ns <= $2",
        [session_no, until[0]],
    )
    connection.execute("DELETE FROM object_snapshot WHERE session_no = ? AND taken_ns <= ?", [session_no, until[0]])
    known = _first(connection, "SELECT dropped FROM object_bound WHERE session_no = ?", [session_no])
    connection.execute("INSERT OR REPLACE INTO object_bound VALUES (?, ?, ?)", [session_no, until[0], count + (known[0] if known else 0)])


def _first(connection: Connection, query: str, parameters: Sequence[Any]) -> tuple[Any, ...] | None:
    """The first row, and none left behind: a result that was not read to its end keeps the connection from other work."""
    found = connection.execute(query, list(parameters)).fetchall()
    return found[0] if found else None
