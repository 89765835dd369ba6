"""Listings: pages, orders, filters and ids, each held against the same question asked of plain rows in Python."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest

from rayscope.errors import Ambiguous, FilterError, NotFound
from rayscope.model.resources import RESOURCES, Column, Resource
from rayscope.query.cursor import encode_cursor
from rayscope.store.limits import MAX_PAGE
from rayscope.store.logs.index import write_agent
from support.cluster import SESSIONS, cluster
from support.events import at
from support.ids import actor_id, node_id, task_id
from support.objects import object_table, report
from support.recording import Recording

Row = dict[str, Any]
SORTABLE = [(resource, column) for resource in RESOURCES.values() for column in resource.columns if column.kind != "json"]
NAMES = [f"{resource.name}-{column.name}" for resource, column in SORTABLE]


@pytest.fixture(scope="module")
def recorded(shared: Recording) -> Recording:
    """Two sessions with equal ids, one of them settled, the other one not."""
    shared.post(cluster(SESSIONS[0]))
    shared.tidy(60)
    shared.post(cluster(SESSIONS[1]))
    for session in SESSIONS:
        report(shared, at(5), object_table(), session)
        _agents(shared, session)
    return shared


def _agents(recording: Recording, session: str) -> None:
    """One agent that has said how it is, and one that has only begun."""
    known = {"session_no": recording.committer.number(session), "host": "host-1", "word_ns": at(5)}
    for row in ({"node_id": node_id(1).hex(), "agent_id": "a1", "files": 3, "lag_bytes": 0, "lag_s": 0.5}, {"node_id": node_id(2).hex(), "agent_id": "a2"}):
        recording.database.write(lambda connection, row=row: write_agent(connection, known | row))


@pytest.fixture(scope="module")
def every(recorded: Recording) -> dict[str, list[Row]]:
    """All rows of each resource, in the order of its key."""
    return {name: recorded.rows(name, "all", exclude_driver=False) for name in RESOURCES}


def key_of(resource: Resource, row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in resource.key)


def named(resource: Resource, column: Column) -> str:
    """The columns to ask for where the others do not matter: reading few is quick."""
    return ",".join(dict.fromkeys([*resource.key, column.name]))


def pages(recording: Recording, resource: Resource, **asked: Any) -> Iterator[list[Row]]:
    """Every page of a listing, by following `next`."""
    cursor = None
    while True:
        page = recording.page(resource.name, "all", exclude_driver=False, cursor=cursor, **asked)
        yield page.rows
        if (cursor := page.next) is None:
            return


def test_the_data_has_nulls_and_values(every: dict[str, list[Row]]) -> None:
    """The cluster of these tests has rows in every resource, and both nulls and values in most columns."""
    assert all(len(rows) >= 2 for rows in every.values())
    mixed = [name for (resource, column), name in zip(SORTABLE, NAMES, strict=True) if len({row[column.name] is None for row in every[resource.name]}) == 2]
    assert len(mixed) > 40


@pytest.mark.parametrize("descending", [False, True], ids=["up", "down"])
@pytest.mark.parametrize(("resource", "column"), SORTABLE, ids=NAMES)
def test_pages_cover_all_rows_once(recorded: Recording, every: dict[str, list[Row]], resource: Resource, column: Column, descending: bool) -> None:
    """In any order, pages give each row exactly once, sorted, nulls last, equal values in the order of the key."""
    rows, sort = every[resource.name], f"{'-' if descending else ''}{column.name}"
    asked = [row for page in pages(recorded, resource, sort=sort, limit=len(rows) // 2 + 1, columns=named(resource, column)) for row in page]
    assert sorted(repr(key_of(resource, row)) for row in asked) == sorted(repr(key_of(resource, row)) for row in rows)
    values = [row[column.name] for row in asked]
    known = [value for value in values if value is not None]
    assert values == [*sorted(known, reverse=descending), *[None] * (len(values) - len(known))]
    for one, other in pairwise(asked):
        if one[column.name] == other[column.name]:
            assert [(part is None, part) for part in key_of(resource, one)] < [(part is None, part) for part in key_of(resource, other)]


def test_pages_of_one_row(recorded: Recording, every: dict[str, list[Row]]) -> None:
    """The smallest page walks through all rows, by two columns with nulls, one up and one down."""
    resource = RESOURCES["tasks"]
    asked = [row for page in pages(recorded, resource, sort="-error_type,duration_ns", limit=1) for row in page]
    assert sorted(map(repr, asked)) == sorted(map(repr, every["tasks"]))


def test_a_page_says_how_many_there_are(recorded: Recording, every: dict[str, list[Row]]) -> None:
    """The totals count all rows and those that fit, whatever the page holds."""
    page = recorded.page("tasks", "all", exclude_driver=False, filters=("state=FAILED",), limit=2)
    fit = [row for row in every["tasks"] if row["state"] == "FAILED"]
    assert (len(page.rows), page.total, page.num_filtered) == (2, len(every["tasks"]), len(fit))
    assert page.next is not None
    assert recorded.page("tasks", SESSIONS[0], limit=MAX_PAGE).next is None


def test_drivers_are_left_out_unless_asked_for(recorded: Recording) -> None:
    """A driver's own attempt is no task, but those of unknown type are."""
    kinds = [{row["type"] for row in recorded.rows("tasks", SESSIONS[0], exclude_driver=flag)} for flag in (True, False)]
    assert kinds[1] - kinds[0] == {"DRIVER_TASK"}
    assert None in kinds[0]


