"""The attempts of a stretch of time: as columns of numbers for a picture, and as what a range and an attempt are linked to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from rayscope.store.database import Connection, sql
from rayscope.store.entity import Row
from rayscope.store.select import Scope, rows, where

TRACKS: Final = {"node": "node_id", "worker": "worker_id", "actor": "actor_id", "function": "coalesce(name, func_or_class_name)", "job": "job_id"}
"""What a track stands for, by the name of the grouping."""

COLORS: Final = {"function": "coalesce(name, func_or_class_name)", "state": "state"}

ROWS_AT_ONCE: Final = 16_384
"""Attempts read at a time: their columns and what is made of them stay in the processor's cache."""

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
    """A page of tracks: track, pid, and of all of them tracks_total. In the order in which they began, whatever the range."""
    return _ask(connection, "timeline_tracks", spans, _only(only), {"only": _is_one(only), "limit": int(limit), "offset": int(offset)})


def attempts(connection: Connection, spans: Spans, page: Sequence[str], only: Sequence[str], least_ns: int) -> Iterator[tuple[NDArray[Any], ...]]:
    """The attempts that a range shows, in chunks of columns: track (its place in the page), color, begin_ns, until_ns, bad, place, worker.

    ``color`` and ``worker`` are hashes; the worker's is 0 for attempts of ``least_ns`` and shorter. To be read to the end, or closed.
    """
    words = {"least": int(least_ns), "tracks": len(page), "only": _is_one(only)}
    text, parameters = _text("timeline_rows", spans, words)
    reader = connection.sql(text, params=[*parameters, list(page), *_only(only)]).to_arrow_reader(ROWS_AT_ONCE)
    with closing(reader):
        for batch in reader:
            yield tuple(map(_numbers, batch.columns))


def _numbers(column: pa.Array) -> NDArray[Any]:
    """A column without nulls, as it lies in memory. Arrow's own way loads pandas where that is installed, which takes most of a second."""
    kind = np.dtype(str(column.type))
    return np.frombuffer(column.buffers()[1], kind, len(column), column.offset * kind.itemsize)


def colors(connection: Connection, spans: Spans, hashes: Sequence[int]) -> dict[int, str]:
    """The words behind the hashes of colours."""
    text, parameters = _text("timeline_colors", spans, {})
    return dict(connection.execute(text, [*parameters, list(hashes)]).fetchall()) if hashes else {}


def task_ids(connection: Connection, places: Sequence[int]) -> dict[int, tuple[str, int]]:
    """By place in the store (twice the row, and 1 more for a settled one): the task and the attempt."""
    found: dict[int, tuple[str, int]] = {}
    for part, table in enumerate(("attempt_hot", "attempt_cold")):
        ids = [place // 2 for place in places if place % 2 == part]
        if ids:
            query = f"SELECT rowid * 2 + {part}, task_id, attempt FROM {table} WHERE rowid IN (SELECT unnest(?::BIGINT[]))"
            found |= {place: (task, attempt) for place, task, attempt in connection.execute(query, [ids]).fetchall()}
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
    return _ask(connection, name, spans, _only(only), {"only": _is_one(only, f"coalesce({TRACKS[spans.track]}, '')"), **(more or {})})


def _only(tracks: Sequence[str]) -> list[list[str]]:
    """The parameter of `_is_one`, if it has one."""
    return [list(tracks)] if tracks else []


def _is_one(tracks: Sequence[str], track: str = "track") -> str:
    """A condition on the track, if it is one of some."""
    return f" AND {track} IN (SELECT unnest(?::VARCHAR[]))" if tracks else ""


def _ask(connection: Connection, name: str, spans: Spans, parameters: Sequence[Any], more: Mapping[str, Any]) -> list[Row]:
    text, first = _text(name, spans, more)
    return rows(connection, text, [*first, *parameters])


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
