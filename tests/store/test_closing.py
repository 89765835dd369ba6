"""Never RUNNING for ever: what ends closes what was left open below it, and a late word undoes what was concluded."""

from __future__ import annotations

import time
from typing import Any

import pytest

from rayscope.ingest.reports import fold_run
from rayscope.model.report import RunReport
from support import events as ev
from support.events import SECOND, at
from support.ids import actor_id, constructor_id, method_id, task_id
from support.recording import Recording

TASK, METHOD, ACTOR = task_id(1), method_id(1, 1), actor_id(1)
DRIVER = b"\xff" * 20 + b"\x01\x00\x00\x00"

OPEN = [
    ev.node_definition(1),
    ev.node_alive(1, at(0), head=True),
    ev.worker_definition(1),
    ev.worker_alive(1, at(0)),
    ev.job_definition(1),
    ev.job_lifecycle(1, {"CREATED": at(0)}),
    ev.actor_definition(ACTOR),
    ev.actor_lifecycle(ACTOR, [ev.actor_transition("ALIVE", at(1), worker=1, pid=9001)]),
    ev.task_definition(TASK),
    ev.task_lifecycle(TASK, {"PENDING_ARGS_AVAIL": at(1)}),
    ev.task_lifecycle(TASK, {"RUNNING": at(2)}, worker=1, node=1, pid=9001),
    ev.actor_task_definition(METHOD, ACTOR),
    ev.task_lifecycle(METHOD, {"PENDING_ARGS_AVAIL": at(1), "SUBMITTED_TO_WORKER": at(2)}),
    ev.task_definition(DRIVER, taskType="DRIVER_TASK", name="driver"),
    ev.task_lifecycle(DRIVER, {"RUNNING": at(0)}),
]
"""A cluster with a task that runs, a method call that waits, and a driver."""


def outcome(recording: Recording, task: bytes, **asked: Any) -> tuple[str, str | None, int | None]:
    """An attempt's state, error type and end."""
    (row,) = recording.rows("tasks", filters=(f"task_id={task.hex()}",), exclude_driver=False, **asked)
    return row["state"], row["error_type"], row["end_ns"]


def reason(recording: Recording, task: bytes) -> str:
    """Why Rayscope closed an attempt."""
    (row,) = recording.rows("tasks", filters=(f"task_id={task.hex()}",), exclude_driver=False)
    return str(row["state_reason"])


@pytest.mark.parametrize(
    ("end", "task", "method"),
    [
        (ev.worker_dead(1, at(5)), ("FAILED", "WORKER_DIED", at(5)), ("SUBMITTED_TO_WORKER", None, None)),
        (ev.worker_dead(1, at(5), exit_type="NODE_OUT_OF_MEMORY"), ("FAILED", "OUT_OF_MEMORY", at(5)), ("SUBMITTED_TO_WORKER", None, None)),
        (ev.node_dead(1, at(5)), ("FAILED", "NODE_DIED", at(5)), ("SUBMITTED_TO_WORKER", None, None)),
        (ev.actor_lifecycle(ACTOR, [ev.actor_death(at(5))]), ("RUNNING", None, None), ("FAILED", "ACTOR_DIED", at(5))),
        (ev.job_lifecycle(1, {"FINISHED": at(5)}), ("FAILED", "WORKER_DIED", at(5)), ("FAILED", "WORKER_DIED", at(5))),
    ],
    ids=["worker", "out of memory", "node", "actor", "job"],
)
def test_an_end_closes_what_was_open_below_it(recording: Recording, end: Any, task: Any, method: Any) -> None:
    """A worker's, node's, actor's and job's end closes its attempts with Ray's own error type, and no others."""
    recording.post(OPEN, [end])
    recording.tidy(3)
    assert outcome(recording, TASK) == task
    assert outcome(recording, METHOD) == method


def test_the_reason_names_the_evidence(recording: Recording) -> None:
    """A closed attempt says what ended, when, and in Ray's words why."""
    recording.post(OPEN, [ev.worker_dead(1, at(5), detail="killed by signal 9")])
    recording.tidy(3)
    assert reason(recording, TASK) == "its worker died at 2026-11-18 11:06:45 UTC (SYSTEM_ERROR): killed by signal 9"


def test_a_driver_is_lost_not_failed(recording: Recording) -> None:
    """A driver that ended without a word of its own task did not fail for all that is known."""
    recording.post(OPEN, [ev.job_lifecycle(1, {"FINISHED": at(5)})])
    recording.tidy(3)
    assert outcome(recording, DRIVER) == ("LOST", None, at(5))


