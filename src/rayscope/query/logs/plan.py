"""From the words of a question to what must be looked at: which files, which stretches of them, which times and levels."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from msgspec import Struct, structs

from rayscope.errors import FilterError, NotFound
from rayscope.query.logs.attribution import Output
from rayscope.query.logs.language import Node, lift, parse
from rayscope.query.logs.match import FILE_FIELDS, levels_from, read_level
from rayscope.query.logs.request import NEWEST, OLDEST, LogQuery
from rayscope.query.sessions import resolve_session
from rayscope.query.values import parse_time
from rayscope.ray.log_lines import ALL_LEVELS
from rayscope.ray.log_names import HOOK, MARKS
from rayscope.store import questions
from rayscope.store.database import Connection
from rayscope.store.limits import LOG_CONTEXT_LINES, MAX_LOG_LINES
from rayscope.store.logs import questions as log_questions
from rayscope.store.logs.memory import Attribution, FileState, Hooks

Spans = dict[Output, list[tuple[int, int]]]
FOR_EVER = 2**62


class Plan(Struct, frozen=True, kw_only=True):
    """What to look at. ``spans``: of a task, the only stretches of outputs that it can have printed; ``tasks`` its ids; else None."""

    query: LogQuery
    session: str | None
    session_no: int | None
    node: Node
    wants: Callable[[FileState], bool]
    since_ns: int | None
    until_ns: int | None
    level: int | None
    spans: Spans | None
    tasks: frozenset[str] | None

    @property
    def levels(self) -> int:
        """The mask of levels asked for."""
        return ALL_LEVELS if self.level is None else levels_from(self.level)


def make_plan(connection: Connection, query: LogQuery, hooks: Hooks) -> Plan:
    """The plan of a question. Raises FilterError, NotFound, Ambiguous."""
    _check(query)
    fields, node = lift(parse(query.q))
    query = _with_fields(query, fields)
    now_ns = time.time_ns()
    chosen = resolve_session(questions.sessions(connection), query.session)
    numbers = None if chosen is None else (chosen[0],)
    spans, tasks = _task_spans(connection, query, numbers, hooks) if query.task else (None, None)
    return Plan(
        query=query,
        session=chosen[1] if chosen else None,
        session_no=chosen[0] if chosen else None,
        node=node,
        wants=_file_test(connection, query, numbers, spans),
        since_ns=parse_time(query.since, now_ns) if query.since else None,
        until_ns=parse_time(query.until, now_ns) if query.until else None,
        level=read_level(query.level) if query.level else None,
        spans=spans,
        tasks=tasks,
    )


def _check(query: LogQuery) -> None:
    if query.order not in {NEWEST, OLDEST}:
        raise FilterError(f"no order {query.order!r}", hint=f"there are {NEWEST} and {OLDEST}")
    if not 1 <= query.limit <= MAX_LOG_LINES:
        raise FilterError(f"limit {query.limit} is not between 1 and {MAX_LOG_LINES:,}", hint="follow `next` for more than one page")
    if not 0 <= query.context <= LOG_CONTEXT_LINES:
        raise FilterError(f"context {query.context} is not between 0 and {LOG_CONTEXT_LINES:,}")
    if query.context and query.limit > LOG_CONTEXT_LINES:
        raise FilterError(f"context around {query.limit:,} lines at once", hint=f"with context a page has at most {LOG_CONTEXT_LINES:,}")
    if query.attempt is not None and not query.task:
        raise FilterError("attempt without task", hint="name the task too")


def _with_fields(query: LogQuery, fields: dict[str, str]) -> LogQuery:
    """The query with the fields of its text beside its own. Raises FilterError where both are given and differ."""
    for name, value in fields.items():
        given = getattr(query, name)
        if given is not None and str(given) != value:
            raise FilterError(f"{name} is asked to be {given!r} and {value!r}")
        typed = _number(name, value) if name in {"attempt", "pid"} else value
        query = structs.replace(query, **{name: typed})
    return query


def _number(name: str, value: str) -> int:
    if not value.isdecimal() or len(value) > 18:  # noqa: PLR2004 what 64 bits hold
        raise FilterError(f"{name} is a number, {value[:80]!r} is none")
    return int(value)


def _task_spans(connection: Connection, query: LogQuery, numbers: Sequence[int] | None, hooks: Hooks) -> tuple[Spans, frozenset[str]]:
    """Where a task can have printed: its marks, or in workers without hooks its own ranges."""
    assert query.task is not None
    spans: defaultdict[Output, list[tuple[int, int]]] = defaultdict(list)
    places = log_questions.task_places(connection, numbers, query.task, query.attempt)
    marks = [*log_questions.task_marks(connection, numbers, query.task, query.attempt), *(mark for mark in hooks.marks if _fits(mark, query, numbers))]
    for mark in marks:
        spans[mark.session_no, mark.worker_id, mark.stream].append((mark.start, mark.end))
    for row in places:
        for stream, column in (("out", "stdout"), ("err", "stderr")):
            is_told = row[f"{column}_start"] is not None and (row["session_no"], row["worker_id"]) not in hooks.left_out
            if row["worker_id"] and is_told:
                end = row[f"{column}_end"]
                spans[row["session_no"], row["worker_id"], stream].append((row[f"{column}_start"], FOR_EVER if end is None else end))
    tasks = frozenset({row["task_id"] for row in places} | {mark.task_id for mark in marks})
    if not tasks:
        raise NotFound(f"no task {query.task!r}", hint="`rayscope list tasks` shows what there is")
    return {output: sorted(found) for output, found in spans.items()}, tasks


def _fits(mark: Attribution, query: LogQuery, numbers: Sequence[int] | None) -> bool:
    assert query.task is not None
    named = mark.task_id.startswith(query.task) and query.attempt in {None, mark.attempt}
    return named and (numbers is None or mark.session_no in numbers)


def _file_test(connection: Connection, query: LogQuery, numbers: Sequence[int] | None, spans: Spans | None) -> Callable[[FileState], bool]:
    """Whether a file can hold lines that are asked for."""
    tests: list[Callable[[FileState], bool]] = [_is_log(query)]
    if numbers is not None:
        tests.append(lambda state: state.session_no in numbers)
    if spans is not None:
        tests.append(lambda state: _output(state) in spans)
    if query.actor:
        ids, workers = log_questions.actor_workers(connection, numbers, query.actor)
        if not ids:
            raise NotFound(f"no actor {query.actor!r}", hint="`rayscope list actors` shows what there is; an actor is named by its id or its name")
        tests.append(lambda state: _worker(state) in workers)
    if query.job:
        jobs, serving = log_questions.job_places(connection, numbers, query.job)
        tests.append(lambda state: bool({state.name.job_id, state.name.submission_id} & jobs) or (state.name.job_id is None and _worker(state) in serving))
    if query.node:
        nodes = log_questions.nodes_named(connection, numbers, query.node)
        tests.append(lambda state: state.node_id in nodes or state.node_id.startswith(query.node or ""))
    given = {name: getattr(query, name) for name in ("worker", "source", "stream", "file", "pid")}
    tests += [_field_test(name, str(value)) for name, value in given.items() if value is not None]
    return lambda state: all(test(state) for test in tests)


def _field_test(name: str, value: str) -> Callable[[FileState], bool]:
    return lambda state: FILE_FIELDS[name](state, value)


def _is_log(query: LogQuery) -> Callable[[FileState], bool]:
    """The records of the worker hooks are no logs, unless their files are asked for by name."""
    hidden = {MARKS} if query.file else {MARKS, HOOK}
    return lambda state: state.name.source not in hidden


def _output(state: FileState) -> Output:
    return (state.session_no, state.name.worker_id or "", state.name.stream)


def _worker(state: FileState) -> tuple[int, str]:
    return (state.session_no, state.name.worker_id or "")
