"""Writing attempts: fragments are merged with what is known, whole ones go to the cold table at once, ended ones a while later.

The merge is made here and not in the database: an update of fifty columns in place costs ten times what reading, deleting and appending a row do.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
from msgspec.structs import astuple

from rayscope.store.attempt import COLUMNS, NUMBERS, VERDICT, Attempt, merge_row
from rayscope.store.database import Connection, sql
from rayscope.store.settled import Settled

Key = tuple[int, str, int]

_WIDE: Final = (*COLUMNS, *VERDICT)
_SCHEMA: Final = pa.schema(
    [
        (name, {"session_no": pa.int32(), "attempt": pa.int32(), "task_key": pa.uint64()}.get(name, pa.int64() if name in NUMBERS else pa.string()))
        for name in _WIDE
    ]
)


def write_attempts(connection: Connection, fragments: Collection[Attempt], settled: Settled) -> None:
    """Merge fragments into what is known. Attempts of which nothing more is to be expected go to the cold table."""
    if not fragments:
        return
    known = _take(connection, "attempt_hot", fragments)
    late = [fragment for fragment in fragments if settled.may_hold(fragment) and key_of(fragment) not in known]
    known |= _take(connection, "attempt_cold", late)
    merged, verdicts = _merged(fragments, known)
    whole: list[Attempt] = []
    parts: list[Attempt] = []
    for attempt in merged:
        (whole if is_whole(attempt) else parts).append(attempt)
    if parts:
        _insert(connection, "attempt_insert", parts, verdicts)
    _append(connection, whole, verdicts, settled)


def key_of(attempt: Attempt) -> Key:
    """What tells one attempt from all others."""
    return attempt.session_no, attempt.task_id, attempt.attempt


def _take(connection: Connection, table: str, fragments: Sequence[Attempt] | Collection[Attempt]) -> dict[Key, tuple[Any, ...]]:
    """The rows that a table has of the fragments' attempts, by key; they are deleted from it. The 64-bit key is what makes the search cheap."""
    if not fragments:
        return {}
    connection.register("wanted", pa.table({"task_key": pa.array([fragment.task_key for fragment in fragments], type=pa.uint64())}))
    found = connection.execute(f"SELECT session_no, task_id, attempt, rowid FROM {table} SEMI JOIN wanted USING (task_key)").fetchall()
    connection.unregister("wanted")
    keys = {key_of(fragment) for fragment in fragments} if found else set()
    places = [row[3] for row in found if row[:3] in keys]
    if not places:
        return {}
    rows = connection.execute(f"SELECT {', '.join(_WIDE)} FROM {table} WHERE rowid IN (SELECT unnest(?::BIGINT[]))", [places]).fetchall()
    connection.execute(f"DELETE FROM {table} WHERE rowid IN (SELECT unnest(?::BIGINT[]))", [places])
    return {row[:3]: row for row in rows}


def _merged(fragments: Iterable[Attempt], known: Mapping[Key, tuple[Any, ...]]) -> tuple[list[Attempt], dict[Key, tuple[Any, ...]]]:
    """Each fragment with what is known of its attempt; and what was concluded of some of them."""
    if not known:
        return list(fragments), {}
    merged, verdicts = [], {}
    for fragment in fragments:
        row = known.get(key := key_of(fragment))
        merged.append(fragment if row is None else merge_row(fragment, row))
        if row is not None and row[len(COLUMNS)] is not None:
            verdicts[key] = row[len(COLUMNS) :]
    return merged, verdicts


def is_whole(attempt: Attempt) -> bool:
    """Whether nothing more is to be expected of an attempt: its definition, its run and its profile by the worker, and its end by the owner are there."""
    return (
        attempt.type is not None
        and attempt.t_running is not None
        and attempt.task_end is not None
        and (attempt.t_finished is not None or attempt.t_failed is not None)
        and (attempt.stdout_start is None or attempt.stdout_end is not None)
    )


def _append(connection: Connection, whole: list[Attempt], verdicts: Mapping[Key, tuple[Any, ...]], settled: Settled) -> None:
    """Into the cold table, in the order in which listings read it."""
    whole.sort(key=lambda attempt: (attempt.session_no, attempt.job_id or "", attempt.t_pending_args_avail or 0))
    until: dict[int, int] = {}
    for attempt in whole:
        until[attempt.session_no] = max(until.get(attempt.session_no, 0), attempt.t_finished or 0, attempt.t_failed or 0)
    settled.append(whole, until, time.time_ns())
    if whole:
        _insert(connection, "attempt_append", whole, verdicts)
        _note(connection, until)


def _insert(connection: Connection, query: str, attempts: Sequence[Attempt], verdicts: Mapping[Key, tuple[Any, ...]]) -> None:
    columns = list(zip(*map(astuple, attempts), strict=True))
    if verdicts:
        columns += list(zip(*(verdicts.get(key_of(attempt), _NO_VERDICT) for attempt in attempts), strict=True))
    else:
        columns += [(None,) * len(attempts)] * len(VERDICT)
    arrays = [pa.array(values, type=field.type) for values, field in zip(columns, _SCHEMA, strict=True)]
    connection.register("attempts", pa.Table.from_arrays(arrays, schema=_SCHEMA))
    connection.execute(sql(query))
    connection.unregister("attempts")


_NO_VERDICT: Final = (None,) * len(VERDICT)


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


def _choose(connection: Connection, query: str, parameters: Sequence[int] = ()) -> int:
    """Run a query that makes a temporary table; how many rows it chose."""
    row = connection.execute(sql(query), parameters).fetchone()
    return int(row[0]) if row else 0
