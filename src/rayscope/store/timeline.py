"""The attempts of a stretch of time, binned to pixels by the store, so that as much comes out of it as a picture can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from msgspec import Struct

from rayscope.store.database import Connection, sql
from rayscope.store.entity import Row
from rayscope.store.select import Scope, rows, where

TRACKS: Final = {"node": "node_id", "worker": "worker_id", "actor": "actor_id", "function": "coalesce(name, func_or_class_name)", "job": "job_id"}
"""What a track stands for, by the name of the grouping."""

COLORS: Final = {"function": "coalesce(name, func_or_class_name)", "state": "state"}

KEPT_SPANS: Final = 200_000
"""Attempts kept in memory for one picture, some 15 MB. Of more, reading them again costs less than the disk they would go through."""

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


class Drawn(Struct, frozen=True, kw_only=True):
    """What is drawn, by kind, in the order of track and time; times are ns from the range's start.

    ``cells``: track, bin, n, failed, busy, delta, color, part, place. ``long``: track, begin, until, failed, color, part, place, worker.
    ``marks``: track, bin, how many. ``width_ns``: attempts longer than that have a slice of their own.
    """

    cells: list[tuple[Any, ...]]
    long: list[tuple[Any, ...]]
    marks: list[tuple[Any, ...]]
    width_ns: int


def drawn(connection: Connection, spans: Spans, names: Sequence[str], *, least_ns: int, most: int, bin_ns: int, attempts: int) -> Drawn:
    """All that is drawn on some tracks, which hold so many ``attempts`` in the range. Not too many are read once and kept meanwhile."""
    keeping = "MATERIALIZED" if attempts <= KEPT_SPANS else "NOT MATERIALIZED"
    words = {"least": int(least_ns), "most": int(most), "bin": int(bin_ns), "materialized": keeping}
    text, parameters = _text("timeline_slices", spans, words)
    found = {kind: list(rows_) for kind, rows_ in groupby(connection.execute(text, [*parameters, list(names)]).fetchall(), key=itemgetter(0))}
    return Drawn(
        cells=[row[1:10] for row in found.get("cell", [])],
        long=[(row[1], row[2], row[3], row[4], *row[7:11]) for row in found.get("long", [])],
        marks=[row[1:4] for row in found.get("mark", [])],
        width_ns=found["width"][0][2],
    )


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
