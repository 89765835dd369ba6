"""Progress, failures, a job's answer, its runs and comparisons, from recorded events."""

from __future__ import annotations

import pytest
from msgspec import structs

from rayscope.errors import FilterError, NotFound
from rayscope.ingest.reports import fold_run
from rayscope.model.report import RunReport
from rayscope.query.moment import View
from rayscope.query.progress import Jobs
from support import events as ev
from support.cluster import SESSIONS, cluster
from support.events import Event, at
from support.ids import method_id, task_id
from support.recording import Recording

SESSION = "session_of_a_job"


def traceback(text: str) -> str:
    """A user's exception as Ray words it."""
    return f'User exception:\nTraceback (most recent call last):\n  File "data.py", line 42, in preprocess\n    raise ValueError(row)\n{text}\n'


def failed(number: int, text: str, *, attempt: int = 0, name: str = "preprocess", session: str = SESSION, start: float = 1) -> list[Event]:
    """An attempt that failed so."""
    task = task_id(number)
    return [
        ev.task_definition(task, attempt=attempt, name=name, session=session),
        ev.task_lifecycle(task, {"PENDING_ARGS_AVAIL": at(start), "RUNNING": at(start)}, attempt=attempt, worker=1, node=1, pid=9001, session=session),
        ev.task_lifecycle(task, {"FAILED": at(start + 1)}, attempt=attempt, session=session, **ev.error(message=traceback(text))),
    ]


def job(session: str = SESSION, *, entrypoint: str = "python train.py", start: float = 0, end: float | None = 9) -> list[Event]:
    """One driver."""
    return [
        ev.job_definition(1, session=session, config={"entrypoint": entrypoint}, entrypoint=entrypoint),
        ev.job_lifecycle(1, {"CREATED": at(start)} | ({} if end is None else {"FINISHED": at(end)}), session=session),
    ]


def finished(number: int, *, name: str = "preprocess", session: str = SESSION, seconds: float = 1) -> list[Event]:
    return ev.whole_task(task_id(number), name=name, start=at(1), end=at(1 + seconds), session=session)


@pytest.mark.parametrize("settled", [False, True])
def test_a_task_counts_once(recording: Recording, settled: bool) -> None:
    """Whatever the number of its attempts; its state is that of the last."""
    recording.post(cluster(SESSIONS[0]))
    if settled:
        recording.tidy(60)
    jobs = Jobs(recording.database)
    whole = jobs.progress(View())
    functions = {one.name: one for one in whole.functions}
    flaky = functions["flaky"]
    assert (flaky.tasks, flaky.finished, flaky.failed, flaky.retries, flaky.attempts) == (1, 1, 0, 2, 3)
    assert (functions["broken"].failed, functions["broken"].tasks) == (1, 1)
    assert whole.tasks == recording.rows("sessions")[0]["tasks"]
    for one in whole.functions:
        assert one.tasks == one.finished + one.running + one.waiting + one.failed + one.lost
    assert whole.attempts == recording.page("tasks").total
    assert [one.first_ns or 2**63 for one in whole.functions] == sorted(one.first_ns or 2**63 for one in whole.functions)


def test_progress_of_a_job_and_of_the_past(recording: Recording) -> None:
    """By either of its ids; as it was then."""
    recording.post(cluster(SESSIONS[0]))
    jobs = Jobs(recording.database)
    of_two = jobs.progress(View(), "02000000")
    assert {one.name: (one.running, one.waiting) for one in of_two.functions} == {"slow": (1, 0), "waiting": (0, 1)}
    assert jobs.progress(View(), "raysubmit_1") == jobs.progress(View(), "01000000")
    then = jobs.progress(View(at=str(at(2.1))), "01000000")
    assert (then.finished, then.failed) == (2, 0)
    with pytest.raises(NotFound):
        jobs.progress(View(), "99")


@pytest.mark.parametrize("settled", [False, True])
def test_the_sums_alone(recording: Recording, settled: bool) -> None:
    """Are those of all functions together: of a session, a job, the past, and of what fits a filter; and nothing where nothing is."""
    recording.post(cluster(SESSIONS[0]))
    if settled:
        recording.tidy(60)
    jobs = Jobs(recording.database)
    views = [
        View(),
        *(View(at=str(at(seconds))) for seconds in (0, 2.1, 3)),
        View(filters=("name=flaky",)),
        View(filters=("attempt_number=0",)),
        View(filters=("name=x",)),
    ]
    for view, wanted in [*((view, None) for view in views), (View(), "01000000")]:
        assert jobs.progress(view, wanted, functions=False) == structs.replace(jobs.progress(view, wanted), functions=[])


