"""Never RUNNING for ever: what the end of a worker, an actor, a node, a job or a session says of the attempts left open in it.

A pure function of the evidence. FAILED, with Ray's error type, where Ray's own rules say so; LOST where nobody knows. A verdict never
wins over a report: should the owner's word come after all, it counts.
"""

from __future__ import annotations

from datetime import UTC, datetime

from rayscope.model.states import LOST
from rayscope.store.closing import Evidence, Verdict

_SYSTEM_EXIT = "<class 'SystemExit'>"
_ACTOR_TYPES = frozenset({"ACTOR_TASK", "ACTOR_CREATION_TASK"})


def close_attempt(evidence: Evidence, now_ns: int) -> Verdict | None:
    """The verdict on one open attempt, by the narrowest end that explains it: worker, node, actor, job, session. None: it is still open."""
    if _ended_unseen(evidence):
        return _lost_after_return(evidence, now_ns)
    for judge in (_by_worker, _by_node, _by_actor, _by_job, _by_session):
        if (verdict := judge(evidence, now_ns)) is not None:
            return verdict
    return None


def _ended_unseen(evidence: Evidence) -> bool:
    """The function returned, says the executor's profile, but its owner never said how. That is no failure.

    One that ended in SystemExit did not return: Ray ends the workers of a cluster that goes by raising it in their tasks.
    """
    if evidence.profile_extra is not None and _SYSTEM_EXIT in evidence.profile_extra:
        return False
    ends = (evidence.worker_end_ns, evidence.node_end_ns, evidence.actor_end_ns, evidence.job_end_ns, evidence.session_end_ns)
    return evidence.task_end is not None and any(end is not None for end in ends)


def _lost_after_return(evidence: Evidence, now_ns: int) -> Verdict:
    ended, cause = _widest_end(evidence)
    returned = evidence.task_end or ended
    reason = f"its function returned at {utc(returned)}, but its owner never reported how, and {cause} ended at {utc(ended)}"
    kind = _session_cause(evidence) if cause == "its session" else cause.split()[-1]
    return _verdict(evidence, now_ns, cause=kind, state=LOST, error_type=None, reason=reason, ns=max(returned, 0))


def _widest_end(evidence: Evidence) -> tuple[int, str]:
    ends = (
        (evidence.session_end_ns, "its session"),
        (evidence.job_end_ns, "its job"),
        (evidence.node_end_ns, "its node"),
        (evidence.actor_end_ns, "its actor"),
        (evidence.worker_end_ns, "its worker"),
    )
    return next((ns, name) for ns, name in ends if ns is not None)


def _by_worker(evidence: Evidence, now_ns: int) -> Verdict | None:
    if evidence.worker_end_ns is None:
        return None
    kind = evidence.exit_type or "unknown exit type"
    reason = f"its worker died at {utc(evidence.worker_end_ns)} ({kind}): {evidence.exit_detail or 'Ray gives no detail'}"
    error_type = "OUT_OF_MEMORY" if kind == "NODE_OUT_OF_MEMORY" else _died(evidence)
    return _failed(evidence, now_ns, cause="worker", error_type=error_type, reason=reason, ns=evidence.worker_end_ns)


def _by_node(evidence: Evidence, now_ns: int) -> Verdict | None:
    if evidence.node_end_ns is None:
        return None
    reason = f"its node died at {utc(evidence.node_end_ns)}: {evidence.node_message or 'Ray gives no detail'}"
    return _failed(evidence, now_ns, cause="node", error_type="NODE_DIED", reason=reason, ns=evidence.node_end_ns)


def _by_actor(evidence: Evidence, now_ns: int) -> Verdict | None:
    if evidence.actor_end_ns is None:
        return None
    reason = f"its actor died at {utc(evidence.actor_end_ns)}: {evidence.actor_message or 'Ray gives no detail'}"
    return _failed(evidence, now_ns, cause="actor", error_type="ACTOR_DIED", reason=reason, ns=evidence.actor_end_ns)


def _by_job(evidence: Evidence, now_ns: int) -> Verdict | None:
    """Ray marks what a job leaves open as failed, with WORKER_DIED."""
    if evidence.job_end_ns is None:
        return None
    if evidence.type == "DRIVER_TASK":
        reason = f"its job ended at {utc(evidence.job_end_ns)}; the driver itself did not say how"
        return _failed(evidence, now_ns, cause="job", error_type=None, reason=reason, ns=evidence.job_end_ns)
    reason = f"job {evidence.job_id} ended at {utc(evidence.job_end_ns)} while this was still {'running' if evidence.t_running else 'waiting'}"
    return _failed(evidence, now_ns, cause="job", error_type="WORKER_DIED", reason=reason, ns=evidence.job_end_ns)


def _by_session(evidence: Evidence, now_ns: int) -> Verdict | None:
    if evidence.session_end_ns is None:
        return None
    reason = evidence.session_reason or "its session ended"
    return _verdict(evidence, now_ns, cause=_session_cause(evidence), state=LOST, error_type=None, reason=reason, ns=evidence.session_end_ns)


def _session_cause(evidence: Evidence) -> str:
    return "silence" if evidence.silent else "cluster"


def _failed(evidence: Evidence, now_ns: int, *, cause: str, error_type: str | None, reason: str, ns: int) -> Verdict:
    """FAILED; but the driver's own attempt is no task that could fail: it is LOST."""
    if evidence.type == "DRIVER_TASK":
        return _verdict(evidence, now_ns, cause=cause, state=LOST, error_type=None, reason=reason, ns=ns)
    return _verdict(evidence, now_ns, cause=cause, state="FAILED", error_type=error_type, reason=reason, ns=ns)


def _died(evidence: Evidence) -> str:
    return "ACTOR_DIED" if evidence.type in _ACTOR_TYPES else "WORKER_DIED"


def _verdict(evidence: Evidence, now_ns: int, *, cause: str, state: str, error_type: str | None, reason: str, ns: int) -> Verdict:
    """A verdict at ``ns``, but never before the attempt itself began: clocks of nodes differ."""
    began = max(evidence.creation_ns or 0, evidence.t_running or 0)
    return Verdict(
        session_no=evidence.session_no,
        task_id=evidence.task_id,
        attempt=evidence.attempt,
        cause=cause,
        state=state,
        error_type=error_type,
        reason=reason,
        ns=max(ns, began),
        word_ns=now_ns,
    )


def utc(ns: int) -> str:
    """A time for a reason's text."""
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
