"""Deleting what is old: which sessions have ended, how much each holds, and rows of one, a few at a time. What was deleted is written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from rayscope.store.database import Connection
from rayscope.store.entity import Row
from rayscope.store.select import rows

DELETE_ROWS: Final = 50_000
"""Rows deleted in one transaction: some 10 ms, so that ingest does not wait longer."""

_OWN: Final = frozenset({"session", "deleted", "event", "agent"})
"""Tables by session that are no states: the session itself, what is written down here, and other kinds of data. Those of logs begin with `log_`, those of
metrics with `metric_`."""


class Ended(Struct, frozen=True):
    """A session that has ended, and when. ``states``: whether something is left of them."""

    session_no: int
    session: str
    ended_ns: int


class Segment(Struct, frozen=True):
    """One segment of logs: the time of its last line."""

    session_no: int
    session: str
    segment_no: int
    last_ns: int


def ended_sessions(connection: Connection) -> list[Ended]:
    """Those that have ended, the oldest first."""
    query = "SELECT session_no, session, coalesce(ended_ns, last_word_ns) AS ended FROM sessions_at(NULL) WHERE state = 'ENDED' ORDER BY ended, session_no"
    return [Ended(*row) for row in connection.execute(query).fetchall()]


def state_tables(connection: Connection) -> list[str]:
    """The tables that hold states by session."""
    query = "SELECT DISTINCT table_name FROM duckdb_columns() WHERE column_name = 'session_no' AND NOT internal AND database_name = current_database()"
    tables = "SELECT table_name FROM duckdb_tables() WHERE NOT temporary AND database_name = current_database()"
    names = {row[0] for row in connection.execute(query).fetchall()} & {row[0] for row in connection.execute(tables).fetchall()}
    return sorted(name for name in names if name not in _OWN and not name.startswith(("log_", "metric_")))


def held(connection: Connection, tables: Sequence[str]) -> dict[int, int]:
    """By session, how many rows the tables hold of it."""
    if not tables:
        return {}
    text = " UNION ALL ".join(f"SELECT session_no, count(*) AS amount FROM {name} GROUP BY session_no" for name in tables)
    return {int(number): int(amount) for number, amount in connection.execute(f"SELECT session_no, sum(amount) FROM ({text}) GROUP BY ALL").fetchall()}


def delete_some(connection: Connection, table: str, session_no: int) -> int:
    """Delete at most DELETE_ROWS rows of one session; how many."""
    return _deleted(connection, f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE session_no = ? LIMIT {DELETE_ROWS})", [session_no])


def delete_events(connection: Connection, before_ns: int) -> dict[int, int]:
    """Delete at most DELETE_ROWS events from before a time; how many of each session."""
    chosen = "SELECT rowid, session_no FROM event WHERE time_ns < ? LIMIT ?"
    counts = connection.execute(f"SELECT session_no, count(*) FROM ({chosen}) GROUP BY ALL", [before_ns, DELETE_ROWS]).fetchall()
    if counts:
        connection.execute(f"DELETE FROM event WHERE rowid IN (SELECT rowid FROM ({chosen}))", [before_ns, DELETE_ROWS])
    return {int(number): int(amount) for number, amount in counts}


def forget_session(connection: Connection, session_no: int) -> None:
    """Forget that there was a session of which nothing is left, but for what was deleted."""
    for table in ("quarantine", "agent", "session"):
        key = "session = (SELECT session FROM session WHERE session_no = ?)" if table == "quarantine" else "session_no = ?"
        connection.execute(f"DELETE FROM {table} WHERE {key}", [session_no])


def session_names(connection: Connection) -> dict[int, str]:
    """Every session's name by its number."""
    return dict(connection.execute("SELECT session_no, session FROM session").fetchall())


def segments(connection: Connection) -> list[Segment]:
    """Every segment of logs, the oldest first."""
    query = """
        SELECT p.session_no, s.session, p.segment_no, max(p.last_ns) AS last_ns
        FROM log_piece p JOIN session s USING (session_no) GROUP BY ALL ORDER BY last_ns, p.session_no, p.segment_no
    """
    return [Segment(*row) for row in connection.execute(query).fetchall()]


def note_deleted(connection: Connection, row: Row) -> None:
    """Write down a deletion, together with earlier ones of the same session, kind and cause."""
    connection.execute(
        """
        INSERT INTO deleted VALUES ($session_no, $session, $kind, $cause, $before_ns, $amount, $deleted_ns)
        ON CONFLICT (session_no, kind, cause) DO UPDATE SET
            before_ns = greatest(before_ns, excluded.before_ns), amount = amount + excluded.amount, deleted_ns = excluded.deleted_ns
        """,
        row,
    )


def deletions(connection: Connection, session_nos: Sequence[int] | None = None, kind: str | None = None) -> list[Row]:
    """What was deleted, the newest first."""
    parts = [f"session_no IN ({', '.join(str(int(number)) for number in session_nos) or 'NULL'})"] if session_nos is not None else []
    parts += ["kind = ?"] if kind else []
    text = f" WHERE {' AND '.join(parts)}" if parts else ""
    return rows(connection, f"SELECT * FROM deleted{text} ORDER BY deleted_ns DESC, session, kind", [kind] if kind else [])


def room(connection: Connection) -> tuple[int, int]:
    """The database's bytes: used, and free inside of its file."""
    found = connection.execute("SELECT block_size, used_blocks, free_blocks FROM pragma_database_size() WHERE database_name = current_database()").fetchone()
    block, used, free = found or (0, 0, 0)
    return int(block) * int(used), int(block) * int(free)


def _deleted(connection: Connection, query: str, parameters: Sequence[object]) -> int:
    found = connection.execute(query, list(parameters)).fetchone()
    return int(found[0]) if found else 0
