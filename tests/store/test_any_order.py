"""However events arrive (order, batches, repeats, late after their attempts settled), the rows are the same."""

from __future__ import annotations

import itertools
from functools import partial, reduce
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from rayscope.store.attempt import COLUMNS, UNIONS, Attempt, merge
from rayscope.store.attempts import write_attempts
from rayscope.store.entity import merge_into, write_entities
from rayscope.store.settled import Settled
from support.events import at
from support.fragments import TABLES, attempts, rows
from support.histories import PLANS, Plan, arrivals, batches, everything, history
from support.ids import task_id
from support.recording import Recording, stored

_read: dict[Plan, dict[str, list[Any]]] = {}
_sessions = (f"session_{number}" for number in itertools.count(1))
_numbers = itertools.count(1000)


def in_order(recording: Recording, plan: Plan) -> dict[str, list[Any]]:
    """What a plan reads as when its events come in order, in one batch."""
    if plan not in _read:
        session = next(_sessions)
        recording.post(history(session, plan))
        _read[plan] = everything(recording, session)
    return _read[plan]


@given(plan=PLANS, data=st.data())
@settings(stored, max_examples=10)
def test_any_arrival_gives_the_same_rows(shared: Recording, plan: Plan, data: Any) -> None:
    """A history in any order, cut into any batches, with repeats, reads as it does in order."""
    session = next(_sessions)
    events = history(session, plan)
    shared.post(*batches(events, data.draw(arrivals(len(events)))))
    assert everything(shared, session) == in_order(shared, plan)
    assert shared.counted("SELECT count(*) FROM (SELECT session_no, task_id, attempt FROM attempt GROUP BY ALL HAVING count(*) > 1)") == 0


@given(plan=PLANS, data=st.data())
@settings(stored, max_examples=8)
def test_settling_in_between_changes_nothing(shared: Recording, plan: Plan, data: Any) -> None:
    """Attempts that settled (or were closed) between any two batches, and came back for a late word, read as if they never had."""
    expected, session = in_order(shared, plan), next(_sessions)
    events = history(session, plan)
    for batch in batches(events, data.draw(arrivals(len(events)))):
        shared.post(batch)
        shared.tidy(3, 60)
    assert everything(shared, session) == expected
    assert shared.counted("SELECT count(*) FROM (SELECT session_no, task_id, attempt FROM attempt GROUP BY ALL HAVING count(*) > 1)") == 0


def comparable(row: dict[str, Any]) -> dict[str, Any]:
    """Objects by their content: DuckDB writes escapes in another case than msgspec."""
    return {name: msgspec.json.decode(value) if name in UNIONS and value else value for name, value in row.items()}


@given(data=st.data())
@settings(stored, max_examples=8)
def test_the_store_merges_as_memory_does(shared: Recording, data: Any) -> None:
    """Fragments of two attempts written in any groups make the rows that `merge` makes."""
    session_no = next(_numbers)
    fragments: list[Attempt] = data.draw(st.lists(attempts(session_no) | attempts(session_no, task_id(2), 1), min_size=1, max_size=6))
    settled = Settled()  # a fragment may be a whole attempt, which goes to the cold table at once
    for fragment in fragments:
        shared.database.write(partial(write_attempts, fragments=[fragment], settled=settled))
    expected: dict[str, Attempt] = {}
    for fragment in fragments:
        expected[fragment.task_id] = merge(expected[fragment.task_id], fragment) if fragment.task_id in expected else fragment
    query = f"SELECT {', '.join(COLUMNS)} FROM attempt WHERE session_no = {session_no} ORDER BY task_id"
    found = shared.fetch(query)
    assert [comparable(dict(zip(COLUMNS, row, strict=True))) for row in found] == [comparable(asdict(expected[key])) for key in sorted(expected)]


@given(data=st.data())
@stored
def test_entities_merge_in_the_store_as_in_memory(shared: Recording, data: Any) -> None:
    """Words on an entity written one by one make the row that they make when they wait together."""
    name = data.draw(st.sampled_from(sorted(set(TABLES) - {"runtime_env"})))
    table, session_no = TABLES[name], next(_numbers)
    words = [row | {"session_no": session_no} for row in data.draw(st.lists(rows(table), min_size=1, max_size=4))]
    for word in words:
        shared.database.write(partial(write_entities, table=table, rows={table.key_of(word): word}))
    together: dict[Any, Any] = {}
    for word in reversed(words):
        merge_into(table, together, word)
    query = f"SELECT * FROM {name} WHERE session_no = {session_no}"
    stored = _one(shared, query)
    (expected,) = together.values()
    assert {key: value for key, value in stored.items() if value is not None} == {key: value for key, value in expected.items() if value is not None}


def _one(recording: Recording, query: str) -> dict[str, Any]:
    def ask(connection: Any) -> dict[str, Any]:
        cursor = connection.execute(query)
        names = [column[0] for column in cursor.description]
        (row,) = cursor.fetchall()
        return dict(zip(names, row, strict=True))

    return recording.database.read(ask)


def test_two_sessions_with_equal_ids_stay_apart(recording: Recording) -> None:
    """Task ids repeat across clusters; their attempts do not mix."""
    plan = Plan(retried=False, failed=False, named=False, actor_dies=False, worker_dies=False, node_dies=False, job_ends=False, ends=True)
    failing = msgspec.structs.replace(plan, failed=True)
    recording.post([*history("one", plan), *history("two", failing)])
    states = {session: [row["state"] for row in recording.rows("tasks", session, filters=(f"task_id={task_id(1).hex()}",))] for session in ("one", "two")}
    assert states == {"one": ["FINISHED"], "two": ["FAILED"]}


def test_a_group_of_batches_is_one_transaction(recording: Recording) -> None:
    """Merging fragments beforehand is what writing each of them does."""
    parts = [Attempt(7, "ab", 0, 1, at(0), t_running=at(2)), Attempt(7, "ab", 0, 1, at(1), t_running=at(1), name="f")]
    recording.database.write(lambda connection: write_attempts(connection, [reduce(merge, parts)], Settled()))
    assert recording.counted("SELECT t_running FROM attempt_hot WHERE session_no = 7") == at(1)
