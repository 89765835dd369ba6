"""Whom and when a picture is of: one session, a time to look back from, a stretch of time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from rayscope.errors import FilterError
from rayscope.model.resources import RESOURCES
from rayscope.query.filters import all_conditions
from rayscope.query.sessions import ALL, LATEST, resolve_session
from rayscope.query.values import parse_time
from rayscope.store import questions
from rayscope.store.conditions import Condition
from rayscope.store.database import CANNOT_EVALUATE, Connection, Database
from rayscope.store.moments import session_span
from rayscope.store.select import Scope, narrow, relation

T = TypeVar("T")

NO_DRIVER: Final = Condition("type", "!=", ("DRIVER_TASK",))


class View(Struct, frozen=True, kw_only=True):
    """What every picture can be asked for, as the caller words it. ``start`` and ``end`` bound the time, ``at`` looks back from then."""

    session: str = LATEST
    start: str | None = None
    end: str | None = None
    at: str | None = None
    filters: tuple[str, ...] = ()


class Moment(Struct, frozen=True, kw_only=True):
    """One session as it is asked about. ``now_ns``: to when what has not ended is known to last."""

    session_no: int
    session: str
    at_ns: int | None
    now_ns: int
    first_ns: int
    ended_ns: int | None

    @property
    def is_live(self) -> bool:
        """Whether it goes on."""
        return self.ended_ns is None and self.at_ns is None


def ask(database: Database, question: Callable[[Connection], T]) -> T:
    """Read one snapshot. Raises FilterError for a filter that the store cannot evaluate."""
    try:
        return database.read(question)
    except CANNOT_EVALUATE as error:
        raise FilterError(f"the filter cannot be evaluated: {str(error).splitlines()[0]}") from error


def primed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A stream whose first piece is made at once: what is wrong with its question is said before anything is sent. Raises FilterError."""
    try:
        first = next(pieces, b"")
    except CANNOT_EVALUATE as error:
        raise FilterError(f"the filter cannot be evaluated: {str(error).splitlines()[0]}") from error
    return chain([first], pieces)


def moment_of(connection: Connection, view: View) -> Moment:
    """The session and the time that a view means. Raises NotFound, Ambiguous, FilterError."""
    if view.session == ALL:
        raise FilterError("this is asked of one session, not of all", hint="name one with session=")
    chosen = resolve_session(questions.sessions(connection), view.session)
    assert chosen is not None
    clock_ns = time.time_ns()
    at_ns = parse_time(view.at, clock_ns) if view.at else None
    span = session_span(connection, chosen[0])
    last_ns, ended_ns = span["last_ns"] or clock_ns, span["ended_ns"]
    end_ns = max(last_ns, clock_ns if ended_ns is None else ended_ns)
    return Moment(
        session_no=chosen[0],
        session=chosen[1],
        at_ns=at_ns,
        now_ns=end_ns if at_ns is None else min(at_ns, end_ns),
        first_ns=span["first_ns"] or last_ns,
        ended_ns=ended_ns,
    )


def task_scope(connection: Connection, moment: Moment, filters: Sequence[str], *more: Condition) -> Scope:
    """The attempts of a session that fit, without those of drivers, over the least that holds them."""
    conditions = (NO_DRIVER, *all_conditions(RESOURCES["tasks"], filters, time.time_ns()), *more)
    scope = Scope(relation=relation("tasks", moment.at_ns), sessions=(moment.session_no,))
    narrowed = narrow(connection, scope, conditions)
    return replace(narrowed, conditions=conditions)


def stretch(view: View, moment: Moment, first_ns: int | None = None, last_ns: int | None = None) -> tuple[int, int]:
    """From when to when, in ns: as asked, else as given, else all of the session. Raises FilterError for an end before the start."""
    clock_ns = time.time_ns()
    from_ns = parse_time(view.start, clock_ns) if view.start else (first_ns or moment.first_ns)
    to_ns = parse_time(view.end, clock_ns) if view.end else (last_ns or moment.now_ns)
    if to_ns <= from_ns:
        if view.start and view.end:
            raise FilterError(f"`to` is not after `from`: {view.end} and {view.start}", hint="give a range that has a length")
        to_ns = from_ns + 1 if view.start else to_ns + 1
        from_ns = min(from_ns, to_ns - 1)
    return from_ns, to_ns
