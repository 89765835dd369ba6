"""Closing open attempts: what each piece of evidence says, as a table, and what holds for any evidence."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.ingest.reconcile import close_attempt
from rayscope.model.states import LOST, TASK_TYPES
from rayscope.store.closing import Evidence, Verdict
from support.events import at

NOW = at(100)
ENDS = ("worker_end_ns", "node_end_ns", "actor_end_ns", "job_end_ns", "session_end_ns")


def close(**evidence: Any) -> Verdict | None:
    """The verdict on an attempt that began to run at 1 s."""
    known: dict[str, Any] = {"type": "NORMAL_TASK", "job_id": "01000000", "creation_ns": at(0), "t_running": at(1)} | evidence
    return close_attempt(Evidence(session_no=1, task_id="ab", attempt=0, **known), NOW)


def test_nothing_ended() -> None:
    """An attempt whose surroundings all live is open, also when its function has returned."""
    assert close() is None
    assert close(task_end=at(2)) is None


TABLE = [
    ({"worker_end_ns": at(5), "exit_type": "SYSTEM_ERROR", "exit_detail": "signal 9"}, "worker", "FAILED", "WORKER_DIED", "SYSTEM_ERROR.: signal 9"),
    ({"worker_end_ns": at(5), "exit_type": "NODE_OUT_OF_MEMORY"}, "worker", "FAILED", "OUT_OF_MEMORY", "NODE_OUT_OF_MEMORY"),
    ({"worker_end_ns": at(5)}, "worker", "FAILED", "WORKER_DIED", "unknown exit type"),
    ({"worker_end_ns": at(5), "type": "ACTOR_TASK"}, "worker", "FAILED", "ACTOR_DIED", "its worker died"),
    ({"worker_end_ns": at(5), "type": "ACTOR_CREATION_TASK"}, "worker", "FAILED", "ACTOR_DIED", "its worker died"),
    ({"worker_end_ns": at(5), "type": "DRIVER_TASK", "exit_type": "INTENDED_USER_EXIT"}, "worker", LOST, None, "INTENDED_USER_EXIT"),
    ({"node_end_ns": at(5), "node_message": "no heartbeat"}, "node", "FAILED", "NODE_DIED", "no heartbeat"),
    ({"node_end_ns": at(5), "type": "DRIVER_TASK"}, "node", LOST, None, "its node died"),
    ({"actor_end_ns": at(5), "type": "ACTOR_TASK", "actor_message": "killed"}, "actor", "FAILED", "ACTOR_DIED", "its actor died"),
    ({"job_end_ns": at(5)}, "job", "FAILED", "WORKER_DIED", "job 01000000 ended .* still running"),
    ({"job_end_ns": at(5), "t_running": None}, "job", "FAILED", "WORKER_DIED", "still waiting"),
    ({"job_end_ns": at(5), "type": "DRIVER_TASK"}, "job", LOST, None, "the driver itself did not say"),
    ({"session_end_ns": at(5), "session_reason": "the cluster ended"}, "cluster", LOST, None, "the cluster ended"),
    ({"session_end_ns": at(5), "session_reason": "no word since", "silent": True}, "silence", LOST, None, "no word since"),
]


@pytest.mark.parametrize(("evidence", "cause", "state", "error_type", "reason"), TABLE)
def test_the_end_of_one_thing(evidence: dict[str, Any], cause: str, state: str, error_type: str | None, reason: str) -> None:
    """FAILED with Ray's own error type where Ray's rules say so, LOST where nobody knows, with what ended in the reason."""
    verdict = close(**evidence)
    assert verdict is not None
    assert (verdict.cause, verdict.state, verdict.error_type, verdict.ns, verdict.word_ns) == (cause, state, error_type, at(5), NOW)
    assert re.search(reason, verdict.reason)


def test_the_narrowest_end_explains_it() -> None:
    """Where a worker's end took its node's, job's and session's along, the worker is the cause; then the next wider."""
    ends = {name: at(5) for name in ENDS}
    causes = []
    for name in ENDS:
        verdict = close(type="ACTOR_TASK", **ends)
        causes.append(verdict.cause if verdict else None)
        ends[name] = None  # type: ignore[assignment]
    assert causes == ["worker", "node", "actor", "job", "cluster"]


@pytest.mark.parametrize(
    ("evidence", "cause"),
    [
        ({"worker_end_ns": at(5)}, "worker"),
        ({"worker_end_ns": at(5), "job_end_ns": at(6)}, "job"),
        ({"job_end_ns": at(6), "session_end_ns": at(7)}, "cluster"),
        ({"session_end_ns": at(7), "silent": True}, "silence"),
    ],
)
def test_a_function_that_returned_did_not_fail(evidence: dict[str, Any], cause: str) -> None:
    """When the executor's profile shows the return but no owner said how, the attempt is LOST at its return, not FAILED."""
    verdict = close(task_end=at(4), **evidence)
    assert verdict is not None
    assert (verdict.cause, verdict.state, verdict.error_type, verdict.ns) == (cause, LOST, None, at(4))
    assert "its function returned" in verdict.reason


TIMES = st.none() | st.integers(min_value=0, max_value=2**63 - 1)
EVIDENCE = st.builds(
    Evidence,
    session_no=st.just(1),
    task_id=st.just("ab"),
    attempt=st.just(0),
    type=st.none() | st.sampled_from(TASK_TYPES),
    exit_type=st.none() | st.sampled_from(["SYSTEM_ERROR", "NODE_OUT_OF_MEMORY", "INTENDED_USER_EXIT"]),
    silent=st.booleans(),
    **dict.fromkeys(("t_running", "task_end", "creation_ns", *ENDS), TIMES),
)


def test_a_function_that_was_ended_did_not_return() -> None:
    """Ray ends a worker's task by raising SystemExit in it: its profile has an end, but it is its job's end that explains it."""
    extra = '{"task:execute":"{\\"type\\": \\"<class \'SystemExit\'>\\", \\"value\\": \\"1\\"}"}'
    verdict = close(type="NORMAL_TASK", task_end=at(4), profile_extra=extra, job_end_ns=at(5))
    assert verdict is not None
    assert (verdict.state, verdict.error_type, verdict.cause) == ("FAILED", "WORKER_DIED", "job")


@given(EVIDENCE)
def test_any_evidence_gives_a_sound_verdict(evidence: Evidence) -> None:
    """The same evidence gives the same verdict, one only where something ended, an end or LOST, and never before the start."""
    verdict = close_attempt(evidence, NOW)
    assert verdict == close_attempt(evidence, NOW)
    ended = [getattr(evidence, name) for name in ENDS if getattr(evidence, name) is not None]
    assert (verdict is not None) == bool(ended)
    if verdict is None:
        return
    assert verdict.state in {"FAILED", LOST}
    assert (verdict.error_type is not None) == (verdict.state == "FAILED")
    assert verdict.reason
    assert verdict.ns >= max(evidence.creation_ns or 0, evidence.t_running or 0)
    assert verdict.cause in {"worker", "node", "actor", "job", "cluster", "silence"}
    assert verdict.state == LOST or evidence.type != "DRIVER_TASK"
