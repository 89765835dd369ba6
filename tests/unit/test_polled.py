"""States that were polled: rows as Ray 2.60 gives them, in any order and again and again, make the same store; a row that makes no sense costs only itself."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from rayscope.ingest.reports import fold_snapshot
from rayscope.model.report import StateSnapshot
from support.recording import Recording

SESSION = "session_2026-11-24_22-10-01_249786_25"
NODE, WORKER, ACTOR, JOB = "ab" * 28, "cd" * 28, "0a" * 12 + "01000000", "01000000"
TASK = "11" * 8 + "ff" * 12 + "01000000"


def task_row(states: list[str], **more: Any) -> dict[str, Any]:
    return {
        "task_id": TASK,
        "attempt_number": 0,
        "name": "work",
        "func_or_class_name": "work",
        "type": "NORMAL_TASK",
        "language": "PYTHON",
        "job_id": JOB,
        "state": states[-1],
        "node_id": NODE,
        "worker_id": WORKER,
        "worker_pid": 42,
        "actor_id": None,
        "parent_task_id": "ff" * 20 + JOB,
        "placement_group_id": None,
        "required_resources": {"CPU": 1.0},
        "runtime_env_info": {"serialized_runtime_env": "{}"},
        "call_site": None,
        "label_selector": None,
        "task_log_info": {"stdout_file": "/tmp/worker.out", "stdout_start": 1, "stdout_end": 9},
        "events": [{"state": state, "created_ms": 1_795_557_000_000.0 + 10 * at} for at, state in enumerate(states)],
        "is_debugger_paused": None,
        "actor_repr_name": None,
        **more,
    }


def actor_row(state: str, seen_s: int, **more: Any) -> dict[str, Any]:
    return {
        "actor_id": ACTOR,
        "class_name": "Keeper",
        "name": "keeper",
        "state": state,
        "job_id": JOB,
        "node_id": NODE,
        "pid": 43,
        "ray_namespace": "default",
        "required_resources": {},
        "is_detached": False,
        "first_seen_ns": seen_s * 10**9,
        **more,
    }


SNAPSHOTS = [
    StateSnapshot(
        session=SESSION,
        taken_ns=1_795_557_001 * 10**9,
        polled=True,
        nodes=[
            {
                "node_id": NODE,
                "node_ip": "10.0.0.1",
                "state": "ALIVE",
                "is_head_node": True,
                "resources_total": {"CPU": 2.0},
                "start_time_ms": 1_795_556_000_000,
            }
        ],
        workers=[
            {"worker_id": WORKER, "is_alive": True, "worker_type": "WORKER", "node_id": NODE, "pid": 42, "start_time_ms": 1_795_556_500_000, "end_time_ms": 0}
        ],
        tasks=[task_row(["PENDING_ARGS_AVAIL", "RUNNING"])],
        actors=[actor_row("ALIVE", 1_795_557_001)],
        submissions=[
            {"type": "DRIVER", "job_id": JOB, "submission_id": None, "status": "RUNNING", "start_time": 1_795_556_100_000, "driver_info": {"pid": "7"}}
        ],
    ),
    StateSnapshot(
        session=SESSION,
        taken_ns=1_795_557_006 * 10**9,
        polled=True,
        tasks=[task_row(["PENDING_ARGS_AVAIL", "RUNNING", "FAILED"], error_type="TASK_EXECUTION_EXCEPTION", error_message="ValueError: as planned")],
        actors=[actor_row("DEAD", 1_795_557_006, death_cause={"actor_died_error_context": {"error_message": "killed"}})],
    ),
    StateSnapshot(
        session=SESSION,
        taken_ns=1_795_557_011 * 10**9,
        polled=True,
        workers=[
            {
                "worker_id": WORKER,
                "is_alive": False,
                "worker_type": "WORKER",
                "node_id": NODE,
                "exit_type": "INTENDED_USER_EXIT",
                "end_time_ms": 1_795_557_010_000,
            }
        ],
        tasks=[{"task_id": "not hex"}],
    ),
]


def stored(recording: Recording) -> dict[str, Any]:
    return {name: recording.rows(name, SESSION, exclude_driver=False) for name in ("tasks", "actors", "nodes", "workers", "jobs")}


def test_any_order_gives_the_same(open_recording: Any, tmp_path: Path) -> None:
    """Also with every snapshot twice."""
    answers = []
    for number, order in enumerate(itertools.permutations(SNAPSHOTS)):
        recording = open_recording(tmp_path / str(number))
        for snapshot in (*order, order[0]):
            recording.report(lambda changes, snapshot=snapshot: fold_snapshot(changes, snapshot))
        answers.append(stored(recording))
    assert all(answer == answers[0] for answer in answers)
    (task,) = answers[0]["tasks"]
    assert (task["state"], task["error_type"], task["node_id"], task["func_or_class_name"]) == ("FAILED", "TASK_EXECUTION_EXCEPTION", NODE, "work")
    (actor,) = answers[0]["actors"]
    assert (actor["state"], actor["pid"], actor["name"]) == ("DEAD", 43, "keeper")
    (worker,) = answers[0]["workers"]
    assert worker["exit_type"] == "INTENDED_USER_EXIT"
    assert answers[0]["jobs"][0]["driver_pid"] == 7 or answers[0]["jobs"][0]["job_id"] == JOB


def test_what_it_misses_is_said(recording: Recording) -> None:
    """Under each list of such a session; and the row that made no sense is in the quarantine."""
    for snapshot in SNAPSHOTS:
        recording.report(lambda changes, snapshot=snapshot: fold_snapshot(changes, snapshot))
    assert "its states were polled" in recording.page("tasks", SESSION).warnings[0]
    assert not recording.page("placement-groups", SESSION).warnings
    assert recording.counted("SELECT count(*) FROM quarantine") == 1
