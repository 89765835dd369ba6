"""Drivers as workers: Ray's state API lists a driver among the workers, its event feed tells of it as a job only."""

from __future__ import annotations

from rayscope.query.queries import Queries
from rayscope.query.request import ListRequest
from rayscope.server.ray_api.places import driver_worker_id
from rayscope.server.ray_api.rows_entities import worker_row
from rayscope.store.entity import Row
from rayscope.store.limits import MAX_PAGE


def driver_rows(queries: Queries, session: str) -> list[Row]:
    """A WorkerState of each job whose driver the store has no worker of. How a driver exited is not known."""
    jobs = queries.page(ListRequest(resource="jobs", session=session, filters=("job_id!=null",), detail=True, limit=MAX_PAGE)).rows
    known = queries.page(ListRequest(resource="workers", session=session, filters=("worker_type=DRIVER",), columns="worker_id", limit=MAX_PAGE)).rows
    left_out = {row["worker_id"] for row in known}
    return [worker_row(_worker(job)) for job in jobs if driver_worker_id(job["job_id"]) not in left_out]


def _worker(job: Row) -> Row:
    return {
        "worker_id": driver_worker_id(job["job_id"]),
        "state": "ALIVE" if job["end_ns"] is None else "DEAD",
        "worker_type": "DRIVER",
        "exit_type": None,
        "exit_detail": None,
        "node_id": job["driver_node_id"],
        "ip": job["driver_ip"],
        "pid": job["driver_pid"],
        "launch_ns": None,
        "launched_ns": None,
        "start_ns": job["start_ns"],
        "end_ns": job["end_ns"],
    }
