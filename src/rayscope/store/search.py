"""What a search looks through: ids by prefix, the names of entities, and the dictionaries of attempts' names and errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rayscope.store.database import Connection
from rayscope.store.entity import Row
from rayscope.store.select import rows

_ENTITIES: Final = {
    "node": ("node", "node_id", ("node_ip", "node_name", "hostname"), "start_ns"),
    "worker": ("worker", "worker_id", ("CAST(pid AS VARCHAR)",), "start_ns"),
    "actor": ("actor", "actor_id", ("name", "repr_name", "class_name"), "created_ns"),
    "job": ("driver_job", "job_id", ("entrypoint",), "start_ns"),
    "submission": ("submission", "submission_id", ("entrypoint", "message"), "coalesce(running_ns, pending_ns)"),
    "placement-group": ("placement_group", "placement_group_id", ("name",), "created_ns"),
}
"""By kind: its table, its id, the texts that it is found by, and its time."""


def entities(connection: Connection, kind: str, sessions: Sequence[int] | None, words: Sequence[str], limit: int) -> list[Row]:
    """Entities whose id begins with the (only) word, or whose texts hold all words: session_no, id, texts, time_ns. The newest first."""
    table, key, texts, time = _ENTITIES[kind]
    joined = f"lower(concat_ws(' ', {', '.join(texts)}))"
    holds = " AND ".join(f"contains({joined}, ?)" for _ in words)
    begins, more = (f" OR starts_with({key}, ?)", [words[0]]) if len(words) == 1 and len(words[0]) >= _MIN_PREFIX else ("", [])
    query = f"""
        SELECT session_no, {key} AS id, [{", ".join(f"coalesce({text}, '')" for text in texts)}] AS texts, {time} AS time_ns
        FROM {table} WHERE ({holds}{begins}){_of(sessions)} ORDER BY time_ns DESC NULLS LAST, id LIMIT {int(limit)}
    """
    return rows(connection, query, [*words, *more])


def entity_kinds() -> tuple[str, ...]:
    """What entities there are to look for."""
    return tuple(_ENTITIES)


def classes(connection: Connection, sessions: Sequence[int] | None, words: Sequence[str], limit: int) -> list[Row]:
    """Classes of actors whose names hold all words: session_no, name, count, time_ns."""
    holds = " AND ".join("contains(lower(class_name), ?)" for _ in words)
    query = f"""
        SELECT session_no, class_name AS name, count(*) AS count, max(created_ns) AS time_ns
        FROM actor WHERE {holds}{_of(sessions)} GROUP BY ALL ORDER BY time_ns DESC NULLS LAST, name LIMIT {int(limit)}
    """
    return rows(connection, query, list(words))


def tasks_by_prefix(connection: Connection, sessions: Sequence[int] | None, prefix: str, limit: int) -> list[Row]:
    """Attempts whose task id begins so, each task once: session_no, id, name, attempts, time_ns."""
    parts = (
        f"SELECT session_no, task_id, attempt, coalesce(name, func) AS name, {time} AS time_ns FROM {table} WHERE starts_with(task_id, ?){_of(sessions)}"
        for table, time in (("attempt_hot", "coalesce(t_running, t_pending_args_avail)"), ("attempt_cold", "creation_ns"))
    )
    query = f"""
        SELECT session_no, task_id AS id, any_value(name) AS name, count(*) AS attempts, max(time_ns) AS time_ns
        FROM ({" UNION ALL ".join(parts)}) GROUP BY ALL ORDER BY time_ns DESC NULLS LAST, id LIMIT {int(limit)}
    """
    return rows(connection, query, [prefix, prefix])


def last_cold(connection: Connection) -> tuple[int, int]:
    """The place and the key of the last settled attempt; (-1, 0) where there is none."""
    found = connection.execute("SELECT rowid, task_key FROM attempt_cold WHERE rowid = (SELECT max(rowid) FROM attempt_cold)").fetchone()
    return (-1, 0) if found is None else (int(found[0]), int(found[1]))


def cold_key(connection: Connection, place: int) -> int:
    """The key of the attempt at a place; 0 where there is none (any more)."""
    found = connection.execute("SELECT task_key FROM attempt_cold WHERE rowid = ?", [place]).fetchone()
    return 0 if found is None else int(found[0])


def cold_names(connection: Connection, after: int, until: int) -> list[tuple[int, str]]:
    """Different names of attempts that settled between two places: session_no, name."""
    query = "SELECT DISTINCT session_no, coalesce(name, func) FROM attempt_cold WHERE rowid > ? AND rowid <= ? AND coalesce(name, func) IS NOT NULL"
    found: list[tuple[int, str]] = connection.execute(query, [after, until]).fetchall()
    return found


def cold_errors(connection: Connection, after: int, until: int, limit: int) -> list[tuple[Any, ...]]:
    """What failed attempts that settled between two places said, folded: session_no, error type, folded line, a line, a function."""
    query = f"""
        SELECT session_no, error_type, folded_line(line) AS folded, any_value(line), any_value(name), max(end_ns)
        FROM (
            SELECT
                session_no, coalesce(error_type, verdict_error_type, '') AS error_type, error_line(error_message) AS line, coalesce(name, func) AS name, end_ns
            FROM attempt_cold WHERE rowid > ? AND rowid <= ? AND error_message IS NOT NULL
        ) GROUP BY ALL LIMIT {int(limit)}
    """
    found: list[tuple[Any, ...]] = connection.execute(query, [after, until]).fetchall()
    return found


def has_hot(connection: Connection) -> bool:
    """Whether there are attempts that have not settled. Of a store at rest there are none, and to plan a question of them takes longer than to look."""
    return connection.execute("SELECT 1 FROM attempt_hot LIMIT 1").fetchone() is not None


def hot_names(connection: Connection) -> list[tuple[int, str]]:
    """Different names of attempts that have not settled."""
    found: list[tuple[int, str]] = connection.execute(
        "SELECT DISTINCT session_no, coalesce(name, func) FROM hot_attempt WHERE coalesce(name, func) IS NOT NULL"
    ).fetchall()
    return found


def hot_errors(connection: Connection, limit: int) -> list[tuple[Any, ...]]:
    """The same of what attempts that have not settled said."""
    query = f"""
        SELECT session_no, error_type, folded_line(line) AS folded, any_value(line), any_value(name), max(end_ns)
        FROM (
            SELECT session_no, coalesce(error_type, '') AS error_type, error_line(error_message) AS line, coalesce(name, func) AS name, end_ns
            FROM hot_attempt WHERE error_message IS NOT NULL
        ) GROUP BY ALL LIMIT {int(limit)}
    """
    found: list[tuple[Any, ...]] = connection.execute(query).fetchall()
    return found


def name_counts(connection: Connection, pairs: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Row]:
    """How many attempts each (session, name) has, and when the last was submitted."""
    if not pairs:
        return {}
    numbers, names = sorted({number for number, _ in pairs}), sorted({name for _, name in pairs})
    tables = ("hot_attempt", "attempt_cold") if has_hot(connection) else ("attempt_cold",)
    parts = (  # of the tables by themselves: to plan a question of their union takes longer than to answer it
        f"""
        SELECT session_no, coalesce(name, func) AS n, count(*) AS count, max(creation_ns) AS time_ns FROM {table}
        WHERE session_no IN (SELECT unnest(?::INTEGER[])) AND coalesce(name, func) IN (SELECT unnest(?::VARCHAR[])) GROUP BY ALL
        """
        for table in tables
    )
    query = f"SELECT session_no, n, sum(count)::BIGINT AS count, max(time_ns) AS time_ns FROM ({' UNION ALL '.join(parts)}) GROUP BY ALL"
    found = rows(connection, query, [numbers, names] * len(tables))
    return {(row["session_no"], row["n"]): row for row in found}


def session_words(connection: Connection) -> list[Row]:
    """Every session with what it is found by: session_no, session, cluster, command, time_ns; the newest first."""
    query = """
        SELECT s.session_no, s.session, coalesce(s.cluster, max(r.cluster)) AS cluster, string_agg(r.command, ' ') AS command, s.first_ns AS time_ns, s.word_ns
        FROM session s LEFT JOIN run r ON r.session_no = s.session_no
        GROUP BY s.session_no, s.session, s.cluster, s.first_ns, s.word_ns ORDER BY coalesce(s.first_ns, s.word_ns) DESC, s.session_no DESC
    """
    return rows(connection, query)


def _of(sessions: Sequence[int] | None) -> str:
    return "" if sessions is None else f" AND session_no IN ({', '.join(str(int(number)) for number in sessions) or 'NULL'})"


_MIN_PREFIX: Final = 4
