"""Pages of rows: which columns are read, and what is shown of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rayscope.model.page import Page
from rayscope.model.resources import Column, Resource
from rayscope.query.cursor import encode_cursor, order_text
from rayscope.query.present import present
from rayscope.query.request import ListRequest
from rayscope.query.spans import add_spans
from rayscope.store import questions
from rayscope.store.conditions import Order
from rayscope.store.database import Connection
from rayscope.store.entity import Row


def selected(resource: Resource, columns: Sequence[Column], order: Sequence[Order]) -> list[str]:
    """The columns to read: those shown, those that the cursor needs, and a task's keys."""
    names = dict.fromkeys([*(column.name for column in columns), *(term.column for term in order)])
    return [*names, *(["session_no", "task_key"] if resource.name == "tasks" else [])]


def page_of(  # noqa: PLR0913, PLR0917 the parts of one answer
    connection: Connection,
    request: ListRequest,
    rows: list[Row],
    columns: Sequence[Column],
    order: Sequence[Order],
    total: int,
    fit: int,
    chosen: tuple[int, str] | None,
    at_ns: int | None,
) -> Page:
    """The answer of one page: the asked-for columns of its rows, and the cursor of the next. One row more than asked for says that there is one."""
    more, rows = len(rows) > request.limit, rows[: request.limit]
    following = encode_cursor(order_text(order), [rows[-1][term.column] for term in order]) if more else None
    shown = present(rows, columns)
    if any(column.name == "profile_events" for column in columns):
        add_spans(connection, shown)
    return Page(
        rows=[{column.name: row[column.name] for column in columns} for row in shown],
        total=total,
        num_filtered=fit,
        next=following,
        as_of_ns=at_ns,
        session=chosen[1] if chosen else None,
        warnings=polled_warnings(connection, request.resource, chosen),
    )


_POLLED_RESOURCES: Final = frozenset({"tasks", "actors", "workers", "nodes", "jobs"})


def polled_warnings(connection: Connection, resource: str, chosen: tuple[int, str] | None) -> list[str]:
    """What may be missing of a session that exported no events, so that its states were polled."""
    if chosen is None or resource not in _POLLED_RESOURCES:
        return []
    counts = questions.received(connection, [chosen[0]])
    if not any(row["kind"] == "polled" for row in counts) or any(row["kind"] == "event_type" for row in counts):
        return []
    return ["this cluster exports no events, so its states were polled: tasks that lived shorter than 5 s, or beyond Ray's 10,000 rows, may be missing"]