def test_failures_are_grouped_by_what_they_said(recording: Recording) -> None:
    """Numbers are folded; the example is the latest; functions come with their counts."""
    events = [*failed(1, "ValueError: bad row 17"), *failed(2, "ValueError: bad row 99", start=3), *failed(3, "KeyError: 'x'", name="load")]
    recording.post([*job(), *events, *finished(4)])
    found = Jobs(recording.database).failures(View(), None, 50)
    assert [(group.error_type, group.first_line, group.count, group.tasks) for group in found.groups] == [
        ("TASK_EXECUTION_EXCEPTION", "ValueError: bad row #", 2, 2),
        ("TASK_EXECUTION_EXCEPTION", "KeyError: 'x'", 1, 1),
    ]
    first = found.groups[0]
    assert first.latest_line == "ValueError: bad row 99"
    assert first.example is not None
    assert first.example.task_id == task_id(2).hex()
    assert [(one.name, one.count) for one in first.functions] == [("preprocess", 2)]
    assert (found.attempts, found.groups_total, first.nodes, first.workers) == (3, 2, 1, 1)
    assert [group.name for group in Jobs(recording.database).failures(View(filters=("name=load",)), "01000000", 1).groups] == ["load"]
    with pytest.raises(FilterError):
        Jobs(recording.database).failures(View(), None, 0)


def test_the_answer_of_a_failed_job(recording: Recording) -> None:
    """What failed, of how many, what it said, and how the driver ended; each part with its evidence."""
    events = [event for number in range(1, 10) for event in finished(number)]
    again = [*failed(10, "ValueError: bad row 17"), *failed(11, "ValueError: bad row 3"), *failed(11, "ValueError: bad row 3", attempt=1, start=3)]
    recording.post([*job(), *events, *again])
    report = RunReport(session=SESSION, job_id="01000000", command="python train.py", started_ns=at(0), ended_ns=at(252), exit_code=1, cluster_ended=True)
    recording.report(lambda changes: fold_run(changes, report))
    answer = Jobs(recording.database).answer(View(), "01000000")
    assert answer.status == "FAILED"
    assert answer.text.startswith("2 of 11 preprocess tasks failed: ValueError: bad row ")
    assert "; the driver exited with code 1 after " in answer.text
    assert answer.certain
    assert "".join(part.text for part in answer.parts) == answer.text
    link = answer.parts[0].link
    assert link is not None
    assert recording.page("tasks", filters=tuple(link.params["filter"])).num_filtered == 3
    assert answer.parts[1].link is not None
    assert answer.parts[1].link.view == "logs"


def test_the_answer_of_a_job_that_goes_on(recording: Recording) -> None:
    """How far it has come."""
    running = [ev.task_definition(task_id(2), session=SESSION), ev.task_lifecycle(task_id(2), {"RUNNING": at(1)}, session=SESSION)]
    recording.post([*job(end=None), *finished(1), *running])
    answer = Jobs(recording.database).answer(View(), "01000000")
    assert answer.status == "RUNNING"
    assert answer.text.startswith("running for ")
    assert answer.text.endswith(": 1 of 2 tasks finished, 1 running, 0 waiting")


def test_the_answer_says_what_is_not_known(recording: Recording) -> None:
    """A driver that ended without anyone saying how."""
    recording.post([*job(), *finished(1), *finished(2)])
    answer = Jobs(recording.database).answer(View(), "01000000")
    assert answer.text == "all 2 tasks finished; its driver ended, its exit code unknown, after 9.0 s"
    assert not answer.certain


def test_runs_and_comparison(recording: Recording) -> None:
    """The run before, of the same entrypoint, in another session."""
    old, new = "session_2026-11-18_old", "session_2026-11-19_new"
    recording.post([*job(old), *finished(1, session=old), *finished(2, session=old, name="gone")])
    recording.post([*job(new, start=100, end=110), *finished(1, session=new, seconds=2), *failed(3, "ValueError: x", session=new)])
    recording.post(job("session_other", entrypoint="python other.py"))
    jobs = Jobs(recording.database)
    runs = jobs.runs(View(session=new), "01000000", 20)
    assert [(run.session, run.is_this) for run in runs.runs] == [(new, True), (old, False)]
    compared = jobs.compare(View(session=new), "01000000", None, None)
    assert compared.other is not None
    assert compared.other.session == old
    functions = {one.name: one for one in compared.functions}
    assert compared.functions[0].name == "preprocess"  # the one whose failures differ
    assert functions["preprocess"].this is not None
    assert functions["preprocess"].this.failed == 1
    assert functions["preprocess"].total_ratio is not None
    assert functions["gone"].this is None
    first = jobs.compare(View(session=old), "01000000", None, None)
    assert first.other is None
    assert first.warnings
    assert jobs.compare(View(session=old), "01000000", new, "01000000").other is not None


def test_methods_count_as_tasks(recording: Recording) -> None:
    """A method that failed because its actor died has the first line of what Ray says, which is no traceback."""
    recording.post(cluster(SESSIONS[0]))
    groups = Jobs(recording.database).failures(View(), None, 50).groups
    assert ("ACTOR_DIED", "the actor died") in {(group.error_type, group.first_line) for group in groups}
    assert any(group.example and group.example.task_id == method_id(1, 1).hex() for group in groups)
