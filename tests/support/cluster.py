"""One recorded cluster with something in every column and every column empty somewhere, for tests of questions."""

from __future__ import annotations

from support import events as ev
from support.events import Event, at
from support.ids import actor_id, constructor_id, method_id, placement_group_id, task_id

SESSIONS = ("session_2026-11-18_a", "session_2026-11-19_b")


def cluster(session: str) -> list[Event]:
    """Tasks in many states, some retried, failed, lost of sight; actors, workers, nodes, jobs of all kinds."""
    return [*_nodes(session), *_jobs(session), *_actors(session), *_tasks(session), *_others(session)]


def _nodes(session: str) -> list[Event]:
    return [
        ev.node_definition(1, session=session),
        ev.node_alive(1, at(0), head=True, session=session),
        ev.node_definition(2, ns=at(1), session=session, instanceId="i-2", instanceTypeName="m5"),
        ev.node_alive(2, at(1), session=session),
        ev.node_dead(2, at(7), session=session),
        ev.node_alive(3, at(2), session=session),
        ev.worker_definition(1, session=session),
        ev.worker_alive(1, at(0.5), session=session),
        ev.worker_definition(2, node=2, session=session),
        ev.worker_alive(2, at(1.5), session=session),
        ev.worker_dead(2, at(6), exit_type="NODE_OUT_OF_MEMORY", session=session),
        ev.worker_alive(3, at(0.5), session=session),
    ]


def _jobs(session: str) -> list[Event]:
    return [
        ev.job_definition(1, session=session, metadata={"job_submission_id": "raysubmit_1"}),
        ev.job_lifecycle(1, {"CREATED": at(0)}, session=session),
        ev.submission_definition("raysubmit_1", session=session),
        ev.submission_lifecycle("raysubmit_1", "RUNNING", at(0), session=session),
        ev.submission_lifecycle("raysubmit_1", "FAILED", at(8), session=session, message="exit code 3", errorType="JOB_ENTRYPOINT", driverExitCode=3),
        ev.job_lifecycle(1, {"FINISHED": at(8)}, session=session),
        ev.job_definition(2, session=session),
        ev.job_lifecycle(2, {"CREATED": at(3)}, session=session),
        ev.submission_definition("raysubmit_3", session=session),
        ev.submission_lifecycle("raysubmit_3", "PENDING", at(4), session=session),
    ]


def _actors(session: str) -> list[Event]:
    alive = ev.actor_transition("ALIVE", at(2), worker=2, node=2, pid=9002, reprName="Counter(7)")
    return [
        ev.actor_definition(actor_id(1), session=session, name="counter", callSite="app.py:3"),
        ev.actor_lifecycle(actor_id(1), [ev.actor_transition("PENDING_CREATION", at(1)), alive], session=session),
        ev.actor_lifecycle(actor_id(1), [ev.actor_transition("RESTARTING", at(4), restartReason="NODE_PREEMPTION")], session=session),
        ev.actor_lifecycle(actor_id(1), [ev.actor_transition("ALIVE", at(5), worker=1, node=1, pid=9001), ev.actor_death(at(6))], session=session),
        ev.actor_definition(actor_id(2), class_name="Pool", session=session, isDetached=True),
        ev.actor_lifecycle(actor_id(2), [ev.actor_transition("ALIVE", at(3), worker=1, node=1, pid=9001)], session=session),
        ev.actor_lifecycle(actor_id(3, job=2), [ev.actor_transition("DEPENDENCIES_UNREADY", at(3))], session=session),
    ]


def _tasks(session: str) -> list[Event]:
    lifecycle, definition = ev.task_lifecycle, ev.task_definition
    return [
        *ev.whole_task(task_id(1), start=at(1), end=at(2), session=session),
        *ev.whole_task(task_id(2), name="flaky", start=at(1), end=at(2.5), state="FAILED", session=session),
        *ev.whole_task(task_id(2), name="flaky", attempt=1, start=at(3), end=at(4), state="FAILED", session=session),
        *ev.whole_task(task_id(2), name="flaky", attempt=2, start=at(5), end=at(7), session=session),
        *ev.whole_task(task_id(3), name="broken", start=at(2), end=at(3), state="FAILED", session=session, callSite="app.py:9", labelSelector={"zone": "b"}),
        definition(task_id(4, job=2), job=2, name="slow", session=session, serializedRuntimeEnv='{"pip": ["requests"]}'),
        lifecycle(
            task_id(4, job=2), {"PENDING_ARGS_AVAIL": at(3), "RUNNING": at(4)}, job=2, worker=1, node=1, pid=9001, session=session, isDebuggerPaused=True
        ),
        definition(task_id(5, job=2), job=2, name="waiting", session=session),
        lifecycle(task_id(5, job=2), {"PENDING_ARGS_AVAIL": at(3.5), "PENDING_NODE_ASSIGNMENT": at(3.6)}, job=2, session=session),
        lifecycle(task_id(6), {"RUNNING": at(2), "RUNNING_IN_RAY_GET": at(3), "RUNNING_IN_RAY_WAIT": at(4), "FINISHED": at(5)}, session=session),
        definition(task_id(7), name="only defined", session=session),
        *ev.whole_task(constructor_id(1), name="Counter.__init__", taskType="ACTOR_CREATION_TASK", start=at(1), end=at(2), session=session),
        ev.actor_task_definition(method_id(1, 1), actor_id(1), session=session),
        lifecycle(
            method_id(1, 1), {"SUBMITTED_TO_WORKER": at(2.5), "RUNNING": at(2.6)}, worker=2, node=2, pid=9002, session=session, actorReprName="Counter(7)"
        ),
        lifecycle(method_id(1, 1), {"FAILED": at(6)}, session=session, **ev.error("ACTOR_DIED", "the actor died")),
        definition(b"\xff" * 20 + b"\x01\x00\x00\x00", taskType="DRIVER_TASK", name="driver", session=session),
        lifecycle(b"\xff" * 20 + b"\x01\x00\x00\x00", {"RUNNING": at(0), "FINISHED": at(8)}, session=session),
    ]


def _others(session: str) -> list[Event]:
    return [
        ev.placement_group_definition(placement_group_id(1), session=session),
        ev.placement_group_lifecycle(placement_group_id(1), "CREATED", at(1), session=session),
        ev.placement_group_lifecycle(placement_group_id(1), "REMOVED", at(6), session=session),
        ev.placement_group_definition(placement_group_id(2), ns=at(2), session=session, name="", creatorActorId="AAAAAQAAAAEAAAAB"),
        ev.platform_event("scaled up", ns=at(0.7), session=session),
        ev.platform_event("scaled down", ns=at(0.7), session=session, objectName=""),
    ]