def test_owners_speak_first(recording: Recording) -> None:
    """Nothing is closed within the time that owners have to report."""
    recording.post(OPEN, [ev.worker_dead(1, at(5))])
    recording.tidy(0)
    assert outcome(recording, TASK)[0] == "RUNNING"


def test_the_owners_word_wins(recording: Recording) -> None:
    """A report that comes after the conclusion replaces it, hot or settled."""
    recording.post(OPEN, [ev.worker_dead(1, at(5))])
    recording.tidy(3)
    recording.post([ev.task_lifecycle(TASK, {"FINISHED": at(4)})])
    assert outcome(recording, TASK) == ("FINISHED", None, at(4))
    assert reason(recording, TASK) == "None"
    recording.post([ev.task_lifecycle(METHOD, {"RUNNING": at(3)}, worker=1, node=1)])
    recording.tidy(3, 60)
    recording.post([ev.task_lifecycle(METHOD, {"FAILED": at(9)}, **ev.error("ACTOR_DIED", "from its owner"))])
    assert outcome(recording, METHOD) == ("FAILED", "ACTOR_DIED", at(9))


def test_a_function_that_returned_is_lost(recording: Recording) -> None:
    """When only the executor's profile tells of the return, the attempt is LOST at its return."""
    recording.post(OPEN, [ev.task_profile(TASK, [("task::work", at(2), at(3))]), ev.job_lifecycle(1, {"FINISHED": at(5)})])
    recording.tidy(3)
    assert outcome(recording, TASK) == ("LOST", None, at(3))


def end_cluster(recording: Recording, ns: int) -> None:
    """What `rayscope run` reports when the cluster that it started is gone."""
    recording.report(lambda changes: fold_run(changes, RunReport(session=ev.SESSION, started_ns=at(0), ended_ns=ns, cluster_ended=True)))


def test_a_clusters_end_closes_everything(recording: Recording) -> None:
    """With the cluster gone nothing runs in it: attempts are LOST, nodes, workers and actors dead, the job lost."""
    recording.post(OPEN)
    end_cluster(recording, at(6))
    recording.tidy(3)
    assert [outcome(recording, task) for task in (TASK, METHOD, DRIVER)] == [("LOST", None, at(6))] * 3
    assert "cluster ended" in reason(recording, TASK)
    for resource in ("nodes", "workers", "actors"):
        assert [(row["state"], row["end_ns"]) for row in recording.rows(resource)] == [("DEAD", at(6))], resource
    assert [(row["status"], row["end_ns"]) for row in recording.rows("jobs")] == [("LOST", at(6))]
    (session,) = recording.rows("sessions")
    assert (session["state"], session["ended_ns"]) == ("ENDED", at(6))


def test_events_that_come_after_the_end_are_closed_too(recording: Recording) -> None:
    """A fragment that arrives when its worker's end has long been dealt with does not stay RUNNING."""
    housekeeper = recording.housekeeper()
    now = time.time_ns()
    recording.post([ev.worker_definition(1), ev.worker_dead(1, at(5))])
    housekeeper.tidy(now + 5 * SECOND)
    recording.post([ev.task_lifecycle(TASK, {"RUNNING": at(2)}, worker=1, node=1)])
    housekeeper.tidy(now + 7 * SECOND)
    housekeeper.tidy(now + 120 * SECOND)
    housekeeper.close()
    assert outcome(recording, TASK) == ("FAILED", "WORKER_DIED", at(5))


def test_a_silent_session_ends(recording: Recording) -> None:
    """A session without a word for long counts as ended at its last word, and so does what was open in it."""
    recording.post(OPEN)
    (before,) = recording.rows("sessions")
    recording.tidy(700, 703, silence_s=600)
    (session,) = recording.rows("sessions")
    assert (session["state"], session["ended_ns"]) == ("ENDED", before["last_word_ns"])
    assert session["state_reason"].startswith("no word since 20")
    state, error_type, end_ns = outcome(recording, TASK)
    assert (state, error_type) == ("LOST", None)
    assert end_ns == max(before["last_word_ns"], at(2))
    assert reason(recording, TASK).startswith("no word since")


def test_a_session_that_speaks_is_not_silent(recording: Recording) -> None:
    """Within the time of silence nothing is concluded."""
    recording.post(OPEN)
    recording.tidy(500, 503, silence_s=600)
    assert recording.rows("sessions")[0]["state"] == "LIVE"
    assert outcome(recording, TASK)[0] == "RUNNING"


def test_a_server_that_was_away_heard_nobody(recording: Recording) -> None:
    """Right after its start a server does not take its own absence for silence."""
    recording.post(OPEN)
    recording.database.write(lambda connection: connection.execute("UPDATE session SET word_ns = word_ns - 3600000000000"))
    recording.tidy(1, silence_s=600)
    assert recording.rows("sessions")[0]["state"] == "LIVE"


