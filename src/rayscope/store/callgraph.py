"""Who calls whom: functions and classes of actors, counted by the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rayscope.store.database import Connection, sql
from rayscope.store.entity import Row
from rayscope.store.select import Scope, rows, where


def nodes(connection: Connection, scope: Scope, top: int) -> list[Row]:
    """The nodes with most attempts: label (`function:…` or `actor:…`), attempts, retries, failed, running, total_ns, p50_ns; and of all nodes all_…."""
    text, parameters = where(scope)
    return rows(connection, sql("callgraph_nodes").replace("{labelled}", _labelled(scope, text)).replace("{top}", str(int(top))), parameters)


def methods(connection: Connection, scope: Scope, labels: Sequence[str], most: int) -> list[Row]:
    """The methods of classes, most called first: label, name, calls, failed, total_ns, p50_ns."""
    if not labels:
        return []
    text, parameters = where(scope)
    query = sql("callgraph_methods").replace("{labelled}", _labelled(scope, text)).replace("{methods}", str(int(most)))
    return rows(connection, query, [*parameters, list(labels)])


def edges(connection: Connection, scope: Scope, everything: Scope, labels: Sequence[str]) -> list[Row]:
    """Calls between nodes: source, target, calls, failed, total_ns. A node that is not among ``labels`` is `other`.

    ``everything`` is where parents are looked up: a caller need not fit the filters that its calls fit.
    """
    text, parameters = where(scope)
    around, more = where(everything)
    query = sql("callgraph_edges").replace("{labelled}", _labelled(scope, text)).replace("{everything}", _labelled(everything, around))
    listed: list[Any] = [list(labels)]
    return rows(connection, query, [*parameters, *listed, *more, *listed])


def _labelled(scope: Scope, condition: str) -> str:
    return sql("callgraph_labelled").replace("{relation}", scope.relation).replace("{where}", condition)
