"""Selecting rows of a view or table macro of schema/views_*.sql: conditions, order, keyset pages. All values go in as parameters.

Column names come from the model's tables only (the caller checks them), so they can stand in the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from rayscope.store.conditions import Condition, Order
from rayscope.store.database import Connection
from rayscope.store.entity import Row

_COMPARE: Final = {"=": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class Scope(Struct, frozen=True, kw_only=True):
    """Which rows of which relation. ``sessions``: their numbers, None for all."""

    relation: str
    sessions: tuple[int, ...] | None = None
    conditions: tuple[Condition, ...] = ()


def relation(name: str, at_ns: int | None) -> str:
    """The view or macro of a resource, now or at a time."""
    base = name.replace("-", "_")
    if base == "tasks":
        return "tasks" if at_ns is None else f"tasks_at({int(at_ns)})"
    return f"{base}_at({'NULL' if at_ns is None else int(at_ns)})"


def count(connection: Connection, scope: Scope, counted: Sequence[Condition]) -> tuple[int, int]:
    """How many rows the scope has, and how many of them fit the further conditions."""
    text, parameters = where(scope)
    if not counted:
        total = _one(connection.execute(f"SELECT count(*) FROM {scope.relation}{text}", parameters).fetchone())
        return total, total
    fits, more = _all_of(counted)
    row = connection.execute(f"SELECT count(*), count(*) FILTER (WHERE {fits}) FROM {scope.relation}{text}", [*more, *parameters]).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def page(connection: Connection, scope: Scope, columns: Sequence[str], order: Sequence[Order], limit: int, after: Sequence[Any] | None) -> list[Row]:
    """The first ``limit`` rows in the order, or those that follow the row whose order values are ``after``."""
    if scope.relation.startswith("tasks"):
        return _task_page(connection, scope, columns, order, limit, after)
    text, parameters = where(scope, order, after)
    query = f"SELECT {', '.join(columns)} FROM {scope.relation}{text} ORDER BY {_order(order)} LIMIT {int(limit)}"
    return rows(connection, query, parameters)


def rows(connection: Connection, query: str, parameters: Sequence[Any] = ()) -> list[Row]:
    """What a query gives, as mappings."""
    cursor = connection.execute(query, list(parameters))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def _task_page(connection: Connection, scope: Scope, columns: Sequence[str], order: Sequence[Order], limit: int, after: Sequence[Any] | None) -> list[Row]:
    """In two steps: which rows, by the columns that decide it; then all columns, of these rows alone.

    A listing reads a few columns of ten million attempts, and the forty others of one page.
    """
    text, parameters = where(scope, order, after)
    query = f"SELECT _part, _rowid FROM {scope.relation}{text} ORDER BY {_order(order)} LIMIT {int(limit)}"
    chosen = connection.execute(query, parameters).fetchall()
    found: dict[tuple[int, int], Row] = {}
    for part in (0, 1):
        ids = [rowid for at, rowid in chosen if at == part]
        if ids:
            listed = ", ".join(str(int(rowid)) for rowid in ids)
            query = f"SELECT _rowid, {', '.join(columns)} FROM {scope.relation} WHERE _part = {part} AND _rowid IN ({listed})"
            found |= {(part, row.pop("_rowid")): row for row in rows(connection, query)}
    return [found[at] for at in chosen]


def where(scope: Scope, order: Sequence[Order] = (), after: Sequence[Any] | None = None) -> tuple[str, list[Any]]:
    """The WHERE clause of a scope, empty or with a leading space, and its parameters."""
    texts: list[str] = []
    parameters: list[Any] = []
    if scope.sessions is not None:
        texts.append(f"session_no IN ({', '.join(str(int(number)) for number in scope.sessions) or 'NULL'})")
    if scope.conditions:
        text, more = _all_of(scope.conditions)
        texts.append(text)
        parameters += more
    if after is not None:
        text, more = _after(order, after)
        texts.append(text)
        parameters += more
    return (" WHERE " + " AND ".join(texts) if texts else ""), parameters


def _all_of(conditions: Sequence[Condition]) -> tuple[str, list[Any]]:
    parts = [_condition(condition) for condition in conditions]
    return " AND ".join(text for text, _ in parts), [value for _, values in parts for value in values]


def _condition(condition: Condition) -> tuple[str, list[Any]]:
    column, op, values = condition.column, condition.op, list(condition.values)
    if op in {"=", "!="} and values == [None]:
        return f"{column} IS {'NOT ' if op == '!=' else ''}NULL", []
    if op == "!=":
        return f"{column} IS DISTINCT FROM ?", values
    if op == "in":
        return f"{column} IN ({', '.join('?' * len(values))})", values
    if op in {"~", "!~"}:
        text = f"coalesce(regexp_matches(CAST({column} AS VARCHAR), ?), false)"
        return text if op == "~" else f"NOT {text}", values
    if op == "prefix":
        return f"starts_with({column}, ?)", values
    return f"{column} {_COMPARE[op]} ?", values


def _order(order: Sequence[Order]) -> str:
    return ", ".join(f"{term.column} {'DESC' if term.descending else 'ASC'} NULLS LAST" for term in order)


def _after(order: Sequence[Order], after: Sequence[Any]) -> tuple[str, list[Any]]:
    """Rows that come after one: equal in the first terms, and beyond it in the next."""
    branches: list[str] = []
    parameters: list[Any] = []
    for at, term in enumerate(order):
        if after[at] is None:
            continue  # nulls are last: nothing is beyond one but a row that differs in a later term
        equal = [f"{before.column} IS NOT DISTINCT FROM ?" for before in order[:at]]
        beyond = f"({term.column} {'<' if term.descending else '>'} ? OR {term.column} IS NULL)"
        branches.append("(" + " AND ".join([*equal, beyond]) + ")")
        parameters += [*after[:at], after[at]]
    return ("(" + " OR ".join(branches) + ")" if branches else "false"), parameters


def _one(row: Any) -> int:
    return int(row[0]) if row else 0
