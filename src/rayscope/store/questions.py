"""The questions that are more than a page of rows: sessions by name, their counts, summaries, spans, what ingest received."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from rayscope.store.conditions import Condition
from rayscope.store.database import Connection, sql
from rayscope.store.entity import Row
from rayscope.store.select import Scope, narrow, rows, where


def sessions(connection: Connection) -> list[tuple[int, str]]:
    """Every session's number and name, the newest first."""
    newest_first = "SELECT session_no, session FROM session ORDER BY coalesce(first_ns, word_ns) DESC, session_no DESC"
    found: list[tuple[int, str]] = connection.execute(newest_first).fetchall()
    return found


def session_counts(connection: Connection, session_nos: Sequence[int]) -> dict[int, Row]:
    """By session: nodes, jobs, actors, tasks and failed_tasks, each task counted once."""
    return {row.pop("session_no"): row for row in rows(connection, sql("session_counts"), [list(session_nos)])} if session_nos else {}


def task_groups(connection: Connection, scope: Scope) -> list[Row]:
    """Tasks by name, type and state: name, type, state, tasks, retries, p50_ns, p99_ns, total_ns. Each task counts once, by its last attempt."""
    scope = narrow(connection, scope)
    text, parameters = where(scope)
    retried = structs.replace(scope, conditions=(Condition("attempt_number", ">", (0,)),))
    sessions_text, more = where(retried)
    query = sql("task_groups").replace("{relation}", scope.relation).replace("{where}", text).replace("{sessions}", sessions_text)
    return rows(connection, query, [*parameters, *more])


def actor_groups(connection: Connection, scope: Scope) -> list[Row]:
    """Actors by class and state: class_name, state, actors, restarts."""
    text, parameters = where(scope)
    query = f"""
        SELECT coalesce(class_name, '') AS class_name, state, count(*) AS actors, sum(num_restarts)::BIGINT AS restarts
        FROM {scope.relation}{text} GROUP BY ALL ORDER BY ALL
    """
    return rows(connection, query, parameters)


def extra_spans(connection: Connection, keys: Sequence[tuple[int, int, str, int]], limit: int) -> list[Row]:
    """Profiled spans beyond the standard four, of attempts given as (session_no, task_key, task_id, attempt); each span once."""
    if not keys:
        return []
    session_nos, task_keys, task_ids, attempts = (list(values) for values in zip(*keys, strict=True))
    return rows(connection, sql("extra_spans"), [session_nos, task_keys, task_ids, attempts, limit])


def received(connection: Connection, session_nos: Sequence[int] | None) -> list[Row]:
    """What ingest received, and what it masked: kind, name, count. Masked in logs is what stands in segments."""
    text = "" if session_nos is None else f" WHERE session_no IN ({', '.join(str(int(n)) for n in session_nos) or 'NULL'})"
    query = f"""
        SELECT kind, name, sum(count)::BIGINT AS count FROM (
            SELECT session_no, kind, name, count FROM received
            UNION ALL SELECT session_no, 'redacted', 'logs', redacted FROM log_file WHERE redacted > 0
        ){text} GROUP BY ALL ORDER BY count DESC, name
    """
    return rows(connection, query)


def quarantined(connection: Connection, session: str | None, limit: int) -> tuple[list[Row], int]:
    """The newest unreadable events, of one session or of all, and how many are kept."""
    text, parameters = ("", []) if session is None else (" WHERE session = ?", [session])
    total = connection.execute(f"SELECT count(*) FROM quarantine{text}", parameters).fetchone()
    query = f"SELECT * FROM quarantine{text} ORDER BY received_ns DESC LIMIT {int(limit)}"
    return rows(connection, query, parameters), int(total[0]) if total else 0


def totals(connection: Connection) -> Row:
    """Sessions, events and quarantined events in all."""
    found: list[dict[str, Any]] = rows(
        connection,
        "SELECT count(*) AS sessions, coalesce(sum(events), 0)::BIGINT AS events, coalesce(sum(quarantined), 0)::BIGINT AS quarantined FROM session",
    )
    return found[0]


def roads(connection: Connection, session: str) -> list[str]:
    """Where a session's dashboard may answer, as host:port, the surest first: as reported, then Ray's usual port on its head nodes."""
    query = """
        SELECT dashboard FROM (
            SELECT 0 AS rank, d.dashboard FROM cluster_road d JOIN session s USING (session_no) WHERE s.session = $session
            UNION ALL
            SELECT 1, n.node_ip || ':8265' FROM node n JOIN session s USING (session_no)
            WHERE s.session = $session AND n.is_head_node AND n.end_ns IS NULL AND n.node_ip IS NOT NULL
        ) WHERE dashboard IS NOT NULL ORDER BY rank
    """
    return [row[0] for row in connection.execute(query, {"session": session}).fetchall()]
