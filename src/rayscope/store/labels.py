"""What entities are called: the few columns of each that a label is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rayscope.store.database import Connection
from rayscope.store.entity import Row
from rayscope.store.select import rows

_LABELS: Final = {
    "node": ("nodes_at", "node_id", "node_name, node_ip, hostname, is_head_node, state"),
    "worker": ("workers_at", "worker_id", "pid, ip, worker_type, state"),
    "actor": ("actors_at", "actor_id", "class_name, name, repr_name, state"),
    "job": ("jobs_at", "job_id", "entrypoint, submission_id, status AS state"),
}


def entity_labels(connection: Connection, kind: str, session_no: int, ids: Sequence[str], at_ns: int | None) -> dict[str, Row]:
    """By id, the columns that name an entity of a session; nothing of one that is not known."""
    return {key: row for (_, key), row in labels_in(connection, kind, [session_no], ids, at_ns).items()}


def labels_in(connection: Connection, kind: str, sessions: Sequence[int], ids: Sequence[str], at_ns: int | None) -> dict[tuple[int, str], Row]:
    """The same in several sessions, by session and id."""
    if kind not in _LABELS:
        return {}
    macro, key, columns = _LABELS[kind]
    moment = "NULL" if at_ns is None else str(int(at_ns))
    query = f"""
        SELECT session_no, {key} AS id, {columns} FROM {macro}({moment})
        WHERE session_no IN (SELECT unnest(?::INTEGER[])) AND {key} IN (SELECT unnest(?::VARCHAR[]))
    """
    return {(row["session_no"], row["id"]): row for row in rows(connection, query, [list(sessions), list(ids)])}