@pytest.mark.parametrize("limit", [0, -1, MAX_PAGE + 1])
def test_a_limit_out_of_range(recorded: Recording, limit: int) -> None:
    """A page has at least one row, and no more than the limit of all pages."""
    with pytest.raises(FilterError, match="limit"):
        recorded.page("tasks", limit=limit)


def test_a_cursor_of_another_question(recorded: Recording) -> None:
    """A cursor goes with its order only, and one that somebody made up is refused."""
    cursor = recorded.page("tasks", "all", limit=1).next
    for asked in ({"cursor": cursor, "sort": "name"}, {"cursor": "AAAA"}, {"cursor": encode_cursor("creation_ns,session,task_id,attempt_number", [1])}):
        with pytest.raises(FilterError):
            recorded.page("tasks", "all", **asked)
    made_up = encode_cursor("creation_ns,session,task_id,attempt_number", ["x", 1, 2, "y"])
    with pytest.raises(FilterError):
        recorded.page("tasks", "all", cursor=made_up)
    for value in (-1, "1", None, True):
        with pytest.raises(FilterError):
            recorded.page("sessions", cursor=encode_cursor("-started_ns,session", [value]))


def test_only_the_columns_asked_for(recorded: Recording) -> None:
    """A page has the columns that were named, in that order."""
    assert list(recorded.rows("tasks", columns="state,task_id", detail=False)[0]) == ["state", "task_id"]


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


COMPARISONS = [(*pair, ("=", "!=") if at % 3 == 0 else ("<", ">=") if at % 3 == 1 else ("<=", ">")) for at, pair in enumerate(SORTABLE)]
"""Two operators for each column; with so many columns of each kind, each operator meets all kinds."""


