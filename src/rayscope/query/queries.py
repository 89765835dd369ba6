"""The questions that Rayscope answers, over one store. Each method asks one snapshot of the data."""

from __future__ import annotations

import difflib
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from rayscope.errors import Ambiguous, FilterError, NotFound
from rayscope.model.page import ActorGroup, ActorSummary, Page, TaskGroup, TaskSummary
from rayscope.model.resources import RESOURCES, Column, Resource
from rayscope.model.session import Session
from rayscope.query.cursor import decode_cursor, encode_cursor
from rayscope.query.filters import all_conditions, parse_columns, parse_sort
from rayscope.query.present import present, span_row
from rayscope.query.request import ListRequest
from rayscope.query.sessions import ALL, LATEST, resolve_session
from rayscope.query.values import parse_time
from rayscope.ray.ids import task_key
from rayscope.store import questions
from rayscope.store.database import CANNOT_EVALUATE, Connection, Database
from rayscope.store.entity import Row
from rayscope.store.limits import MAX_PAGE
from rayscope.store.conditions import Condition, Order
from rayscope.store.select import Scope, count, page, relation

T = TypeVar("T")

_COUNTED: Final = frozenset({"nodes", "jobs", "actors", "tasks", "failed_tasks"})
_NO_DRIVER: Final = Condition("type", "!=", ("DRIVER_TASK",))
_MAX_SPANS: Final = 1000
_FULL_TASK_ID: Final = 48
_MIN_PREFIX: Final = 4


