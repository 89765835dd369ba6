"""The questions that Rayscope answers, over one store. Each method asks one snapshot of the data."""

from __future__ import annotations

import difflib
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from rayscope.errors import FilterError, NotFound
from rayscope.model.page import ActorGroup, ActorSummary, Page, TaskSummary
from rayscope.model.resources import RESOURCES, Resource
from rayscope.model.session import Session
from rayscope.query.cursor import decode_cursor, order_text
from rayscope.query.filters import all_conditions, parse_columns, parse_sort
from rayscope.query.lookup import check_one_id, lookup
from rayscope.query.objects import ObjectQueries, with_snapshot
from rayscope.query.pages import page_of, selected
from rayscope.query.present import present
from rayscope.query.request import ListRequest
from rayscope.query.scopes import lived
from rayscope.query.session_pages import COUNTED, page_of_sessions, with_counts
from rayscope.query.sessions import ALL, LATEST, resolve_session
from rayscope.query.spans import add_spans
from rayscope.query.summaries import task_groups
from rayscope.query.values import parse_time
from rayscope.store import questions
from rayscope.store.conditions import Condition, Order
from rayscope.store.database import CANNOT_EVALUATE, Connection, Database
from rayscope.store.entity import Row
from rayscope.store.limits import MAX_PAGE
from rayscope.store.select import Scope, count, page, relation

T = TypeVar("T")

_NO_DRIVER: Final = Condition("type", "!=", ("DRIVER_TASK",))


class Queries:
    """Answers questions about one store. Raises FilterError, NotFound and Ambiguous for questions that have no answer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.objects = ObjectQueries(database)

    def page(self, request: ListRequest) -> Page:
        """A page of rows."""
        resource, now_ns = resource_of(request.resource), time.time_ns()
        if not 1 <= request.limit <= MAX_PAGE:
            raise FilterError(f"limit {request.limit} is not between 1 and {MAX_PAGE:,}", hint="follow `next` for more than one page")
        at_ns = parse_time(request.at, now_ns) if request.at else None
        order, columns = parse_sort(resource, request.sort), parse_columns(resource, request.columns, detail=request.detail)
        wanted = (*all_conditions(resource, request.filters, now_ns), *lived(resource, request.start, request.end))
        after = _after(resource, request, order)

        def ask(connection: Connection) -> Page:
            chosen = None if resource.name == "sessions" else resolve_session(questions.sessions(connection), request.session)
            scope = _scope(resource, chosen, at_ns, exclude_driver=request.exclude_driver)
            total, fit = count(connection, scope, _stored(wanted))
            narrowed = msgspec.structs.replace(scope, conditions=scope.conditions + _stored(wanted))
            if resource.name == "sessions":
                return page_of_sessions(connection, narrowed, request, columns, order, wanted, total, after, at_ns)
            names = selected(resource, columns, order)
            rows = page(connection, narrowed, names, order, request.limit + 1, after)
            answer = page_of(connection, request, rows, columns, order, total, fit, chosen, at_ns)
            return with_snapshot(connection, answer, chosen, at_ns) if resource.name == "objects" else answer

        return self._ask(ask)

    def get(self, name: str, wanted: str, session: str = LATEST, at: str | None = None) -> list[Row]:
        """Every row of one id (a task has one an attempt), with all columns. A unique prefix of the id will do."""
        resource = resource_of(name)
        at_ns = parse_time(at, time.time_ns()) if at else None
        columns = resource.columns

        def ask(connection: Connection) -> list[Row]:
            chosen = None if name == "sessions" else resolve_session(questions.sessions(connection), session)
            scope = _scope(resource, chosen, at_ns, exclude_driver=False)
            rows = lookup(connection, resource, scope, _chosen_name(connection, wanted) if (name, wanted) == ("sessions", LATEST) else wanted)
            check_one_id(resource, rows, wanted, chosen)
            if name == "sessions":
                return with_counts(connection, rows, columns)
            shown = present(rows, columns)
            if name == "tasks":
                add_spans(connection, shown)
            return [{column.name: row[column.name] for column in columns} for row in shown]

        return self._ask(ask)

    def session(self, wanted: str = LATEST) -> Session:
        """One session, by name, prefix, or the latest."""
        if wanted in {LATEST, ""}:
            wanted = self._ask(lambda connection: _chosen_name(connection, wanted))
        return msgspec.convert(self.get("sessions", wanted)[0], Session)

    def task_summary(self, session: str = LATEST, filters: Sequence[str] = (), at: str | None = None) -> TaskSummary:
        """Tasks by name and state, each counted once."""
        chosen, at_ns, rows = self._groups("tasks", session, filters, at, questions.task_groups)
        groups = task_groups(rows)
        return TaskSummary(
            groups=groups,
            total_tasks=sum(group.tasks for group in groups if group.type not in {"ACTOR_TASK", "ACTOR_CREATION_TASK"}),
            total_actor_tasks=sum(group.tasks for group in groups if group.type == "ACTOR_TASK"),
            total_actor_scheduled=sum(group.tasks for group in groups if group.type == "ACTOR_CREATION_TASK"),
            retries=sum(group.retries for group in groups),
            as_of_ns=at_ns,
            session=chosen,
        )

    def actor_summary(self, session: str = LATEST, filters: Sequence[str] = (), at: str | None = None) -> ActorSummary:
        """Actors by class and state."""
        chosen, at_ns, rows = self._groups("actors", session, filters, at, questions.actor_groups)
        counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
        restarts: defaultdict[str, int] = defaultdict(int)
        for row in rows:
            counts[row["class_name"]][row["state"]] = row["actors"]
            restarts[row["class_name"]] += row["restarts"] or 0
        groups = [ActorGroup(class_name=name, state_counts=states, restarts=restarts[name]) for name, states in counts.items()]
        return ActorSummary(groups=groups, total_actors=sum(row["actors"] for row in rows), as_of_ns=at_ns, session=chosen)

    def received(self, session: str = ALL) -> dict[str, Any]:
        """What ingest received: counts by event type, unknown event types, unknown fields; and what it masked, by where it stood."""

        def ask(connection: Connection) -> dict[str, Any]:
            chosen = resolve_session(questions.sessions(connection), session)
            found: dict[str, Any] = {name: {} for name in _RECEIVED.values()}
            for row in questions.received(connection, None if chosen is None else [chosen[0]]):
                found[_RECEIVED[row["kind"]]][row["name"]] = row["count"]
            return found | {"quarantined": questions.quarantined(connection, chosen[1] if chosen else None, 1)[1]}

        return self._ask(ask)

    def quarantine(self, session: str | None, limit: int) -> dict[str, Any]:
        """The newest unreadable events with their reasons."""
        rows, total = self._ask(lambda connection: questions.quarantined(connection, session, min(max(limit, 1), MAX_PAGE)))
        return {"rows": rows, "total": total}

    def roads(self, session: str) -> list[str]:
        """Where a session's dashboard may answer, the surest first."""
        return self._ask(lambda connection: questions.roads(connection, session))

    def totals(self) -> Row:
        """Sessions, events and quarantined events in all."""
        return self._ask(questions.totals)

    def _groups(
        self, name: str, session: str, filters: Sequence[str], at: str | None, question: Callable[[Connection, Scope], list[Row]]
    ) -> tuple[str | None, int | None, list[Row]]:
        resource, now_ns = RESOURCES[name], time.time_ns()
        conditions = all_conditions(resource, filters, now_ns)
        at_ns = parse_time(at, now_ns) if at else None

        def ask(connection: Connection) -> tuple[str | None, int | None, list[Row]]:
            chosen = resolve_session(questions.sessions(connection), session)
            scope = _scope(resource, chosen, at_ns, exclude_driver=True)
            scope = msgspec.structs.replace(scope, conditions=scope.conditions + conditions)
            return (chosen[1] if chosen else None), at_ns, question(connection, scope)

        return self._ask(ask)

    def _ask(self, question: Callable[[Connection], T]) -> T:
        try:
            return self._database.read(question)
        except CANNOT_EVALUATE as error:
            raise FilterError(f"the filter cannot be evaluated: {str(error).splitlines()[0]}") from error


