"""Trace files: the attempts of a session for Perfetto and chrome://tracing, or in the shape of `ray timeline`; streamed, of any size.

The format is that of Chrome's trace events (https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU); Ray's shape is
that of `ray._private.profiling.chrome_tracing_dump`. Both name nodes as processes and workers as threads, by numbers, as Perfetto wants it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from rayscope.errors import FilterError
from rayscope.model.resources import RESOURCES
from rayscope.query.filters import all_conditions
from rayscope.query.moment import Moment, View, ask, moment_of, primed, stretch
from rayscope.query.present import present
from rayscope.store.conditions import Condition
from rayscope.store.database import Connection, Database
from rayscope.store.entity import Row
from rayscope.store.select import Scope, relation, rows
from rayscope.store.stream import stream_in_time, stream_rows, stream_spans

FORMATS: Final = ("chrome", "ray")

_COLUMNS: Final = (
    "task_id", "attempt_number", "name", "func_or_class_name", "type", "state", "job_id", "actor_id", "parent_task_id", "node_id", "worker_id",
    "worker_pid", "start_ns", "end_ns", "error_type", "error_message", "profile_events",
)  # fmt: skip
_MESSAGE: Final = 500
_INSIDE: Final = frozenset({"task:deserialize_arguments", "task:execute", "task:store_outputs"})
_JSON: Final = tuple(column for column in RESOURCES["tasks"].columns if column.name == "profile_events")

# As in ray._private.profiling; every other name is "generic_work".
_CNAMES: Final = {
    "worker_idle": "cq_build_abandoned",
    "task": "rail_response",
    "task:deserialize_arguments": "rail_load",
    "task:execute": "rail_animation",
    "task:store_outputs": "rail_idle",
    "wait_for_function": "detailed_memory_dump",
    "ray.get": "good",
    "ray.put": "terrible",
    "ray.wait": "vsync_highlight_color",
    "submit_task": "background_memory_dump",
    "fetch_and_run_function": "detailed_memory_dump",
    "register_remote_function": "detailed_memory_dump",
}


class Traces:
    """Writes trace files of one store's sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def trace(self, view: View, kind: str) -> tuple[str, Iterator[bytes]]:
        """A file's name and its content, which is read from the store as it is taken. Raises FilterError, NotFound, Ambiguous."""
        if kind not in FORMATS:
            raise FilterError(f"no format {kind!r}", hint=f"there are {' and '.join(FORMATS)}")
        moment, scope, addresses = ask(self._database, lambda connection: _prepare(connection, view, drivers=kind == "ray"))
        write: Callable[[Connection], Iterator[bytes]] = {"chrome": _Chrome(scope, moment, addresses).write, "ray": _Ray(scope, addresses).write}[kind]
        return f"{moment.session}-{kind}-trace.json", primed(self._database.stream(write))


def _prepare(connection: Connection, view: View, *, drivers: bool) -> tuple[Moment, Scope, dict[str, str]]:
    """The session, its attempts, and the address of each node."""
    moment = moment_of(connection, view)
    conditions = list(all_conditions(RESOURCES["tasks"], view.filters, moment.now_ns))
    if not drivers:
        conditions.append(Condition("type", "!=", ("DRIVER_TASK",)))
    if view.start or view.end:
        from_ns, to_ns = stretch(view, moment)
        conditions += [Condition("start_ns", "<", (to_ns,)), Condition("coalesce(end_ns, start_ns)", ">=", (from_ns,))]
    nodes = rows(connection, "SELECT node_id, node_ip FROM node WHERE session_no = ?", [moment.session_no])
    scope = Scope(relation=relation("tasks", moment.at_ns), sessions=(moment.session_no,), conditions=tuple(conditions))
    return moment, scope, {row["node_id"]: row["node_ip"] for row in nodes if row["node_ip"]}


