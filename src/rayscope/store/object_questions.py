"""Questions about snapshots of the object table that are more than a page of references."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from rayscope.store.conditions import Condition
from rayscope.store.database import Connection, sql
from rayscope.store.entity import Row
from rayscope.store.select import Scope, relation, rows, where

GROUPS: Final = {
    "call-site": "coalesce(call_site, CASE WHEN is_owner THEN '(call sites are not recorded)' ELSE '(borrowed)' END)",
    "function": "coalesce(function, '(not known)')",
    "node": "coalesce(ip || ' ' || left(node_id, 8), ip)",
    "owner": """CASE
        WHEN job_id IS NULL THEN '(not known)'
        WHEN actor_id IS NOT NULL THEN 'actor ' || coalesce(class_name || ' ', '') || left(actor_id, 8)
        WHEN function = '(driver)' THEN 'driver of job ' || job_id
        ELSE 'task ' || coalesce(function, left(object_id, 16))
    END""",
}
"""What a summary groups by: the name that it makes of a reference."""


def snapshots(connection: Connection, session_no: int, at_ns: int | None, limit: int) -> list[Row]:
    """The snapshots of a session up to a time, the newest first."""
    text = "" if at_ns is None else f" AND taken_ns <= {int(at_ns)}"
    query = f"SELECT * EXCLUDE (session_no) FROM object_snapshot WHERE session_no = ?{text} ORDER BY taken_ns DESC LIMIT {int(limit)}"
    return rows(connection, query, [session_no])


def chosen(connection: Connection, session_no: int, at_ns: int | None) -> Row | None:
    """The snapshot that answers a question."""
    moment = "NULL" if at_ns is None else int(at_ns)
    query = f"""
        SELECT s.* EXCLUDE (session_no) FROM object_snapshot s JOIN object_chosen({moment}) c USING (session_no, taken_ns) WHERE s.session_no = ?
    """
    found = rows(connection, query, [session_no])
    return found[0] if found else None


def last_with_references(connection: Connection, session_no: int, before_ns: int) -> Row | None:
    """The newest snapshot before a time that is not empty."""
    query = "SELECT taken_ns, kept FROM object_snapshot WHERE session_no = ? AND taken_ns < ? AND kept > 0 ORDER BY taken_ns DESC LIMIT 1"
    found = rows(connection, query, [session_no, before_ns])
    return found[0] if found else None


def dropped(connection: Connection, session_no: int) -> int:
    """How many snapshots of a session went over the limit."""
    found = connection.execute("SELECT dropped FROM object_bound WHERE session_no = ?", [session_no]).fetchall()
    return int(found[0][0]) if found else 0


def groups(connection: Connection, session_no: int, at_ns: int | None, by: str, conditions: tuple[Condition, ...]) -> list[Row]:
    """References by what GROUPS names: name, objects, references, size_bytes, unknown, reference_types, processes, nodes. First a row of all, its name null."""
    text, parameters = where(Scope(relation=relation("objects", at_ns), sessions=(session_no,), conditions=conditions))
    query = sql("object_groups").replace("{relation}", relation("objects", at_ns)).replace("{where}", text).replace("{name}", GROUPS[by])
    return rows(connection, query, parameters)


def site_points(connection: Connection, session_no: int, times_ns: Sequence[int]) -> list[Row]:
    """By call site and snapshot: call_site, taken_ns, objects, size_bytes. Each object counts once a snapshot, at its owner's call site where that is there."""
    return rows(connection, sql("object_growth"), [session_no, list(times_ns)])


def references(connection: Connection, session_no: int, at_ns: int | None, limit: int) -> list[Row]:
    """All references of the snapshot, with what is known of them."""
    return rows(connection, f"SELECT * FROM {relation('objects', at_ns)} WHERE session_no = ? ORDER BY object_id LIMIT {int(limit)}", [session_no])


def ray_rows(connection: Connection, session_no: int, taken_ns: int) -> list[Row]:
    """The references of a snapshot, with Ray's names and values, in the order of their ids."""
    query = """
        SELECT object_id, size_bytes AS object_size, task_status, attempt_number, reference_type, call_site, type, pid, ip
        FROM object_span WHERE session_no = $1 AND first_ns <= $2 AND (last_ns IS NULL OR last_ns >= $2) ORDER BY object_id, ip, pid
    """
    return rows(connection, query, [session_no, taken_ns])


def tasks_by_id(connection: Connection, session_no: int, task_ids: Collection[str]) -> dict[str, Row]:
    """By task: its last attempt's worker_id, parent_task_id, end_ns, func."""
    return {row["task_id"]: row for row in _by_ids(connection, "object_tasks", session_no, task_ids)}


def processes_by_worker(connection: Connection, session_no: int, worker_ids: Collection[str]) -> dict[str, Row]:
    """By worker (drivers too): end_ns, exit_type, job_id, actor_id, class_name, node_end_ns."""
    return {row["worker_id"]: row for row in _by_ids(connection, "object_workers", session_no, worker_ids)}


def activity(connection: Connection, session_no: int, worker_ids: Collection[str], until_ns: int) -> dict[str, Row]:
    """By worker that ran something (a driver: whose job submitted something): last_ns, the last start or end up to a time, and is_busy then."""
    if not worker_ids:
        return {}
    found = rows(connection, sql("object_activity"), [session_no, sorted(worker_ids), int(until_ns)])
    return {row["worker_id"]: row for row in found}


def actors_by_id(connection: Connection, session_no: int, actor_ids: Collection[str]) -> dict[str, Row]:
    """By actor: class_name, end_ns."""
    return {row["actor_id"]: row for row in _by_ids(connection, "object_actors", session_no, actor_ids)}


def job_ends(connection: Connection, session_no: int) -> dict[str, int]:
    """By job that has ended by its own or `rayscope run`'s word: when."""
    return dict(connection.execute(sql("object_jobs"), [session_no]).fetchall())


def _by_ids(connection: Connection, query: str, session_no: int, ids: Collection[str]) -> list[dict[str, Any]]:
    return rows(connection, sql(query), [session_no, sorted(ids)]) if ids else []