class Queries:
    """Answers questions about one store. Raises FilterError, NotFound and Ambiguous for questions that have no answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, request: ListRequest) -> Page:
        """A page of rows."""
        resource, now_ns = resource_of(request.resource), time.time_ns()
        if not 1 <= request.limit <= MAX_PAGE:
            raise FilterError(f"limit {request.limit} is not between 1 and {MAX_PAGE:,}", hint="follow `next` for more than one page")
        at_ns = parse_time(request.at, now_ns) if request.at else None
        order, columns = parse_sort(resource, request.sort), parse_columns(resource, request.columns, detail=request.detail)
        wanted = all_conditions(resource, request.filters, now_ns)
        after = _after(resource, request, order)

        def ask(connection: Connection) -> Page:
            chosen = None if resource.name == "sessions" else resolve_session(questions.sessions(connection), request.session)
            scope = _scope(resource, chosen, at_ns, exclude_driver=request.exclude_driver)
            total, fit = count(connection, scope, _stored(wanted))
            narrowed = msgspec.structs.replace(scope, conditions=scope.conditions + _stored(wanted))
            if resource.name == "sessions":
                return _page_of_sessions(connection, narrowed, request, columns, order, wanted, total, after)
            names = _selected(resource, columns, order)
            rows = page(connection, narrowed, names, order, request.limit + 1, after)
            return _page(connection, resource, request, rows, columns, order, total, fit, chosen, at_ns)

        return self._ask(ask)

    def get(self, name: str, wanted: str, session: str = LATEST, at: str | None = None) -> list[Row]:
        """Every row of one id (a task has one an attempt), with all columns. A unique prefix of the id will do."""
        resource = resource_of(name)
        at_ns = parse_time(at, time.time_ns()) if at else None
        columns = resource.columns

        def ask(connection: Connection) -> list[Row]:
            chosen = None if name == "sessions" else resolve_session(questions.sessions(connection), session)
            scope = _scope(resource, chosen, at_ns, exclude_driver=False)
            rows = _lookup(connection, resource, scope, wanted)
            _one_id(resource, rows, wanted, chosen)
            if name == "sessions":
                return _with_counts(connection, rows, columns)
            shown = present(rows, columns)
            if name == "tasks":
                _add_spans(connection, shown)
            return [{column.name: row[column.name] for column in columns} for row in shown]

        return self._ask(ask)

    def session(self, wanted: str = LATEST) -> Session:
        """One session, by name, prefix, or the latest."""
        if wanted in {LATEST, ""}:
            wanted = self._ask(lambda connection: _chosen_name(connection, wanted))
        return msgspec.convert(self.get("sessions", wanted)[0], Session)

    def task_summary(self, session: str = LATEST, filters: Sequence[str] = (), at: str | None = None) -> TaskSummary:
        """Tasks by name and state, each counted once."""
        chosen, rows = self._groups("tasks", session, filters, at, questions.task_groups)
        groups = _task_groups(rows)
        return TaskSummary(
            groups=groups,
            total_tasks=sum(group.tasks for group in groups if group.type not in {"ACTOR_TASK", "ACTOR_CREATION_TASK"}),
            total_actor_tasks=sum(group.tasks for group in groups if group.type == "ACTOR_TASK"),
            total_actor_scheduled=sum(group.tasks for group in groups if group.type == "ACTOR_CREATION_TASK"),
            retries=sum(group.retries for group in groups),
            session=chosen,
        )

    def actor_summary(self, session: str = LATEST, filters: Sequence[str] = (), at: str | None = None) -> ActorSummary:
        """Actors by class and state."""
        chosen, rows = self._groups("actors", session, filters, at, questions.actor_groups)
        counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
        restarts: defaultdict[str, int] = defaultdict(int)
        for row in rows:
            counts[row["class_name"]][row["state"]] = row["actors"]
            restarts[row["class_name"]] += row["restarts"] or 0
        groups = [ActorGroup(class_name=name, state_counts=states, restarts=restarts[name]) for name, states in counts.items()]
        return ActorSummary(groups=groups, total_actors=sum(row["actors"] for row in rows), session=chosen)

    def received(self, session: str = ALL) -> dict[str, Any]:
        """What ingest received: counts by event type, unknown event types, unknown fields."""

        def ask(connection: Connection) -> dict[str, Any]:
            chosen = resolve_session(questions.sessions(connection), session)
            found: dict[str, Any] = {"events_by_type": {}, "unknown_event_types": {}, "unknown_fields": {}}
            for row in questions.received(connection, None if chosen is None else [chosen[0]]):
                found[_RECEIVED[row["kind"]]][row["name"]] = row["count"]
            return found | {"quarantined": questions.quarantined(connection, chosen[1] if chosen else None, 1)[1]}

        return self._ask(ask)

    def quarantine(self, session: str | None, limit: int) -> dict[str, Any]:
        """The newest unreadable events with their reasons."""
        rows, total = self._ask(lambda connection: questions.quarantined(connection, session, min(max(limit, 1), MAX_PAGE)))
        return {"rows": rows, "total": total}

    def totals(self) -> Row:
        """Sessions, events and quarantined events in all."""
        return self._ask(questions.totals)

    def _groups(
        self, name: str, session: str, filters: Sequence[str], at: str | None, question: Callable[[Connection, Scope], list[Row]]
    ) -> tuple[str | None, list[Row]]:
        resource, now_ns = RESOURCES[name], time.time_ns()
        conditions = all_conditions(resource, filters, now_ns)
        at_ns = parse_time(at, now_ns) if at else None

        def ask(connection: Connection) -> tuple[str | None, list[Row]]:
            chosen = resolve_session(questions.sessions(connection), session)
            scope = _scope(resource, chosen, at_ns, exclude_driver=True)
            scope = msgspec.structs.replace(scope, conditions=scope.conditions + conditions)
            return (chosen[1] if chosen else None), question(connection, scope)

        return self._ask(ask)

    def _ask(self, question: Callable[[Connection], T]) -> T:
        try:
            return self._database.read(question)
        except CANNOT_EVALUATE as error:
            raise FilterError(f"the filter cannot be evaluated: {str(error).splitlines()[0]}") from error


_RECEIVED: Final = {"event_type": "events_by_type", "unknown_event_type": "unknown_event_types", "unknown_field": "unknown_fields"}


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
    after = decode_cursor(request.cursor, _order_text(order), 1 if counted else len(order))
    if counted and not (type(after[0]) is int and after[0] >= 0):
        raise FilterError(f"not a cursor: {request.cursor[:40]!r}", hint="take `next` of the page before, unchanged")
    return after


def _stored(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """The conditions that the store can decide; those on a session's counts are decided on its few rows."""
    return tuple(condition for condition in conditions if condition.column not in _COUNTED)


