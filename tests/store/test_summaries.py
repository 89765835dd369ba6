"""Summaries count a task once, however often it was tried, and say how often it was."""

from __future__ import annotations

import pytest

from support import events as ev
from support.cluster import SESSIONS, cluster
from support.events import at
from support.ids import task_id
from support.recording import Recording


@pytest.mark.parametrize("settled", [False, True])
def test_a_retried_task_counts_once(recording: Recording, settled: bool) -> None:
    """Its state is that of its last attempt, and the attempts before are its retries."""
    recording.post(cluster(SESSIONS[0]))
    if settled:
        recording.tidy(60)
    summary = recording.queries.task_summary()
    groups = {group.name: group for group in summary.groups}
    assert (groups["flaky"].state_counts, groups["flaky"].tasks, groups["flaky"].retries) == ({"FINISHED": 1}, 1, 2)
    assert groups["broken"].state_counts == {"FAILED": 1}
    assert "driver" not in groups
    assert (summary.total_tasks, summary.total_actor_tasks, summary.total_actor_scheduled, summary.retries) == (7, 1, 1, 2)
    assert sum(group.tasks for group in summary.groups) == recording.rows("sessions")[0]["tasks"]


def test_an_attempt_that_was_never_seen(recording: Recording) -> None:
    """A task of which an attempt in the middle was dropped on the way is still one task."""
    recording.post(
        [event for attempt in (0, 2, 5) for event in ev.whole_task(task_id(1), attempt=attempt, start=at(attempt), end=at(attempt + 1), state="FAILED")]
    )
    summary = recording.queries.task_summary()
    assert [(group.state_counts, group.retries) for group in summary.groups] == [({"FAILED": 1}, 2)]
    session = recording.rows("sessions")[0]
    assert (session["tasks"], session["failed_tasks"]) == (1, 1)


def test_durations(recording: Recording) -> None:
    """The median, the 99th percentile and the sum are of the times that attempts ran."""
    recording.post([event for number in range(1, 6) for event in ev.whole_task(task_id(number), start=at(0), end=at(number) + 3_000_000)])
    (group,) = recording.queries.task_summary().groups
    assert group.p50_ns == pytest.approx(3 * 10**9, rel=0.01)
    assert group.p99_ns == pytest.approx(5 * 10**9, rel=0.1)
    assert group.total_ns == 15 * 10**9


def test_a_summary_of_some(recording: Recording) -> None:
    """Filters and times narrow a summary as they narrow a listing."""
    recording.post(cluster(SESSIONS[0]))
    assert [group.name for group in recording.queries.task_summary(filters=("job_id=02000000",)).groups] == ["slow", "waiting"]
    then = {group.name: group.state_counts for group in recording.queries.task_summary(at=str(at(3.2))).groups}
    assert then["flaky"] == {"RUNNING": 1}
    assert then["broken"] == {"FAILED": 1}


def test_actors_by_class(recording: Recording) -> None:
    """Actors are counted by class and state, with their restarts."""
    recording.post(cluster(SESSIONS[0]))
    summary = recording.queries.actor_summary()
    assert {group.class_name: (group.state_counts, group.restarts) for group in summary.groups} == {
        "": ({"DEPENDENCIES_UNREADY": 1}, 0),
        "Counter": ({"DEAD": 1}, 1),
        "Pool": ({"ALIVE": 1}, 0),
    }
    assert summary.total_actors == 3


def test_a_filter_by_state_means_the_tasks_state(recording: Recording) -> None:
    """A task whose first attempt failed and whose last did not is no failed task, but its failed attempt is a retry's reason."""
    recording.post(cluster(SESSIONS[0]))
    failed = {group.name: group for group in recording.queries.task_summary(filters=("state=FAILED",)).groups}
    assert failed["broken"].tasks == 1
    assert failed.get("flaky") is None or failed["flaky"].tasks == 0
