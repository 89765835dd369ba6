"""Writing attempts: fragments in, revived when they settled too early, settled when they ended."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import pyarrow as pa
from msgspec.structs import astuple

from rayscope.store.attempt import COLUMNS, NUMBERS, Attempt
from rayscope.store.database import Connection, sql
from rayscope.store.settled import Settled

_SCHEMA: Final = pa.schema(
    [
        (name, {"session_no": pa.int32(), "attempt": pa.int32(), "task_key": pa.uint64()}.get(name, pa.int64() if name in NUMBERS else pa.string()))
        for name in COLUMNS
    ]
)


def write_attempts(connection: Connection, fragments: Collection[Attempt], settled: Settled) -> None:
    """Merge fragments into what is known. Attempts of which all was said within these fragments go to the cold table at once."""
    if not fragments:
        return
    late = [fragment for fragment in fragments if settled.may_hold(fragment)]
    if late:
        _revive(connection, late)
    whole, parts = _parted(connection, fragments)
    _append(connection, whole, settled)
    if parts:
        keys = pa.array([attempt_key(fragment) for fragment in parts], type=pa.binary())
        _execute(connection, "attempt_upsert", pa.Table.from_arrays([keys, *_arrays(parts)], names=["key", *COLUMNS]))


def _parted(connection: Connection, fragments: Collection[Attempt]) -> tuple[list[Attempt], list[Attempt]]:
    """The whole attempts, and the fragments of all others: those that lack a word, or of which the hot table has one."""
    whole: list[Attempt] = []
    parts: list[Attempt] = []
    for fragment in fragments:
        (whole if is_whole(fragment) else parts).append(fragment)
    if not whole:
        return whole, parts
    keys = pa.array([attempt_key(fragment) for fragment in whole], type=pa.binary())
    connection.register("fragments", pa.table({"key": keys}))
    known = {row[0] for row in connection.execute(sql("attempt_known")).fetchall()}
    connection.unregister("fragments")
    if not known:
        return whole, parts
    at_hot = [key.as_py() in known for key in keys]
    return [one for one, hot in zip(whole, at_hot, strict=True) if not hot], [*parts, *(one for one, hot in zip(whole, at_hot, strict=True) if hot)]


def is_whole(attempt: Attempt) -> bool:
    """Whether nothing more is to be expected of an attempt: its definition, its run and its profile by the worker, and its end by the owner are there."""
    return (
        attempt.type is not None
        and attempt.t_running is not None
        and attempt.task_end is not None
        and (attempt.t_finished is not None or attempt.t_failed is not None)
        and (attempt.stdout_start is None or attempt.stdout_end is not None)
    )


def _append(connection: Connection, whole: list[Attempt], settled: Settled) -> None:
    """Into the cold table, in the order in which listings read it."""
    whole.sort(key=lambda attempt: (attempt.session_no, attempt.job_id or "", attempt.t_pending_args_avail or 0))
    until: dict[int, int] = {}
    for attempt in whole:
        until[attempt.session_no] = max(until.get(attempt.session_no, 0), attempt.t_finished or 0, attempt.t_failed or 0)
    settled.append(whole, until, time.time_ns())
    if whole:
        _execute(connection, "attempt_append", pa.Table.from_arrays(_arrays(whole), names=COLUMNS))
        _note(connection, until)


def _note(connection: Connection, until: Mapping[int, int]) -> None:
    """The latest ends by session, for the next opening."""
    connection.register("ends", pa.table({"session_no": list(until), "until_ns": list(until.values())}))
    connection.execute(sql("settled_widen"))
    connection.unregister("ends")


def _arrays(fragments: Sequence[Attempt]) -> list[pa.Array]:
    """One array a column."""
    values = zip(*map(astuple, fragments), strict=True)
    return [pa.array(column, type=field.type) for column, field in zip(values, _SCHEMA, strict=True)]


def _execute(connection: Connection, query: str, fragments: pa.Table) -> None:
    connection.register("fragments", fragments)
    connection.execute(sql(query))
    connection.unregister("fragments")


def attempt_key(attempt: Attempt) -> bytes:
    """The key in the hot table: the bytes of the task id, the session's number and the attempt's, which SQL has as a macro of the same name."""
    return bytes.fromhex(attempt.task_id) + attempt.session_no.to_bytes(4, "big") + attempt.attempt.to_bytes(4, "big")


def settle(connection: Connection, settled: Settled, *, before_ns: int, limit: int) -> int:
    """Move up to ``limit`` attempts that ended, and of which nothing was heard since ``before_ns``, to the cold table.

    Returns how many moved.
    """
    moved = _choose(connection, "settle_choose", [before_ns, limit])
    if moved:
        connection.execute(sql("settle_move"))
        until = dict(connection.execute(sql("settle_until")).fetchall())
        _note(connection, until)
        settled.widen(until)
        connection.execute(sql("settle_forget"))
    return moved


def settled_until(connection: Connection) -> dict[int, int]:
    """By session, until when words may be late ones on attempts in the cold table: the latest end among these, for ever where one was only concluded."""
    return dict(connection.execute(sql("settled_until")).fetchall())


def _revive(connection: Connection, late: Sequence[Attempt]) -> None:
    """Bring those of the attempts that had settled back to the hot table."""
    connection.register("late", pa.table({name: [getattr(one, name) for one in late] for name in COLUMNS[:4]}, schema=pa.schema(list(_SCHEMA)[:4])))
    if _choose(connection, "revive_choose"):
        connection.execute(sql("revive_move"))
        connection.execute(sql("revive_forget"))
    connection.unregister("late")


def _choose(connection: Connection, query: str, parameters: Sequence[int] = ()) -> int:
    """Run a query that makes a temporary table; how many rows it chose."""
    row = connection.execute(sql(query), parameters).fetchone()
    return int(row[0]) if row else 0
