"""Pages of sessions. They are few: all are read and counted, and then filtered and sorted by whatever was asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from rayscope.errors import FilterError
from rayscope.model.page import Page
from rayscope.model.resources import RESOURCES, Column
from rayscope.query.cursor import encode_cursor, order_text
from rayscope.query.request import ListRequest
from rayscope.store import questions
from rayscope.store.conditions import Condition, Order
from rayscope.store.database import Connection
from rayscope.store.entity import Row
from rayscope.store.limits import MAX_PAGE
from rayscope.store.select import Scope, page

COUNTED: Final = frozenset({"nodes", "jobs", "actors", "tasks", "failed_tasks"})
"""A session's columns that are counted when asked for, not stored."""


def page_of_sessions(  # noqa: PLR0913, PLR0917 the parts of one answer
    connection: Connection,
    scope: Scope,
    request: ListRequest,
    columns: Sequence[Column],
    order: Sequence[Order],
    wanted: Sequence[Condition],
    total: int,
    after: Sequence[Any] | None,
    at_ns: int | None,
) -> Page:
    """Sessions are few: all are read, counted, and then filtered and sorted by whatever was asked."""
    every = RESOURCES["sessions"].columns
    stored = [column.name for column in every if column.name not in COUNTED]
    rows = with_counts(connection, page(connection, scope, ["session_no", *stored], [Order("session_no", descending=True)], MAX_PAGE, None), every)
    fit = [row for row in rows if all(_fits(row, condition) for condition in wanted if condition.column in COUNTED)]
    for term in reversed(order):
        known = [row for row in fit if row[term.column] is not None]
        unknown = [row for row in fit if row[term.column] is None]
        fit = sorted(known, key=lambda row, name=term.column: row[name], reverse=term.descending) + unknown  # type: ignore[misc]  # a lambda's default
    start = after[0] if after else 0
    end = start + request.limit
    return Page(
        rows=[{column.name: row[column.name] for column in columns} for row in fit[start:end]],
        total=total,
        as_of_ns=at_ns,
        num_filtered=len(fit),
        next=encode_cursor(order_text(order), [end]) if end < len(fit) else None,
    )


def with_counts(connection: Connection, rows: list[Row], columns: Sequence[Column]) -> list[Row]:
    """Rows of sessions with their counts, reduced to the columns."""
    counts = questions.session_counts(connection, [row["session_no"] for row in rows])
    return [{column.name: (row | counts[row["session_no"]])[column.name] for column in columns} for row in rows]


def _fits(row: Row, condition: Condition) -> bool:
    value, wanted = row[condition.column], condition.values
    tests: dict[str, Callable[[], bool]] = {
        "=": lambda: value == wanted[0],
        "!=": lambda: value != wanted[0],
        "<": lambda: value < wanted[0],
        "<=": lambda: value <= wanted[0],
        ">": lambda: value > wanted[0],
        ">=": lambda: value >= wanted[0],
        "in": lambda: value in wanted,
    }
    if condition.op not in tests:
        raise FilterError(f"{condition.column} is a number and cannot be matched with {condition.op}")
    return tests[condition.op]()