@pytest.mark.parametrize("settled", [False, True])
def test_a_late_word_undoes_the_silence(recording: Recording, settled: bool) -> None:
    """When a silent session speaks again it is live, what ran in it runs, and what it says of its tasks counts."""
    recording.post(OPEN)
    recording.tidy(700, 703, *([760] if settled else []), silence_s=600)
    assert recording.counted("SELECT count(*) FROM attempt_cold") == (3 if settled else 0)
    later = time.time_ns() + 800 * SECOND
    recording.post([ev.task_lifecycle(TASK, {"FINISHED": later})])
    assert recording.queries.quarantine(None, 10)["rows"] == []
    assert recording.rows("sessions")[0]["state"] == "LIVE"
    assert outcome(recording, TASK) == ("FINISHED", None, later)
    assert outcome(recording, METHOD) == ("SUBMITTED_TO_WORKER", None, None)
    assert outcome(recording, DRIVER) == ("RUNNING", None, None)
    assert recording.rows("nodes")[0]["state"] == "ALIVE"


def test_a_late_word_survives_a_failed_transaction(recording: Recording) -> None:
    """The silence is undone also when the group that breaks it has to be written piece by piece."""
    recording.post(OPEN)
    recording.tidy(700, 703, silence_s=600)
    recording.post([ev.task_lifecycle(task_id(9), {"RUNNING": at(1)}, pid=10**30), ev.node_alive(1, at(0))])
    assert outcome(recording, TASK)[0] == "RUNNING"


def test_a_worker_that_died_before_the_silence(recording: Recording) -> None:
    """When the silence is taken back, what had ended for other reasons is closed again for these."""
    recording.post(OPEN, [ev.task_profile(TASK, [("task::work", at(2), at(3))]), ev.worker_dead(1, at(5))])
    housekeeper = recording.housekeeper(600)
    now = time.time_ns()
    recording.database.write(lambda connection: connection.execute("UPDATE session SET silent_since_ns = word_ns"))
    recording.committer.silent = {1}
    housekeeper.tidy(now + 3 * SECOND)
    assert outcome(recording, TASK) == ("LOST", None, at(3))
    recording.post([ev.node_alive(1, at(0))])
    housekeeper.tidy(now + 120 * SECOND)
    housekeeper.close()
    assert outcome(recording, TASK) == ("LOST", None, at(3))
    assert "worker" in reason(recording, TASK)


def test_an_actor_that_restarts_is_not_dead(recording: Recording) -> None:
    """Calls that wait for a restarting actor stay open."""
    recording.post(OPEN, [ev.actor_lifecycle(ACTOR, [ev.actor_transition("RESTARTING", at(4))])])
    recording.tidy(3)
    assert outcome(recording, METHOD)[0] == "SUBMITTED_TO_WORKER"


def test_a_constructor_ends_with_its_worker(recording: Recording) -> None:
    """A constructor whose worker died failed with its actor's error."""
    task = constructor_id(1)
    recording.post(OPEN, [ev.constructor_definition(task), ev.task_lifecycle(task, {"RUNNING": at(2)}, worker=1, node=1), ev.worker_dead(1, at(5))])
    recording.tidy(3)
    assert outcome(recording, task) == ("FAILED", "ACTOR_DIED", at(5))


@pytest.mark.parametrize("skew", [0.5, 3])
def test_a_late_fragment_of_a_clock_that_is_ahead(recording: Recording, skew: float) -> None:
    """An executor whose clock runs ahead of the owner's reports a start after the end; the attempt is still one."""
    recording.post([ev.task_definition(TASK), ev.task_lifecycle(TASK, {"PENDING_ARGS_AVAIL": at(1)}), ev.task_lifecycle(TASK, {"FINISHED": at(2)})])
    recording.tidy(60)
    recording.post([ev.task_lifecycle(TASK, {"RUNNING": at(2 + skew)}, worker=1, node=1)])
    assert outcome(recording, TASK) == ("FINISHED", None, at(2))


def test_a_draining_node_is_shown_as_such(recording: Recording) -> None:
    """A node that is about to be taken away says so while it lives, and why it died afterwards."""
    recording.post([ev.node_definition(2), ev.node_alive(2, at(1)), ev.node_alive(2, at(2), aliveSubState="DRAINING")])
    assert recording.rows("nodes")[0]["state_message"] == "draining"
    recording.post([ev.node_dead(2, at(5), message="Idle node was taken away")])
    assert recording.rows("nodes")[0]["state_message"] == "Idle node was taken away"
