"""Which rows of a resource a question is about: of which session, as of when, alive in which stretch of time, fitting which filters."""

from __future__ import annotations

import time
from typing import Final

from msgspec.structs import replace

from rayscope.errors import FilterError
from rayscope.model.resources import Resource
from rayscope.query.filters import all_conditions
from rayscope.query.moment import NO_DRIVER
from rayscope.query.sessions import resolve_session
from rayscope.query.values import parse_time
from rayscope.store import questions
from rayscope.store.conditions import Condition
from rayscope.store.database import Connection
from rayscope.store.select import Scope, narrow, relation

_LIVED: Final = {
    "sessions": ("started_ns", "ended_ns"),
    "nodes": ("start_ns", "end_ns"),
    "workers": ("coalesce(start_ns, launched_ns, launch_ns)", "end_ns"),
    "jobs": ("start_ns", "end_ns"),
    "actors": ("created_ns", "end_ns"),
    "tasks": ("creation_ns", "end_ns"),
    "placement-groups": ("created_ns", "removed_ns"),
    "runtime-envs": ("first_seen_ns", None),
    "events": ("time_ns", "time_ns"),
}
"""From when to when a row lived: two columns; one that has no end lives on."""

_FOREVER: Final = 2**63 - 1


def lived(resource: Resource, start: str | None, end: str | None) -> tuple[Condition, ...]:
    """Conditions that keep the rows that lived in a stretch of time. A resource that is not known here is not narrowed. Raises FilterError."""
    now_ns, (birth, death) = time.time_ns(), _LIVED.get(resource.name, (None, None))
    from_ns = parse_time(start, now_ns) if start else None
    to_ns = parse_time(end, now_ns) if end else None
    if from_ns is not None and to_ns is not None and to_ns <= from_ns:
        raise FilterError(f"`to` is not after `from`: {end} and {start}", hint="give a range that has a length")
    conditions = []
    if birth and to_ns is not None:
        conditions.append(Condition(birth, "<", (to_ns,)))
    if death and from_ns is not None:
        conditions.append(Condition(f"coalesce({death}, {_FOREVER})", ">=", (from_ns,)))
    return tuple(conditions)


def resource_scope(
    connection: Connection, resource: Resource, session: str, at_ns: int | None, filters: tuple[str, ...], more: tuple[Condition, ...], *, exclude_driver: bool
) -> tuple[Scope, str | None]:
    """The rows, over the least that holds them, and the name of the one session that they are of."""
    chosen = None if resource.name == "sessions" else resolve_session(questions.sessions(connection), session)
    conditions = (*([NO_DRIVER] if resource.name == "tasks" and exclude_driver else []), *all_conditions(resource, filters, time.time_ns()), *more)
    scope = Scope(relation=relation(resource.name, at_ns), sessions=None if chosen is None else (chosen[0],))
    return replace(narrow(connection, scope, conditions), conditions=conditions), chosen[1] if chosen else None
