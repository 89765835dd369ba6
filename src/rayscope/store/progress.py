"""How far a session or a job has come, and what failed in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from rayscope.store.conditions import Condition
from rayscope.store.database import Connection, sql
from rayscope.store.entity import Row
from rayscope.store.select import Scope, rows, where


def progress(connection: Connection, scope: Scope) -> list[Row]:
    """Tasks by function: name, type, tasks, finished, running, waiting, failed, lost, retries, attempts, p50_ns, p99_ns, total_ns, first_ns, last_ns."""
    return rows(connection, *_beside_retries("progress", scope))


def progress_totals(connection: Connection, scope: Scope) -> Row:
    """The same without functions: tasks, finished, running, waiting, failed, lost, retries, attempts."""
    return rows(connection, *_beside_retries("progress_totals", scope))[0]


def failures(connection: Connection, scope: Scope, limit: int) -> list[Row]:
    """Groups of failed and lost attempts, most first, each with its latest (part, place, line) and, in all rows, groups_total and attempts_total."""
    text, parameters = where(scope)
    query = sql("failures").replace("{relation}", scope.relation).replace("{where}", text).replace("{limit}", str(int(limit)))
    return rows(connection, query, parameters)


def examples(connection: Connection, scope: Scope, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Row]:
    """By place in the store: task_id, attempt_number and error_message of an attempt."""
    found: dict[tuple[int, int], Row] = {}
    for part in (0, 1):
        ids = [place for at, place in places if at == part]
        if ids:
            query = f"""
                SELECT _rowid, task_id, attempt_number, coalesce(error_message, state_reason) AS error_message FROM {scope.relation}
                WHERE _part = {part} AND _rowid IN (SELECT unnest(?::BIGINT[]))
            """
            found |= {(part, row.pop("_rowid")): row for row in rows(connection, query, [ids])}
    return found


def last_failed(connection: Connection, scope: Scope) -> list[tuple[Any, ...]]:
    """Tasks whose last attempt failed or was lost, by function and line: name, tasks, line, error type; most first."""
    found: list[tuple[Any, ...]] = connection.execute(*_beside_retries("last_failed", scope)).fetchall()
    return found


def _beside_retries(name: str, scope: Scope) -> tuple[str, list[Any]]:
    """A query of a scope's attempts beside all retries of its sessions, and its parameters."""
    text, parameters = where(scope)
    retried, more = where(structs.replace(scope, conditions=(Condition("attempt_number", ">", (0,)),)))
    query = sql(name).replace("{relation}", scope.relation).replace("{where}", text).replace("{sessions}", retried)
    return query, [*parameters, *more]
