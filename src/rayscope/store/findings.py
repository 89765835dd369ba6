"""What is known of a session beside its metrics, for findings: nodes, processes, jobs, who holds GPUs, what ran where and when."""

from __future__ import annotations

from collections.abc import Sequence

from rayscope.store.database import Connection, sql
from rayscope.store.entity import Row
from rayscope.store.select import rows


def nodes(connection: Connection, session_no: int) -> list[Row]:
    """node_id, node_ip, node_name, is_head_node."""
    return rows(connection, "SELECT node_id, node_ip, node_name, is_head_node FROM node WHERE session_no = ?", [session_no])


def processes(connection: Connection, session_no: int) -> list[Row]:
    """Workers and drivers: node_id, pid, worker_id, job_id, actor_id, class_name, is_driver, end_ns."""
    return rows(connection, sql("finding_processes"), [session_no])


def jobs(connection: Connection, session_no: int) -> list[Row]:
    """job_id, entrypoint, start_ns, end_ns."""
    query = "SELECT job_id, submission_id, entrypoint, start_ns, end_ns FROM jobs_at(NULL) WHERE session_no = ? AND job_id IS NOT NULL AND start_ns IS NOT NULL"
    return rows(connection, query, [session_no])


def gpu_holders(connection: Connection, session_no: int, from_ns: int, to_ns: int, limit: int) -> list[Row]:
    """Actors and tasks that asked for GPUs and were there in a stretch of time: kind, id, name, node_id, job_id, start_ns, end_ns."""
    return rows(connection, sql("finding_gpu_holders"), [session_no, int(from_ns), int(to_ns), int(limit)])


def running(connection: Connection, session_no: int, worker_ids: Sequence[str], at_ns: int) -> list[Row]:
    """What ran in workers at a time: worker_id, task_id, name, job_id."""
    return rows(connection, sql("finding_running"), [session_no, list(worker_ids), int(at_ns)]) if worker_ids else []
