"""Writing attempts: fragments in, revived when they settled too early, settled when they ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
from msgspec.structs import astuple

from rayscope.store.attempt import COLUMNS, EARLIEST, NUMBERS, Attempt
from rayscope.store.database import Connection, sql
from rayscope.store.limits import CLOCK_SKEW_S

_SCHEMA: Final = pa.schema(
    [
        (name, {"session_no": pa.int32(), "attempt": pa.int32(), "task_key": pa.uint64()}.get(name, pa.int64() if name in NUMBERS else pa.string()))
        for name in COLUMNS
    ]
)
_SKEW_NS: Final = int(CLOCK_SKEW_S * 1_000_000_000)
_FIRST_TIMES: Final = [at for at, name in enumerate(COLUMNS) if name in EARLIEST and not name.startswith("std")]


def write_attempts(connection: Connection, fragments: Collection[Attempt], settled: Mapping[int, int]) -> None:
    """Merge fragments into the hot table. ``settled``: by session, the latest end among its attempts in the cold table."""
    if not fragments:
        return
    rows = [astuple(fragment) for fragment in fragments]
    late = [row for row in rows if _may_be_settled(row, settled)]
    if late:
        _revive(connection, late)
    columns = [pa.array(values, type=field.type) for values, field in zip(zip(*rows, strict=True), _SCHEMA, strict=True)]
    keys = pa.array([attempt_key(fragment) for fragment in fragments], type=pa.binary())
    connection.register("fragments", pa.Table.from_arrays([keys, *columns], names=["key", *COLUMNS]))
    connection.execute(sql("attempt_upsert"))
    connection.unregister("fragments")


def attempt_key(attempt: Attempt) -> bytes:
    """The key in the hot table: the bytes of the task id, the session's number and the attempt's, which SQL has as a macro of the same name."""
    return bytes.fromhex(attempt.task_id) + attempt.session_no.to_bytes(4, "big") + attempt.attempt.to_bytes(4, "big")


def settle(connection: Connection, *, before_ns: int, limit: int) -> int:
    """Move up to ``limit`` attempts that ended, and of which nothing was heard since ``before_ns``, to the cold table.

    Returns how many moved.
    """
    moved = _choose(connection, "settle_choose", [before_ns, limit])
    if moved:
        connection.execute(sql("settle_move"))
        connection.execute(sql("settled_note"))
        connection.execute(sql("settle_forget"))
    return moved


def settled_until(connection: Connection) -> dict[int, int]:
    """By session, until when words may be late ones on attempts in the cold table: the latest end among these, for ever where one was only concluded."""
    return dict(connection.execute(sql("settled_until")).fetchall())


def _may_be_settled(row: Sequence[Any], settled: Mapping[int, int]) -> bool:
    """Whether a fragment can be a late word on a settled attempt: it speaks of a time before the last settled end, give or take the nodes' clocks.

    One that names no time at all (a definition by itself) may be, too.
    """
    until = settled.get(row[0])
    if until is None:
        return False
    return min((value for at in _FIRST_TIMES if (value := row[at]) is not None), default=0) <= until + _SKEW_NS


def _revive(connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Bring those of the attempts that had settled back to the hot table."""
    connection.register("late", pa.table({name: [row[at] for row in rows] for at, name in enumerate(COLUMNS[:4])}, schema=pa.schema(list(_SCHEMA)[:4])))
    if _choose(connection, "revive_choose"):
        connection.execute(sql("revive_move"))
        connection.execute(sql("revive_forget"))
    connection.unregister("late")


def _choose(connection: Connection, query: str, parameters: Sequence[int] = ()) -> int:
    """Run a query that makes a temporary table; how many rows it chose."""
    row = connection.execute(sql(query), parameters).fetchone()
    return int(row[0]) if row else 0
