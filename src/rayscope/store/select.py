"""Selecting rows of a view or table macro of schema/views_*.sql: conditions, order, keyset pages. All values go in as parameters.

Column names come from the model's tables only (the caller checks them), so they can stand in the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from operator import itemgetter
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

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
    scope = narrow(connection, scope, counted)
    text, parameters = where(scope)
    if not counted:
        total = _one(connection.execute(f"SELECT count(*) FROM {scope.relation}{text}", parameters).fetchone())
        return total, total
    fits, more = _all_of(counted)
    if scope.relation in _SEARCHED:  # all rows are counted by what the store keeps of each group of them, so that two counts are quicker than one
        total = _one(connection.execute(f"SELECT count(*) FROM {scope.relation}{text}", parameters).fetchone())
        return total, _one(connection.execute(f"SELECT count(*) FROM {scope.relation}{_also(text, fits)}", [*parameters, *more]).fetchone())
    row = connection.execute(f"SELECT count(*), count(*) FILTER (WHERE {fits}) FROM {scope.relation}{text}", [*more, *parameters]).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def page(connection: Connection, scope: Scope, columns: Sequence[str], order: Sequence[Order], limit: int, after: Sequence[Any] | None) -> list[Row]:
    """The first ``limit`` rows in the order, or those that follow the row whose order values are ``after``."""
    if scope.relation.startswith("tasks"):
        return _task_page(connection, scope, columns, order, limit, after)
    return _plain_page(connection, scope, columns, order, limit, after)


def _plain_page(connection: Connection, scope: Scope, columns: Sequence[str], order: Sequence[Order], limit: int, after: Sequence[Any] | None) -> list[Row]:
    text, parameters = where(scope, order, after)
    query = f"SELECT {', '.join(columns)} FROM {scope.relation}{text} ORDER BY {order_by(order)} LIMIT {int(limit)}"
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
    chosen = _choose(connection, scope, order, limit, after)
    names = dict.fromkeys(["session_no", *(name for name in (*columns, *(term.column for term in order)) if name != "session")])
    found: list[Row] = []
    for part, relation in enumerate(_parts(scope.relation)):
        ids = [rowid for at, rowid in chosen if at == part]
        if ids:
            # a list in the text would be compared with every row's id; a join is pushed into the scan
            query = f"SELECT {', '.join(names)} FROM {relation} WHERE _part = {part} AND _rowid IN (SELECT unnest(?::BIGINT[]))"
            found += rows(connection, query, [ids])
    if "session" in columns or any(term.column == "session" for term in order):
        session_names = dict(connection.execute("SELECT session_no, session FROM session").fetchall())
        found = [row | {"session": session_names[row["session_no"]]} for row in found]
    return [{name: row[name] for name in columns} for row in _sorted(found, order)]


def _parts(relation: str) -> tuple[str, str]:
    """Where the rows of the hot and of the cold table are read."""
    return ("hot_task_rows", "cold_task_rows") if relation == "tasks" else (relation, relation)


def _sorted(found: list[Row], order: Sequence[Order]) -> list[Row]:
    """The rows in their order, nulls last."""
    for term in reversed(order):
        known = [row for row in found if row[term.column] is not None]
        known.sort(key=itemgetter(term.column), reverse=term.descending)
        found = [*known, *(row for row in found if row[term.column] is None)]
    return found


def _choose(connection: Connection, scope: Scope, order: Sequence[Order], limit: int, after: Sequence[Any] | None) -> list[tuple[int, int]]:
    """The places of a page's rows, in whatever order."""
    if scope.relation == "tasks" and [condition.column for condition in scope.conditions] == ["task_key"]:
        return _keyed(connection, scope)
    if scope.sessions is not None and len(scope.sessions) == 1:  # then its name decides nothing
        after = None if after is None else [value for value, term in zip(after, order, strict=True) if term.column != "session"]
        order = [term for term in order if term.column != "session"]
    scope = narrow(connection, scope, order)
    text, parameters = where(scope, order, after)
    same = {condition.column for condition in scope.conditions if condition.op == "="}
    deciding = [term for term in order if term.column not in same] or order[:1]
    return _first(connection, scope.relation, (text, parameters), deciding, limit)


def _first(connection: Connection, relation: str, of: tuple[str, list[Any]], order: Sequence[Order], limit: int) -> list[tuple[int, int]]:
    """The places of the first rows, found by one term of the order after the other: by the next among those alone that tie at the page's end.

    The store finds the first values of one column by the ranges that it keeps of each group of rows. For an order of several columns it reads
    all of them, of which task ids are the dearest. ``of``: the WHERE clause and its parameters.
    """
    (text, parameters), term, following = of, order[0], order[1:]
    found: list[tuple[Any, int, int]] = []
    for part in _SEARCHED.get(relation, (relation,)):  # each by itself: the first rows of a union are looked for among all
        query = f"SELECT {term.column}, _part, _rowid FROM {part}{text} ORDER BY {order_by([term])} LIMIT {limit + 1}"
        found += connection.execute(query, parameters).fetchall()
    known = sorted((row for row in found if row[0] is not None), key=itemgetter(0), reverse=term.descending)
    found = [*known, *(row for row in found if row[0] is None)]
    if len(found) <= limit or not following or found[limit - 1][0] != found[limit][0]:
        return [(part, rowid) for _, part, rowid in found[:limit]]
    last = found[limit - 1][0]
    before = [(part, rowid) for value, part, rowid in takewhile(lambda row: row[0] != last, found)]
    tied = f"{term.column} IS NULL" if last is None else f"{term.column} = ?"
    return before + _first(connection, relation, (_also(text, tied), [*parameters, *([] if last is None else [last])]), following, limit - len(before))


_SEARCHED: Final = {"task_rows": ("hot_task_rows", "cold_task_rows"), "cold_task_rows": ("cold_task_rows",)}
"""The relations of now, and their parts."""


def _keyed(connection: Connection, scope: Scope) -> list[tuple[int, int]]:
    """The places of a key's attempts, in order. Of the tables themselves: to plan a question of the views takes as long as its answer."""
    text, parameters = where(scope)
    tables = enumerate(("attempt_hot", "attempt_cold"))
    parts = (f"SELECT {part} AS part, rowid AS place, session_no, task_id, attempt FROM {table}{text}" for part, table in tables)
    query = f"SELECT part, place FROM ({' UNION ALL '.join(parts)}) ORDER BY session_no, task_id, attempt"
    return [(part, place) for part, place in connection.execute(query, parameters * 2).fetchall()]


def _also(text: str, condition: str) -> str:
    """A WHERE clause, or none, with one more condition, or none."""
    return f"{text} {'AND' if text else 'WHERE'} {condition}" if condition else text


def narrow(connection: Connection, scope: Scope, named: Sequence[Condition] | Sequence[Order] = ()) -> Scope:
    """The scope over the least that holds its tasks: without the sessions' names where nothing names them, without the hot table where it has none."""
    if not scope.relation.startswith("tasks") or any(part.column == "session" for part in (*scope.conditions, *named)):
        return scope
    if scope.relation != "tasks":  # the past has no such shortcuts
        return scope
    text, _ = where(replace(scope, conditions=()))
    hot = connection.execute(f"SELECT 1 FROM attempt_hot{text} LIMIT 1").fetchone()
    return replace(scope, relation="task_rows" if hot else "cold_task_rows")


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


def order_by(order: Sequence[Order]) -> str:
    """The terms of an ORDER BY clause."""
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
