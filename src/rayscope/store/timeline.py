"""The attempts of a stretch of time, binned to pixels by the store, so that as much comes out of it as a picture can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from rayscope.store.database import Connection, sql
from rayscope.store.entity import Row
from rayscope.store.select import Scope, rows, where

TRACKS: Final = {"node": "node_id", "worker": "worker_id", "actor": "actor_id", "function": "coalesce(name, func_or_class_name)", "job": "job_id"}
"""What a track stands for, by the name of the grouping."""

COLORS: Final = {"function": "coalesce(name, func_or_class_name)", "state": "state"}

_SPOT: Final = "task_id, attempt_number, name, state, job_id, node_id, worker_id, actor_id, creation_ns, start_ns, end_ns"


class Spans(Struct, frozen=True, kw_only=True):
    """Which attempts, to be seen from when to when, on which tracks and in which colours. ``now_ns``: to when running ones last."""

    scope: Scope
    from_ns: int
    to_ns: int
    now_ns: int
    track: str = "node"
    color: str = "function"


def extent(connection: Connection, scope: Scope, now_ns: int) -> tuple[int | None, int | None]:
    """When the first of some attempts began and the last one ended."""
    text, parameters = where(scope)
    query = f"SELECT min(coalesce(start_ns, end_ns)), max(greatest(coalesce(end_ns, {int(now_ns)}), start_ns)) FROM {scope.relation}{text}"
    found = connection.execute(query, parameters).fetchone()
    return (found[0], found[1]) if found and found[0] is not None else (None, None)


def waiting(connection: Connection, spans: Spans) -> int:
    """How many were submitted before the range's end, and have neither begun nor ended."""
    text, parameters = where(spans.scope)
    query = f"SELECT count(*) FROM {spans.scope.relation}{text} AND start_ns IS NULL AND end_ns IS NULL AND creation_ns < {int(spans.to_ns)}"
    found = connection.execute(query, parameters).fetchone()
    return int(found[0]) if found else 0


def tracks(connection: Connection, spans: Spans, only: Sequence[str], limit: int, offset: int) -> list[Row]:
    """A page of tracks: track, pid, attempts, failed, busy_ns; and of all of them tracks_total, attempts_total, failed_total."""
    chosen = " AND track IN (SELECT unnest(?::VARCHAR[]))" if only else ""
    return _ask(connection, "timeline_tracks", spans, [list(only)] if only else [], {"only": chosen, "limit": int(limit), "offset": int(offset)})


def width_of(connection: Connection, spans: Spans, names: Sequence[str], least_ns: int, most: int) -> int:
    """The least width that no more than ``most`` attempts exceed, if it is more than ``least_ns``."""
    found = _ask(connection, "timeline_width", spans, [list(names)], {"least": int(least_ns), "most": int(most)})
    return int(found[0]["width"]) if found else least_ns


def long_spans(connection: Connection, spans: Spans, names: Sequence[str], width_ns: int) -> list[tuple[Any, ...]]:
    """Those longer than a width: track, begin_ns, until_ns, color, failed, worker, part, place; by track and begin."""
    return _tuples(connection, "timeline_long", spans, [list(names)], {"width": int(width_ns)})


def cells(connection: Connection, spans: Spans, names: Sequence[str], width_ns: int, bin_ns: int) -> list[tuple[Any, ...]]:
    """All others: track, bin, n, failed, busy, delta, color, part, place; by track and bin."""
    return _tuples(connection, "timeline_cells", spans, [list(names)], {"width": int(width_ns), "bin": int(bin_ns)})


def marks(connection: Connection, spans: Spans, names: Sequence[str], bin_ns: int) -> list[tuple[str, int, int]]:
    """Where attempts ended badly: track, bin, how many."""
    return _tuples(connection, "timeline_marks", spans, [list(names)], {"bin": int(bin_ns)})


def task_ids(connection: Connection, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], tuple[str, int]]:
    """By place in the store (part and row): the task and the attempt."""
    found: dict[tuple[int, int], tuple[str, int]] = {}
    for part, table in enumerate(("attempt_hot", "attempt_cold")):
        ids = [place for at, place in places if at == part]
        if ids:
            query = f"SELECT rowid, task_id, attempt FROM {table} WHERE rowid IN (SELECT unnest(?::BIGINT[]))"
            found |= {(part, place): (task, attempt) for place, task, attempt in connection.execute(query, [ids]).fetchall()}
    return found


def function_statistics(connection: Connection, spans: Spans, only: Sequence[str]) -> list[Row]:
    """By function and type, most time first: name, type, attempts, failed, total_ns, p50_ns, p99_ns."""
    return _in_range(connection, "timeline_statistics", spans, only)


def slowest(connection: Connection, spans: Spans, only: Sequence[str], limit: int) -> list[Row]:
    """The attempts of a range that ran longest, as spots."""
    return _in_range(connection, "timeline_slowest", spans, only, {"limit": int(limit), "spot": _SPOT})


def spots(connection: Connection, scope: Scope, order: str, limit: int) -> list[Row]:
    """Attempts as spots, in an order of the caller's."""
    text, parameters = where(scope)
    return rows(connection, f"SELECT {_SPOT} FROM {scope.relation}{text} ORDER BY {order} LIMIT {int(limit)}", parameters)


def count_of(connection: Connection, scope: Scope) -> int:
    """How many attempts a scope has."""
    text, parameters = where(scope)
    found = connection.execute(f"SELECT count(*) FROM {scope.relation}{text}", parameters).fetchone()
    return int(found[0]) if found else 0


def parent_of(connection: Connection, scope: Scope) -> str | None:
    """The task that submitted the scope's one task."""
    text, parameters = where(scope)
    found = connection.execute(f"SELECT parent_task_id FROM {scope.relation}{text} AND parent_task_id IS NOT NULL LIMIT 1", parameters).fetchone()
    return found[0] if found else None


def _in_range(connection: Connection, name: str, spans: Spans, only: Sequence[str], more: Mapping[str, Any] | None = None) -> list[Row]:
    chosen = f" AND coalesce({TRACKS[spans.track]}, '') IN (SELECT unnest(?::VARCHAR[]))" if only else ""
    return _ask(connection, name, spans, [list(only)] if only else [], {"only": chosen, **(more or {})})


def _ask(connection: Connection, name: str, spans: Spans, parameters: Sequence[Any], more: Mapping[str, Any]) -> list[Row]:
    text, first = _text(name, spans, more)
    return rows(connection, text, [*first, *parameters])


def _tuples(connection: Connection, name: str, spans: Spans, parameters: Sequence[Any], more: Mapping[str, Any]) -> list[Any]:
    text, first = _text(name, spans, more)
    found: list[Any] = connection.execute(text, [*first, *parameters]).fetchall()
    return found


def _text(name: str, spans: Spans, more: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """A query with its words put in, all of them numbers or the model's own names, and the parameters of its scope."""
    condition, parameters = where(spans.scope)
    words = {
        "spans": sql("timeline_spans"),
        "relation": spans.scope.relation,
        "where": condition,
        "track": TRACKS[spans.track],
        "color": COLORS[spans.color],
        "from": int(spans.from_ns),
        "to": int(spans.to_ns),
        "now": int(spans.now_ns),
    }
    text = sql(name)
    for word, value in (words | dict(more)).items():
        text = text.replace(f"{{{word}}}", str(value))
    return text, parameters