_RECEIVED: Final = {
    "event_type": "events_by_type",
    "unknown_event_type": "unknown_event_types",
    "unknown_field": "unknown_fields",
    "redacted": "redacted",
}


def resource_of(name: str) -> Resource:
    """The resource of that name. Raises NotFound with the nearest."""
    if (resource := RESOURCES.get(name.replace("_", "-"))) is not None:
        return resource
    near = difflib.get_close_matches(name, RESOURCES, n=2)
    raise NotFound(f"no resource {name!r}", hint=f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(RESOURCES)}")


def _scope(resource: Resource, chosen: tuple[int, str] | None, at_ns: int | None, *, exclude_driver: bool) -> Scope:
    conditions = (_NO_DRIVER,) if resource.name == "tasks" and exclude_driver else ()
    return Scope(relation=relation(resource.name, at_ns), sessions=None if chosen is None else (chosen[0],), conditions=conditions)


def _after(resource: Resource, request: ListRequest, order: Sequence[Order]) -> list[Any] | None:
    """Where the page before ended: the last row's values in the order; of sessions, which are counted, how many came before."""
    if not request.cursor:
        return None
    counted = resource.name == "sessions"
    after = decode_cursor(request.cursor, order_text(order), 1 if counted else len(order))
    if counted and not (type(after[0]) is int and after[0] >= 0):
        raise FilterError(f"not a cursor: {request.cursor[:40]!r}", hint="take `next` of the page before, unchanged")
    return after


def _stored(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """The conditions that the store can decide; those on a session's counts are decided on its few rows."""
    return tuple(condition for condition in conditions if condition.column not in COUNTED)


def _chosen_name(connection: Connection, wanted: str) -> str:
    chosen = resolve_session(questions.sessions(connection), wanted)
    return chosen[1] if chosen else ALL