def _selected(resource: Resource, columns: Sequence[Column], order: Sequence[Order]) -> list[str]:
    """The columns to read: those shown, those that the cursor needs, and a task's keys."""
    names = dict.fromkeys([*(column.name for column in columns), *(term.column for term in order)])
    return [*names, *(["session_no", "task_key"] if resource.name == "tasks" else [])]


def _page(  # noqa: PLR0913, PLR0917 the parts of one answer
    connection: Connection,
    resource: Resource,
    request: ListRequest,
    rows: list[Row],
    columns: Sequence[Column],
    order: Sequence[Order],
    total: int,
    fit: int,
    chosen: tuple[int, str] | None,
    at_ns: int | None,
) -> Page:
    more, rows = len(rows) > request.limit, rows[: request.limit]
    following = encode_cursor(_order_text(order), [rows[-1][term.column] for term in order]) if more else None
    shown = present(rows, columns)
    if any(column.name == "profile_events" for column in columns):
        _add_spans(connection, shown)
    return Page(
        rows=[{column.name: row[column.name] for column in columns} for row in shown],
        total=total,
        num_filtered=fit,
        next=following,
        as_of_ns=at_ns,
        session=chosen[1] if chosen else None,
    )


def _page_of_sessions(  # noqa: PLR0913, PLR0917 the parts of one answer
    connection: Connection,
    scope: Scope,
    request: ListRequest,
    columns: Sequence[Column],
    order: Sequence[Order],
    wanted: Sequence[Condition],
    total: int,
    after: Sequence[Any] | None,
) -> Page:
    """Sessions are few: all are read, counted, and then filtered and sorted by whatever was asked."""
    every = RESOURCES["sessions"].columns
    stored = [column.name for column in every if column.name not in _COUNTED]
    rows = _with_counts(connection, page(connection, scope, ["session_no", *stored], [Order("session_no", descending=True)], MAX_PAGE, None), every)
    fit = [row for row in rows if all(_fits(row, condition) for condition in wanted if condition.column in _COUNTED)]
    for term in reversed(order):
        known = [row for row in fit if row[term.column] is not None]
        unknown = [row for row in fit if row[term.column] is None]
        fit = sorted(known, key=lambda row, name=term.column: row[name], reverse=term.descending) + unknown  # type: ignore[misc]  # a lambda's default
    start = after[0] if after else 0
    end = start + request.limit
    return Page(
        rows=[{column.name: row[column.name] for column in columns} for row in fit[start:end]],
        total=total,
        num_filtered=len(fit),
        next=encode_cursor(_order_text(order), [end]) if end < len(fit) else None,
    )


def _with_counts(connection: Connection, rows: list[Row], columns: Sequence[Column]) -> list[Row]:
    counts = questions.session_counts(connection, [row["session_no"] for row in rows])
    return [{column.name: (row | counts[row["session_no"]])[column.name] for column in columns} for row in rows]


def _fits(row: Row, condition: Condition) -> bool:
    value, wanted = row[condition.column], condition.values
    tests: dict[str, Callable[[], bool]] = {
        "=": lambda: value == wanted[0],
        "!=": lambda: value != wanted[0],
        "<": lambda: value < wanted[0],
        "<=": lambda: value <= wanted[0],
        ">": lambda: value > wanted[0],
        ">=": lambda: value >= wanted[0],
        "in": lambda: value in wanted,
    }
    if condition.op not in tests:
        raise FilterError(f"{condition.column} is a number and cannot be matched with {condition.op}")
    return tests[condition.op]()


