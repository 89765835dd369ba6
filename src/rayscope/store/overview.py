"""A session over time, and what needs attention in it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from rayscope.store.database import Connection, sql
from rayscope.store.entity import Row
from rayscope.store.progress import progress_totals
from rayscope.store.select import Scope, rows, where


class Stretch(Struct, frozen=True, kw_only=True):
    """A session's attempts, from when to when, in bins of what width. ``now_ns``: to when what has not ended lasts."""

    scope: Scope
    session_no: int
    at_ns: int | None
    from_ns: int
    to_ns: int
    now_ns: int
    bin_ns: int


def levels(connection: Connection, stretch: Stretch, what: str) -> list[tuple[str, int, int, int]]:
    """How much goes on at once: kind (resources as JSON), bin, busy, delta. ``what`` is running, pending, actors or nodes."""
    inner = sql(f"overview_{what}")
    text, parameters = where(stretch.scope) if "{where}" in inner else ("", [])
    query = _put(sql("levels").replace("{intervals}", inner), stretch, text)
    found: list[tuple[str, int, int, int]] = connection.execute(query, parameters).fetchall()
    return found


def ends(connection: Connection, stretch: Stretch) -> list[tuple[int, int, int]]:
    """What ended in each bin: bin, finished, failed."""
    text, parameters = where(stretch.scope)
    found: list[tuple[int, int, int]] = connection.execute(_put(sql("overview_ends"), stretch, text), parameters).fetchall()
    return found


def totals(connection: Connection, stretch: Stretch) -> Row:
    """Tasks by state, each once; attempts; nodes, actors and jobs."""
    tasks = progress_totals(connection, stretch.scope)
    return {"pending": tasks.pop("waiting"), **tasks} | rows(connection, _put(sql("overview_entities"), stretch, ""))[0]


def waiting_long(connection: Connection, stretch: Stretch, before_ns: int, limit: int) -> list[Row]:
    """What was submitted before a time and has neither begun nor ended: name, state, required_resources, count, since_ns."""
    text, parameters = where(stretch.scope)
    return rows(connection, _put(sql("overview_waiting"), stretch, text, before=int(before_ns), limit=int(limit)), parameters)


def lost_nodes(connection: Connection, stretch: Stretch, limit: int) -> list[Row]:
    """Nodes that died otherwise than on purpose, the latest first."""
    return rows(connection, _put(sql("overview_lost_nodes"), stretch, "", limit=int(limit)))


def dead_actors(connection: Connection, stretch: Stretch, limit: int) -> list[Row]:
    """Actors that died otherwise than by going out of use, by class and reason."""
    return rows(connection, _put(sql("overview_dead_actors"), stretch, "", limit=int(limit)))


def dead_workers(connection: Connection, stretch: Stretch, limit: int) -> list[Row]:
    """Workers that ended otherwise than on purpose, by how."""
    return rows(connection, _put(sql("overview_workers"), stretch, "", limit=int(limit)))


def _put(text: str, stretch: Stretch, condition: str, **more: int) -> str:
    """The words of a query, all of them numbers or the store's own."""
    words: dict[str, Any] = {
        "relation": stretch.scope.relation,
        "where": condition,
        "from": int(stretch.from_ns),
        "to": int(stretch.to_ns),
        "now": int(stretch.now_ns),
        "bin": int(stretch.bin_ns),
        "at": "NULL" if stretch.at_ns is None else int(stretch.at_ns),
        "session": int(stretch.session_no),
    }
    for word, value in (words | more).items():
        text = text.replace(f"{{{word}}}", str(value))
    return text
