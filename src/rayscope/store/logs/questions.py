"""What log questions ask of the other tables: who printed there, which workers are an actor's, which jobs a worker's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from msgspec import Struct

from rayscope.ray.ids import task_key
from rayscope.store.database import Connection, sql
from rayscope.store.entity import Row
from rayscope.store.logs.memory import Attribution
from rayscope.store.select import rows

WorkerKey = tuple[int, str]


class Window(Struct, frozen=True):
    """A stretch of one worker's output, both ends inclusive."""

    session_no: int
    worker_id: str
    stream: str
    first: int
    last: int


class Range(Struct, frozen=True):
    """An attempt's own bytes of its worker's output. ``end`` None: to the end of the output."""

    session_no: int
    worker_id: str
    stream: str
    start: int
    end: int | None
    task_id: str
    attempt: int


class People(Struct, frozen=True):
    """What is known around windows: marks, ranges, and the actors and jobs of the workers."""

    marks: list[Attribution]
    ranges: list[Range]
    actors: dict[WorkerKey, Row]
    jobs: dict[WorkerKey, str | None]


def people_near(connection: Connection, windows: Sequence[Window]) -> People:
    """Marks, ranges, actors and jobs of the windows."""
    if not windows:
        return People([], [], {}, {})
    connection.register("log_window", pa.Table.from_pylist([{name: getattr(window, name) for name in Window.__struct_fields__} for window in windows], _WINDOW))
    try:
        marks = [Attribution(*row) for row in connection.execute(sql("log_marks_near")).fetchall()]
        ranges = [Range(*row) for row in connection.execute(sql("log_ranges_near")).fetchall()]
        actors = rows(connection, _ACTORS)
        jobs = rows(connection, _JOBS)
    finally:
        connection.unregister("log_window")
    return People(
        marks,
        ranges,
        {(row["session_no"], row["worker_id"]): row for row in actors},
        {(row["session_no"], row["worker_id"]): row["job_id"] for row in jobs},
    )


_WINDOW = pa.schema([("session_no", pa.int32()), ("worker_id", pa.string()), ("stream", pa.string()), ("first", pa.int64()), ("last", pa.int64())])
_ACTORS = """
    SELECT DISTINCT a.session_no, w.worker_id, a.actor_id, a.class_name, a.repr_name, a.job_id
    FROM actor a JOIN log_window w ON w.session_no = a.session_no AND (w.worker_id = a.worker_id OR contains(a.transitions, w.worker_id))
"""
_JOBS = "SELECT session_no, worker_id, job_id FROM worker SEMI JOIN log_window w USING (session_no, worker_id)"


def task_names(connection: Connection, tasks: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Row]:
    """By session number and task id: name, actor_id, job_id."""
    if not tasks:
        return {}
    found = rows(connection, sql("log_tasks"), [[number for number, _ in tasks], [task_key(task) for _, task in tasks], [task for _, task in tasks]])
    return {(row["session_no"], row["task_id"]): row for row in found}


def task_places(connection: Connection, session_nos: Sequence[int] | None, task: str, attempt: int | None) -> list[Row]:
    """Where the attempts of a task ran: session_no, task_id, attempt, worker_id, times and ranges. ``task``: an id or a prefix of one."""
    where, parameters = _of_task(session_nos, task, attempt)
    columns = "session_no, task_id, attempt, worker_id, actor_id, type, stdout_start, stdout_end, stderr_start, stderr_end"
    return rows(
        connection, f"SELECT {columns} FROM attempt_hot WHERE {where} UNION ALL SELECT {columns} FROM attempt_cold WHERE {where} LIMIT 1000", parameters * 2
    )


def task_marks(connection: Connection, session_nos: Sequence[int] | None, task: str, attempt: int | None) -> list[Attribution]:
    """The marks of a task."""
    where, parameters = _of_task(session_nos, task, attempt)
    query = f"SELECT session_no, worker_id, stream, start_offset, end_offset, task_id, attempt FROM log_mark WHERE {where}"
    return [Attribution(*row) for row in connection.execute(query, parameters).fetchall()]


def _of_task(session_nos: Sequence[int] | None, task: str, attempt: int | None) -> tuple[str, list[Any]]:
    """The condition of a task's rows, or of one attempt's, and its parameters."""
    texts, parameters = _scoped(session_nos)
    texts.append("starts_with(task_id, ?)")
    parameters.append(task)
    if attempt is not None:
        texts.append("attempt = ?")
        parameters.append(attempt)
    return " AND ".join(texts), parameters


def actor_workers(connection: Connection, session_nos: Sequence[int] | None, actor: str) -> tuple[set[str], set[WorkerKey]]:
    """The ids of the actors meant (by id, prefix, or name), and all workers that they lived in."""
    texts, parameters = _scoped(session_nos)
    query = f"SELECT session_no, actor_id, worker_id, transitions FROM actor WHERE {' AND '.join([*texts, '(starts_with(actor_id, ?) OR name = ?)'])}"
    found = connection.execute(query, [*parameters, actor, actor]).fetchall()
    workers = {(number, worker) for number, _, worker, _ in found if worker}
    for number, _, _, transitions in found:  # it may have lived elsewhere before a restart
        workers |= {(number, step["worker_id"]) for step in json.loads(transitions or "[]") if step.get("worker_id")}
    return {row[1] for row in found}, workers


def job_places(connection: Connection, session_nos: Sequence[int] | None, job: str) -> tuple[set[str], set[WorkerKey]]:
    """The job and submission ids meant by either, and the workers that served the job."""
    texts, parameters = _scoped(session_nos)
    where = " AND ".join([*texts, "(job_id = ? OR submission_id = ?)"])
    drivers = "(SELECT session_no, job_id, metadata ->> '$.job_submission_id' AS submission_id FROM driver_job)"
    query = f"SELECT job_id, submission_id FROM {drivers} WHERE {where} UNION ALL SELECT job_id, submission_id FROM submission WHERE {where}"
    ids = {job} | {name for row in connection.execute(query, [*parameters, job, job] * 2).fetchall() for name in row if name}
    query = f"SELECT session_no, worker_id FROM worker WHERE {' AND '.join([*texts, 'job_id IN (SELECT unnest(?::VARCHAR[]))'])}"
    return ids, set(connection.execute(query, [*parameters, sorted(ids)]).fetchall())


def nodes_named(connection: Connection, session_nos: Sequence[int] | None, node: str) -> set[str]:
    """The ids of the nodes of that address or name."""
    texts, parameters = _scoped(session_nos)
    query = f"SELECT node_id FROM node WHERE {' AND '.join([*texts, '(node_ip = ? OR node_name = ? OR hostname = ?)'])}"
    return {row[0] for row in connection.execute(query, [*parameters, node, node, node]).fetchall()}


def stored_ends(connection: Connection, file_nos: Sequence[int]) -> dict[int, int]:
    """By file: how far it is in segments."""
    query = "SELECT file_no, next_offset FROM log_file WHERE file_no IN (SELECT unnest(?::INTEGER[]))"
    return dict(connection.execute(query, [list(file_nos)]).fetchall())


def _scoped(session_nos: Sequence[int] | None) -> tuple[list[str], list[Any]]:
    if session_nos is None:
        return ["true"], []
    return ["session_no IN (SELECT unnest(?::INTEGER[]))"], [list(session_nos)]