def written(column: Column, value: Any) -> str:
    """A value as a person writes it in a filter."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value}ns" if column.unit == "duration_ns" else str(value)


def fits(value: Any, op: str, wanted: Any) -> bool:
    """What an operator means: null equals nothing, and differs from everything."""
    if value is None or wanted is None:
        return {"=": value is wanted, "!=": value is not wanted}.get(op, False)
    return COMPARE[op](value, wanted)


@pytest.mark.parametrize(("resource", "column", "ops"), COMPARISONS, ids=NAMES)
def test_comparisons(recorded: Recording, every: dict[str, list[Row]], resource: Resource, column: Column, ops: Sequence[str]) -> None:
    """Comparisons on every column give the rows that Python's comparisons give; null has its own two."""
    rows = every[resource.name]
    known = sorted({row[column.name] for row in rows if row[column.name] is not None})
    for op in ops:
        cases = [(known[len(known) // 2], written(column, known[len(known) // 2]))] if known else []
        for wanted, text in [*cases, *([(None, "null")] if op in {"=", "!="} else [])]:
            found = recorded.page(resource.name, "all", exclude_driver=False, filters=(f"{column.name} {op} {text}",), columns=named(resource, column))
            expected = [key_of(resource, row) for row in rows if fits(row[column.name], op, wanted)]
            assert sorted(map(repr, (key_of(resource, row) for row in found.rows))) == sorted(map(repr, expected)), (op, text)
            assert (found.num_filtered, found.total) == (len(expected), len(rows))


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ("name~^fl", lambda row: re.search("^fl", row["name"] or "") is not None),
        ("name!~^fl", lambda row: re.search("^fl", row["name"] or "") is None),
        ("state in FAILED, RUNNING", lambda row: row["state"] in {"FAILED", "RUNNING"}),
        ("attempt_number in (1,2)", lambda row: row["attempt_number"] in {1, 2}),
        ("worker_pid~90", lambda row: "90" in str(row["worker_pid"])),
        ("required_resources~CPU", lambda row: "CPU" in str(row["required_resources"] or "")),
        ("start_ns>2026-11-18T11:06:42Z", lambda row: (row["start_ns"] or 0) > 1_795_000_002 * 10**9),
        ("duration_ns<=1.5s", lambda row: row["duration_ns"] is not None and row["duration_ns"] <= 1_500_000_000),
        ("name='; DROP TABLE session; --", lambda _: False),
    ],
)
def test_other_filters(recorded: Recording, every: dict[str, list[Row]], text: str, fit: Callable[[Row], bool]) -> None:
    """Patterns, lists, times and durations choose the rows that they say."""
    found = recorded.rows("tasks", "all", exclude_driver=False, filters=(text,))
    assert sorted(map(repr, found)) == sorted(repr(row) for row in every["tasks"] if fit(row))


def test_filters_add_up(recorded: Recording) -> None:
    """Several filters must all fit."""
    rows = recorded.rows("tasks", SESSIONS[0], filters=("state=FAILED", "name=flaky", "attempt_number>0"))
    assert [row["attempt_number"] for row in rows] == [1]


@pytest.mark.parametrize("text", ["name~(?=x)", "name~a{1001}{1001}", "name~\\1"])
def test_a_pattern_that_the_store_does_not_take(recorded: Recording, text: str) -> None:
    """A regular expression of Python's that the store lacks is the caller's error."""
    with pytest.raises(FilterError):
        recorded.rows("tasks", filters=(text,))


@pytest.mark.parametrize("text", ["tasks>0", "nodes=3", "tasks in 1,2,8,9"])
def test_sessions_by_their_counts(recorded: Recording, text: str) -> None:
    """The counts of a session can be filtered by, although they are in no column of the store."""
    assert [row["session"] for row in recorded.rows("sessions", filters=(text,))]
    with pytest.raises(FilterError):
        recorded.rows("sessions", filters=("tasks~1",))


@pytest.mark.parametrize("session", SESSIONS)
def test_get_by_id_and_prefix(recorded: Recording, session: str) -> None:
    """A whole id and a unique prefix find all rows of an id, whether hot or settled."""
    whole = recorded.queries.get("tasks", task_id(2).hex(), session)
    assert [(row["attempt_number"], row["state"]) for row in whole] == [(0, "FAILED"), (1, "FAILED"), (2, "FINISHED")]
    assert recorded.queries.get("tasks", task_id(2).hex()[:17], session) == whole
    assert whole[0]["profile_events"]
    assert recorded.queries.get("jobs", "raysubmit_1", session)[0]["job_id"] == "01000000"
    assert recorded.queries.get("actors", actor_id(1).hex(), session)[0]["class_name"] == "Counter"


def test_get_what_is_not_there(recorded: Recording) -> None:
    """An unknown id, one too short, an ambiguous prefix and an unknown resource each say so."""
    for name, wanted in (("tasks", "f" * 48), ("tasks", "000"), ("tasks", "zz'--"), ("taks", "x")):
        with pytest.raises(NotFound):
            recorded.queries.get(name, wanted, SESSIONS[0])
    with pytest.raises(Ambiguous):
        recorded.queries.get("tasks", "0000", SESSIONS[0])
    with pytest.raises(Ambiguous):
        recorded.queries.get("tasks", task_id(1).hex(), "all")


def test_a_session_by_name(recorded: Recording) -> None:
    """A session by its name or prefix, and its counts: each task once, those that their job left open among the failed."""
    session = recorded.queries.session(SESSIONS[0])
    assert recorded.queries.session("session_2026-11-18") == session
    assert (session.nodes, session.jobs, session.actors, session.tasks, session.failed_tasks) == (3, 2, 3, 9, 3)
