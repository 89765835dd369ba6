"""States as they were: every answer `at` a time is what a replay of the events up to it says."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayscope.model.states import ACTOR_STATES, TASK_STATES
from support import events as ev
from support.cluster import SESSIONS, cluster
from support.events import SECOND, at
from support.ids import actor_id, task_id
from support.recording import Recording, stored

_sessions = (f"session_{number}" for number in itertools.count(1))
_MOMENT = st.integers(0, 12).map(lambda half: at(half / 2))


def state_at(times: dict[str, int], ns: int) -> str | None:
    """The state of an attempt at a time: an end if it had one by then, else its latest step, the later state of two at once."""
    past = [(TASK_STATES.index(state), when, state) for state, when in times.items() if when <= ns]
    if not past:
        return None
    ends = [(when, index, state) for index, when, state in past if state in {"FINISHED", "FAILED"}]
    return max(ends)[2] if ends else max((when, index, state) for index, when, state in past)[2]


@given(times=st.dictionaries(st.sampled_from(TASK_STATES), _MOMENT, min_size=1, max_size=6), moment=_MOMENT, settled=st.booleans())
@settings(stored, max_examples=40)
def test_attempts_at_any_time(shared: Recording, times: dict[str, int], moment: int, settled: bool) -> None:
    """Whatever its history, an attempt's state, start and end at a time are those that its events up to it give."""
    session = next(_sessions)
    shared.post([ev.task_lifecycle(task_id(1), times, session=session)])
    if settled:
        shared.tidy(60)
    rows = shared.rows("tasks", session, at=str(moment))
    created = times.get("PENDING_ARGS_AVAIL", min(times.values()))
    assert [row["state"] for row in rows] == ([state_at(times, moment) or "NIL"] if created <= moment else [])
    for row in rows:
        ends = [when for state, when in times.items() if state in {"FINISHED", "FAILED"} and when <= moment]
        assert row["end_ns"] == max(ends, default=None)
        assert row["start_ns"] == (times["RUNNING"] if times.get("RUNNING", moment + 1) <= moment else None)
        assert all(when <= moment for when in (row["state_times_ns"] or {}).values())


@given(moments=st.dictionaries(_MOMENT, st.sampled_from(ACTOR_STATES), min_size=1, max_size=5), moment=_MOMENT)
@stored
def test_actors_at_any_time(shared: Recording, moments: dict[int, str], moment: int) -> None:
    """An actor's state and place at a time are those of its last transition until then; it keeps its last place."""
    session = next(_sessions)
    steps = [
        ev.actor_transition(state, ns, **({"worker": at_ns % 7 + 1, "pid": at_ns % 7 + 1} if state == "ALIVE" else {}))
        for ns, state in moments.items()
        for at_ns in [ns // (SECOND // 2)]
    ]
    shared.post([ev.actor_definition(actor_id(1), session=session), ev.actor_lifecycle(actor_id(1), steps, session=session)])
    rows = shared.rows("actors", session, at=str(moment))
    past = sorted((ns, state) for ns, state in moments.items() if ns <= moment)
    assert [row["state"] for row in rows] == [state for _, state in past[-1:]]
    lived = [ns // (SECOND // 2) % 7 + 1 for ns, state in past if state == "ALIVE"]
    assert [row["pid"] for row in rows] == ([lived[-1] if lived else None] if past else [])


@pytest.fixture
def recorded(recording: Recording) -> Recording:
    """The cluster of `support.cluster`, in a store of the test's own."""
    recording.post(cluster(SESSIONS[0]))
    return recording


def states(recording: Recording, resource: str, column: str, moment: int) -> list[Any]:
    return sorted((row[column] for row in recording.rows(resource, at=str(moment))), key=repr)


def test_the_smaller_resources_at_a_time(recorded: Recording) -> None:
    """Nodes, workers, jobs and placement groups are shown with what was so then, and those to come are not."""
    assert states(recorded, "nodes", "state", at(0.5)) == ["ALIVE"]
    assert states(recorded, "nodes", "state", at(5)) == ["ALIVE"] * 3
    assert states(recorded, "nodes", "state", at(7)) == ["ALIVE", "ALIVE", "DEAD"]
    assert states(recorded, "workers", "state", at(1)) == ["ALIVE"] * 2
    assert states(recorded, "workers", "exit_type", at(6)) == ["NODE_OUT_OF_MEMORY", None, None]
    assert states(recorded, "jobs", "status", at(1)) == ["RUNNING"]
    assert states(recorded, "jobs", "status", at(5)) == ["PENDING", "RUNNING", "RUNNING"]
    assert states(recorded, "jobs", "status", at(8)) == ["FAILED", "PENDING", "RUNNING"]
    assert states(recorded, "placement-groups", "state", at(1.5)) == ["CREATED"]
    assert states(recorded, "placement-groups", "state", at(6)) == ["PENDING", "REMOVED"]
    assert states(recorded, "events", "message", at(0.7))[-2:] == ["scaled down", "scaled up"]


@pytest.mark.parametrize(
    ("resource", "columns"),
    [
        ("jobs", ("message", "error_type", "driver_exit_code", "end_ns", "duration_ns")),
        ("nodes", ("state_message", "death_reason", "end_ns")),
        ("workers", ("exit_type", "exit_detail", "end_ns")),
        ("actors", ("death_cause", "death_reason", "death_message", "end_ns")),
        ("tasks", ("error_type", "error_message", "state_reason", "end_ns", "duration_ns")),
    ],
)
def test_an_end_is_not_known_before_it_comes(recorded: Recording, resource: str, columns: tuple[str, ...]) -> None:
    """No column tells at a time how something was going to end."""
    recorded.post(
        [ev.task_definition(task_id(77), session=SESSIONS[0]), ev.task_lifecycle(task_id(77), {"RUNNING": at(2)}, worker=2, node=2, session=SESSIONS[0])]
    )
    recorded.tidy(3)
    late = [row for row in recorded.rows(resource) if row["end_ns"] is not None and row["end_ns"] > at(2.9)]
    assert late
    for row in recorded.rows(resource, at=str(at(2.9)), exclude_driver=False):
        if row["end_ns"] is None:
            assert {name: row[name] for name in columns} == dict.fromkeys(columns)


def test_a_verdict_is_no_fact_of_the_past_when_the_truth_is_known(recording: Recording) -> None:
    """Between the time of a wrong conclusion and the true end, the attempt ran."""
    recording.post([ev.task_lifecycle(task_id(1), {"RUNNING": at(1)}, worker=1), ev.worker_definition(1), ev.worker_dead(1, at(3))])
    recording.tidy(3)
    assert recording.rows("tasks", at=str(at(4)))[0]["state"] == "FAILED"
    recording.post([ev.task_lifecycle(task_id(1), {"FINISHED": at(5)})])
    assert recording.rows("tasks", at=str(at(4)))[0]["state"] == "RUNNING"


def test_times_as_people_write_them(recorded: Recording) -> None:
    """A page at a time says which; now is now; a time before everything is empty."""
    assert recorded.page("tasks", at="2026-11-18T11:06:41Z").as_of_ns == at(1)
    assert recorded.page("tasks", at="now").as_of_ns == pytest.approx(time.time_ns(), abs=60 * SECOND)
    for resource in ("tasks", "actors", "nodes", "workers", "jobs", "placement-groups", "events", "sessions"):
        assert recorded.rows(resource, at="2001-01-01") == []
