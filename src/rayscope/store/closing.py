"""Reading what may have to be closed, and writing what was concluded. The conclusions themselves are made in ingest/reconcile.py."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from msgspec import Struct
from msgspec.structs import asdict

from rayscope.store.database import Connection, sql


class Evidence(Struct, frozen=True, kw_only=True):
    """An attempt without an end, and the ends of what it lived in. Times are UTC ns; None: not ended, or not known."""

    session_no: int
    task_id: str
    attempt: int
    type: str | None = None
    job_id: str | None = None
    actor_id: str | None = None
    worker_id: str | None = None
    t_running: int | None = None
    task_end: int | None = None
    profile_extra: str | None = None
    creation_ns: int | None = None
    worker_end_ns: int | None = None
    exit_type: str | None = None
    exit_detail: str | None = None
    node_end_ns: int | None = None
    node_message: str | None = None
    actor_end_ns: int | None = None
    actor_message: str | None = None
    job_end_ns: int | None = None
    session_end_ns: int | None = None
    session_reason: str | None = None
    silent: bool = False


class Verdict(Struct, frozen=True, kw_only=True):
    """How an attempt is taken to have ended: FAILED with Ray's error type, or LOST, when, why, and by the end of what."""

    session_no: int
    task_id: str
    attempt: int
    cause: str
    state: str
    error_type: str | None
    reason: str
    ns: int
    word_ns: int


_VERDICTS = pa.schema(
    [
        ("session_no", pa.int32()),
        ("task_id", pa.string()),
        ("attempt", pa.int32()),
        *((name, pa.string()) for name in ("cause", "state", "error_type", "reason")),
        ("ns", pa.int64()),
        ("word_ns", pa.int64()),
    ]
)


def open_attempts(connection: Connection, limit: int) -> list[Evidence]:
    """Up to ``limit`` attempts that nobody ended although what they lived in ended."""
    cursor = connection.execute(sql("open_attempts"), [limit])
    names = [column[0] for column in cursor.description or ()]
    return [Evidence(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def write_verdicts(connection: Connection, verdicts: Sequence[Verdict]) -> None:
    """Note the verdicts with their attempts, but for those that have a reported end by now."""
    if verdicts:
        connection.register("verdicts", pa.Table.from_pylist([asdict(verdict) for verdict in verdicts], schema=_VERDICTS))
        connection.execute(sql("close_attempts"))
        connection.unregister("verdicts")


def mark_silent(connection: Connection, before_ns: int) -> int:
    """Let sessions without a word since ``before_ns`` count as ended. Returns how many newly do."""
    row = connection.execute(sql("session_silence"), [before_ns]).fetchone()
    return int(row[0]) if row else 0


def silent_sessions(connection: Connection) -> set[int]:
    """The sessions that count as ended because nobody speaks."""
    return {row[0] for row in connection.execute("SELECT session_no FROM session WHERE silent_since_ns IS NOT NULL").fetchall()}


def ended_sessions(connection: Connection) -> set[int]:
    """The sessions that have ended, by their run's word or because nobody speaks."""
    return {row[0] for row in connection.execute("SELECT session_no FROM session_end WHERE ended_ns IS NOT NULL").fetchall()}


def forget_silence(connection: Connection, session_nos: Sequence[int]) -> None:
    """Take back what was concluded from the silence of sessions that speak again."""
    connection.register("heard_again", pa.table({"session_no": list(session_nos)}))
    for name in ("silence_forget_hot", "silence_revive", "silence_forget_cold"):
        connection.execute(sql(name))
    connection.unregister("heard_again")
