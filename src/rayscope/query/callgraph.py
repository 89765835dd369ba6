"""The call graph of a session or a job: functions and classes, and who calls whom; a million tasks make a readable picture."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from rayscope.errors import FilterError
from rayscope.model.callgraph import CallGraph, Folded, GraphEdge, GraphNode, Method
from rayscope.model.progress import Link
from rayscope.query.moment import View, ask, moment_of, task_scope
from rayscope.query.progress import find_job, job_scope
from rayscope.store import callgraph as store
from rayscope.store.database import Connection, Database
from rayscope.store.entity import Row
from rayscope.store.limits import CALLGRAPH_METHODS, CALLGRAPH_NODES

_SUMS: Final = ("attempts", "retries", "failed", "running", "total_ns")


def call_graph(database: Database, view: View, job: str | None, top: int) -> CallGraph:
    """Who calls whom. Raises FilterError, NotFound, Ambiguous."""
    if not 1 <= top <= CALLGRAPH_NODES:
        raise FilterError(f"top {top} is not between 1 and {CALLGRAPH_NODES}")
    return ask(database, lambda connection: _call_graph(connection, view, job, top))


def _call_graph(connection: Connection, view: View, wanted: str | None, top: int) -> CallGraph:
    moment = moment_of(connection, view)
    job = find_job(connection, moment, wanted) if wanted else None
    scope = job_scope(connection, moment, view, job)
    rows = store.nodes(connection, scope, top)
    labels = [row["label"] for row in rows]
    edges = store.edges(connection, scope, task_scope(connection, moment, ()), labels) if rows else []
    methods: defaultdict[str, list[Method]] = defaultdict(list)
    for row in store.methods(connection, scope, [label for label in labels if label.startswith("actor:")], CALLGRAPH_METHODS):
        methods[row.pop("label")].append(Method(**row))
    nodes = [_node(row, methods[row["label"]], job) for row in rows] + _others(rows, edges)
    return CallGraph(
        session=moment.session,
        job_id=job["job_id"] if job else None,
        nodes=nodes,
        edges=[GraphEdge(**row) for row in edges],
        folded=Folded(nodes=sum(node.folded for node in nodes), attempts=sum(node.attempts for node in nodes if node.kind == "other")),
        attempts=rows[0]["all_attempts"] if rows else 0,
        unknown_parents=sum(row["calls"] for row in edges if row["source"] == "unknown"),
        as_of_ns=moment.at_ns,
    )


def _node(row: Row, methods: list[Method], job: Row | None) -> GraphNode:
    kind, _, name = row["label"].partition(":")
    of_job = [f"job_id={job['job_id']}"] if job else []
    link = (
        Link(view="actors", params={"filter": [*of_job, f"class_name={name}"]})
        if kind == "actor"
        else Link(view="tasks", params={"filter": [*of_job, f"func_or_class_name={name}"]})
    )
    return GraphNode(
        id=row["label"], label=name or "unnamed", kind=kind, p50_ns=row["p50_ns"], folded=0, methods=methods, link=link, **{name: row[name] for name in _SUMS}
    )


def _others(rows: list[Row], edges: list[Row]) -> list[GraphNode]:
    """The nodes that stand for more than one thing: what is folded away, the drivers, and callers that nobody knows."""
    found = []
    if rows and (left := rows[0]["all_nodes"] - len(rows)):
        sums = {name: rows[0][f"all_{name}"] - sum(row[name] for row in rows) for name in _SUMS}
        found.append(GraphNode(id="other", label=f"{left:,} more", kind="other", p50_ns=None, folded=left, methods=[], link=None, **sums))
    sources = {row["source"] for row in edges}
    nothing = dict.fromkeys(_SUMS, 0)
    for kind, label in (("driver", "driver"), ("unknown", "caller not recorded")):
        if kind in sources:
            found.append(GraphNode(id=kind, label=label, kind=kind, p50_ns=None, folded=0, methods=[], link=None, **nothing))
    if "other" in sources and not any(node.id == "other" for node in found):
        found.append(GraphNode(id="other", label="callers outside the filter", kind="other", p50_ns=None, folded=0, methods=[], link=None, **nothing))
    return found