def _lookup(connection: Connection, resource: Resource, scope: Scope, wanted: str) -> list[Row]:
    """Rows whose id is ``wanted``, or else begins with it."""
    stored = [column.name for column in resource.columns if not (resource.name == "sessions" and column.name in _COUNTED)]
    names = [*stored, *(["session_no", "task_key"] if resource.name == "tasks" else ["session_no"])]
    for op in ("=", "prefix"):
        if op == "prefix" and len(wanted) < _MIN_PREFIX:
            break
        for id_column in resource.id_columns:
            conditions = (*_by_key(resource, op, wanted), Condition(id_column, op, (wanted,)))
            found = page(connection, msgspec.structs.replace(scope, conditions=conditions), names, _by_id(resource), MAX_PAGE, None)
            if found:
                return found
    return []


def _by_key(resource: Resource, op: str, wanted: str) -> tuple[Condition, ...]:
    """A whole task id is first looked up by its 64-bit key, which is quick to scan."""
    if resource.name != "tasks" or op != "=" or len(wanted) != _FULL_TASK_ID or set(wanted) - set("0123456789abcdef"):
        return ()
    return (Condition("task_key", "=", (task_key(wanted),)),)


def _by_id(resource: Resource) -> tuple[Order, ...]:
    return tuple(Order(name) for name in ("session_no", *resource.key) if name != "session")


def _one_id(resource: Resource, rows: Sequence[Row], wanted: str, chosen: tuple[int, str] | None) -> None:
    """Raise unless the rows are all of one id."""
    where = f" in session {chosen[1]}" if chosen else ""
    if not rows:
        hint = "look in another session with --session, or in all with --all-sessions" if chosen else f"`rayscope list {resource.name}` shows what there is"
        raise NotFound(f"no {resource.name.removesuffix('s')} {wanted!r}{where}", hint=hint)
    ids = {tuple(row[name] for name in ("session", *resource.id_columns)) for row in rows}
    if len(ids) > 1:
        some = ", ".join(sorted(str(next(part for part in parts[1:] if part)) for parts in ids)[:3])
        raise Ambiguous(f"{wanted!r} fits {len(ids)} {resource.name}{where}: {some} …", hint="give more of the id")


def _add_spans(connection: Connection, rows: Sequence[Row]) -> None:
    """Complete profile_events with the spans that have rows of their own."""
    keys = [(row["session_no"], row["task_key"], row["task_id"], row["attempt_number"]) for row in rows]
    found: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for span in questions.extra_spans(connection, keys, _MAX_SPANS * max(len(rows), 1)):
        found[span["session_no"], span["task_id"], span["attempt"]].append(span_row(span["name"], span["start_ns"], span["end_ns"], span["extra"]))
    for row in rows:
        spans = [*(row["profile_events"] or []), *found[row["session_no"], row["task_id"], row["attempt_number"]]]
        row["profile_events"] = sorted(spans, key=lambda span: (span["start_ns"], -span["end_ns"], span["name"]))[:_MAX_SPANS] or None


def _task_groups(rows: Sequence[Row]) -> list[TaskGroup]:
    grouped: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["name"], row["type"]].append(row)
    return [_task_group(name, kind, parts) for (name, kind), parts in grouped.items()]


def _task_group(name: str, kind: str, parts: Sequence[Row]) -> TaskGroup:
    """One group of its rows by state. The quantiles are those of the state that most of its timed tasks are in."""
    timed = max((row for row in parts if row["p50_ns"] is not None), key=lambda row: row["tasks"], default=None)
    return TaskGroup(
        name=name,
        type=kind,
        state_counts={row["state"]: row["tasks"] for row in parts if row["tasks"]},
        tasks=sum(row["tasks"] for row in parts),
        retries=sum(row["retries"] for row in parts),
        p50_ns=timed["p50_ns"] if timed else None,
        p99_ns=timed["p99_ns"] if timed else None,
        total_ns=sum(row["total_ns"] or 0 for row in parts) if timed else None,
    )


def _order_text(order: Sequence[Order]) -> str:
    return ",".join(f"{'-' if term.descending else ''}{term.column}" for term in order)


def _chosen_name(connection: Connection, wanted: str) -> str:
    chosen = resolve_session(questions.sessions(connection), wanted)
    return chosen[1] if chosen else ALL
