"""Pages of rows: which columns are read, and what is shown of them."""

from __future__ import annotations

from collections.abc import Sequence

from rayscope.model.page import Page
from rayscope.model.resources import Column, Resource
from rayscope.query.cursor import encode_cursor, order_text
from rayscope.query.present import present
from rayscope.query.request import ListRequest
from rayscope.query.spans import add_spans
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
    )
