"""Which values a column has, and how many rows each: what filters are completed with."""

from __future__ import annotations

from rayscope.store.database import Connection
from rayscope.store.select import Scope, where


def top_values(connection: Connection, scope: Scope, column: str, part: str, limit: int) -> tuple[list[tuple[str | None, int]], int]:
    """The most frequent values that hold ``part``, whatever its case, as text; and how many different ones there are."""
    text, parameters = where(scope)
    holds, more = (f" {'AND' if text else 'WHERE'} contains(lower(CAST({column} AS VARCHAR)), lower(?))", [part]) if part else ("", [])
    query = f"""
        SELECT CAST({column} AS VARCHAR) AS value, count(*) AS n, count(*) OVER () AS different
        FROM {scope.relation}{text}{holds} GROUP BY value ORDER BY n DESC, value LIMIT {int(limit)}
    """
    found = connection.execute(query, [*parameters, *more]).fetchall()
    return [(value, n) for value, n, _ in found], int(found[0][2]) if found else 0


def first_ids(connection: Connection, scope: Scope, column: str, part: str, limit: int) -> list[str]:
    """Some ids that begin with ``part``: there are as many as rows, so none is counted."""
    text, parameters = where(scope)
    begins, more = (f" {'AND' if text else 'WHERE'} starts_with({column}, lower(?))", [part]) if part else ("", [])
    query = f"SELECT DISTINCT {column} FROM (SELECT {column} FROM {scope.relation}{text}{begins} LIMIT {int(limit) * 4}) LIMIT {int(limit)}"
    return [value for (value,) in connection.execute(query, [*parameters, *more]).fetchall() if value is not None]