class _Places:
    """Numbers for nodes and workers, in the order in which they are met."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self._addresses = addresses
        self.nodes: dict[str, int] = {}
        self.workers: dict[tuple[int, str], int] = {}

    def node(self, node_id: str | None) -> int:
        """The number of a node, by its address."""
        return self.nodes.setdefault(self._addresses.get(node_id or "", node_id or "unknown"), len(self.nodes))

    def worker(self, node: int, name: str) -> int:
        """The number of a worker on a node."""
        return self.workers.setdefault((node, name), len(self.workers))


def _json_list(events: Iterator[dict[str, Any]], start: bytes, end: bytes) -> Iterator[bytes]:
    """A JSON array, in pieces of some hundred KB."""
    piece = bytearray(start)
    for at, event in enumerate(events):
        piece += (b",\n" if at else b"\n") + msgspec.json.encode(event)
        if len(piece) > _PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece + end)


_PIECE: Final = 256 * 1024


class _Chrome:
    """Attempts as slices, with their spans inside. What one worker runs at once (a concurrent actor's calls) gets threads of its own."""

    def __init__(self, scope: Scope, moment: Moment, addresses: dict[str, str]) -> None:
        self._scope = scope
        self._moment = moment
        self._places = _Places(addresses)
        self._free_at: defaultdict[tuple[int, str], list[int]] = defaultdict(list)

    def write(self, connection: Connection) -> Iterator[bytes]:
        """The file."""
        head = b'{"displayTimeUnit":"ms","otherData":' + msgspec.json.encode({"session": self._moment.session, "writer": "rayscope"}) + b',"traceEvents":['
        yield from _json_list(self._events(connection), head, b"\n]}\n")

    def _events(self, connection: Connection) -> Iterator[dict[str, Any]]:
        for batch in stream_in_time(connection, self._scope, _COLUMNS):
            for row in present(batch, _JSON):
                yield from self._attempt(row)

    def _attempt(self, row: Row) -> Iterator[dict[str, Any]]:
        start_ns = row["start_ns"]
        end_ns = max(self._moment.now_ns if row["end_ns"] is None else row["end_ns"], start_ns)
        known = len(self._places.nodes)
        node = self._places.node(row["node_id"])
        if node == known:
            yield {"ph": "M", "name": "process_name", "pid": node, "args": {"name": f"Node {list(self._places.nodes)[node]}"}}
        known = len(self._places.workers)
        name = self._thread(node, row, start_ns, end_ns)
        worker = self._places.worker(node, name)
        if worker == known:
            yield {"ph": "M", "name": "thread_name", "pid": node, "tid": worker, "args": {"name": name}}
        yield _slice(row["name"] or row["func_or_class_name"] or "task", row["state"].lower(), node, worker, start_ns, end_ns) | {"args": _args(row)}
        for span in row["profile_events"] or ():
            if span["name"] in _INSIDE and start_ns <= span["start_ns"] <= span["end_ns"] <= end_ns:
                yield _slice(span["name"], "span", node, worker, span["start_ns"], span["end_ns"])

    def _thread(self, node: int, row: Row, start_ns: int, end_ns: int) -> str:
        base = f"worker {row['worker_pid'] or ''} {(row['worker_id'] or 'unknown')[:8]}"
        lanes = self._free_at[node, base]
        lane = next((at for at, free_ns in enumerate(lanes) if free_ns <= start_ns), len(lanes))
        lanes[lane : lane + 1] = [end_ns]
        return base if lane == 0 else f"{base} +{lane}"


def _slice(name: str, category: str, pid: int, tid: int, start_ns: int, end_ns: int) -> dict[str, Any]:
    return {"ph": "X", "name": name, "cat": category, "pid": pid, "tid": tid, "ts": start_ns / 1000, "dur": (end_ns - start_ns) / 1000}


def _args(row: Row) -> dict[str, Any]:
    args = {name: row[name] for name in ("task_id", "attempt_number", "state", "job_id", "actor_id", "parent_task_id", "error_type") if row[name] is not None}
    return args | ({"error": row["error_message"][:_MESSAGE]} if row["error_message"] else {})


class _Ray:
    """Profiled spans as `ray timeline` writes them, and at the end the names of nodes and workers."""

    def __init__(self, scope: Scope, addresses: dict[str, str]) -> None:
        self._scope = scope
        self._places = _Places(addresses)

    def write(self, connection: Connection) -> Iterator[bytes]:
        """The file."""
        yield from _json_list(self._events(connection), b"[", b"\n]\n")

    def _events(self, connection: Connection) -> Iterator[dict[str, Any]]:
        for batch in stream_rows(connection, self._scope, _COLUMNS, (), None):
            for row in present(batch, _JSON):
                for span in row["profile_events"] or ():
                    yield self._span(row, span["name"], span["start_ns"], span["end_ns"], span.get("extra"))
        for batch in stream_spans(connection, self._scope, [name for name in _COLUMNS if name != "profile_events"]):
            for row in batch:
                yield self._span(row, row["span_name"], row["span_start_ns"], row["span_end_ns"], _extra(row["span_extra"]))
        for name, number in self._places.nodes.items():
            yield {"name": "process_name", "args": {"name": f"Node {name}"}, "pid": number, "tid": None, "ph": "M"}
        for (node, name), number in self._places.workers.items():
            yield {"name": "thread_name", "args": {"name": name}, "pid": node, "tid": number, "ph": "M"}

    def _span(self, row: Row, name: str, start_ns: int, end_ns: int, extra: Any) -> dict[str, Any]:
        args = dict(extra) if isinstance(extra, dict) else {}
        args |= {key: row[key] for key in ("task_id", "job_id", "attempt_number", "func_or_class_name", "actor_id")}
        node = self._places.node(row["node_id"])
        kind = "driver" if row["type"] == "DRIVER_TASK" else "worker"
        return {
            "cat": name,
            "name": args.get("name", name),
            "pid": node,
            "tid": self._places.worker(node, f"{kind}:{row['worker_id']}"),
            "ts": start_ns / 1000,
            "dur": (end_ns - start_ns) / 1000,
            "cname": _CNAMES.get(str(args.get("cname", name)), "generic_work"),
            "args": args,
            "ph": "X",
        }


def _extra(text: str | None) -> Any:
    try:
        return msgspec.json.decode(text) if text else None
    except msgspec.DecodeError:
        return {"text": text}
