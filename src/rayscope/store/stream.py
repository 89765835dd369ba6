"""Any number of rows, a batch at a time: what downloads are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from rayscope.store.conditions import Order
from rayscope.store.database import Connection
from rayscope.store.entity import Row
from rayscope.store.select import Scope, order_by, where

_BATCH: Final = 2048
"""Rows held at a time: a vector of DuckDB's."""

_WINDOW: Final = 20_000
"""Attempts sorted at a time: some 20 MB."""


def stream_rows(connection: Connection, scope: Scope, columns: Sequence[str], order: Sequence[Order], limit: int | None) -> Iterator[list[Row]]:
    """The rows of a scope in batches; without an order as the store holds them, which costs nothing."""
    text, parameters = where(scope)
    ending = f" ORDER BY {order_by(order)}" if order else ""
    bound = "" if limit is None else f" LIMIT {int(limit)}"
    yield from stream(connection, f"SELECT {', '.join(columns)} FROM {scope.relation}{text}{ending}{bound}", parameters)


def stream_in_time(connection: Connection, scope: Scope, columns: Sequence[str]) -> Iterator[list[Row]]:
    """The attempts of a scope that ran, by start: read window by window of time, since sorting all of them whole takes more memory than there is."""
    text, parameters = where(scope)
    edges = f"""
        SELECT start_ns FROM (SELECT start_ns, row_number() OVER (ORDER BY start_ns) AS n FROM {scope.relation}{text} AND start_ns IS NOT NULL)
        WHERE n % {_WINDOW} = 0 ORDER BY n
    """
    cuts = [row[0] for row in connection.execute(edges, parameters).fetchall()]
    chosen = f"SELECT {', '.join(columns)} FROM {scope.relation}{text}"
    for after, until in pairwise([None, *dict.fromkeys(cuts), None]):
        window = f"{'' if after is None else f' AND start_ns > {int(after)}'}{'' if until is None else f' AND start_ns <= {int(until)}'}"
        yield from stream(connection, f"{chosen} AND start_ns IS NOT NULL{window} ORDER BY start_ns, task_id, attempt_number", parameters)


def stream_spans(connection: Connection, scope: Scope, columns: Sequence[str]) -> Iterator[list[Row]]:
    """Profiled spans beyond the standard four with their attempts' columns: span_name, span_start_ns, span_end_ns, span_extra, each span once."""
    text, parameters = where(scope)
    named = ", ".join(f"a.{column}" for column in columns)
    query = f"""
        SELECT {named}, p.name AS span_name, p.start_ns AS span_start_ns, p.end_ns AS span_end_ns, p.extra AS span_extra
        FROM (SELECT DISTINCT * FROM profile_span) p
        JOIN (SELECT session_no, task_key, {", ".join(dict.fromkeys(["task_id", "attempt_number", *columns]))} FROM {scope.relation}{text}) a
            ON a.session_no = p.session_no AND a.task_key = p.task_key AND a.task_id = p.task_id AND a.attempt_number = p.attempt
    """
    yield from stream(connection, query, parameters)


def stream(connection: Connection, query: str, parameters: Sequence[Any]) -> Iterator[list[Row]]:
    """What a query gives, as mappings, in batches."""
    cursor = connection.execute(query, list(parameters))
    names = [column[0] for column in cursor.description or ()]
    while batch := cursor.fetchmany(_BATCH):
        yield [dict(zip(names, values, strict=True)) for values in batch]
