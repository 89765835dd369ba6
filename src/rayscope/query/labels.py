"""What tracks, nodes of a graph and hits are called by people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rayscope.query.moment import Moment
from rayscope.store.database import Connection
from rayscope.store.entity import Row
from rayscope.store.labels import entity_labels

_SHORT: Final = 8


def labels_of(connection: Connection, kind: str, moment: Moment, rows: Sequence[Row]) -> dict[str, tuple[str, str]]:
    """By track its label and one line more. ``rows`` have track and pid."""
    ids = [row["track"] for row in rows if row["track"]]
    known = entity_labels(connection, kind, moment.session_no, ids, moment.at_ns)
    return {row["track"]: _label(kind, row, known.get(row["track"], {})) for row in rows}


def _label(kind: str, row: Row, known: Row) -> tuple[str, str]:
    name = row["track"]
    if not name:
        return {"actor": "tasks of no actor", "function": "no name known"}.get(kind, f"no {kind} known"), ""
    if kind == "node":
        return node_label(name, known), _join(known.get("hostname"), known.get("state"))
    if kind == "worker":
        pid = known.get("pid") or row.get("pid")
        return f"pid {pid}" if pid else f"worker {name[:_SHORT]}", _join(name[:_SHORT], known.get("ip"), known.get("state"))
    if kind == "actor":
        return known.get("repr_name") or known.get("name") or known.get("class_name") or name[:_SHORT], _join(name[:_SHORT], known.get("state"))
    if kind == "job":
        return known.get("entrypoint") or f"job {name}", _join(name, known.get("submission_id"), known.get("state"))
    return name, ""


def node_label(node_id: str, known: Row) -> str:
    """A node by what people know of it: head, its name, its address."""
    name, ip = known.get("node_name"), known.get("node_ip")
    parts = ["head" if known.get("is_head_node") else "", name if name != ip else "", ip or node_id[:_SHORT]]
    return _join(*parts)


def _join(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)
