"""Small histories of a cluster, and all the ways in which their events may arrive: any order, any batches, repeats."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct

from support import events as ev
from support.events import Event, at
from support.ids import actor_id, constructor_id, method_id, placement_group_id, task_id
from support.recording import Recording

RESOURCES = ("tasks", "actors", "workers", "jobs", "nodes", "placement-groups", "runtime-envs", "events")
_RUNTIME_ENV: dict[str, Any] = {"serializedRuntimeEnv": '{"env_vars": {"MODE": "fast"}}'}


class Plan(Struct, frozen=True):
    """What happens in a history. Every attempt is reported to its end if ``ends``."""

    retried: bool
    failed: bool
    named: bool
    actor_dies: bool
    worker_dies: bool
    node_dies: bool
    job_ends: bool
    ends: bool


PLANS = st.builds(Plan, *[st.booleans()] * 7, ends=st.just(True))


def history(session: str, plan: Plan) -> list[Event]:
    """The events of a plan, in the order in which they happened."""
    return [*_cluster(session), *_tasks(session, plan), *_actor(session, plan), *_ends(session, plan)]


def _cluster(session: str) -> Iterator[Event]:
    group = placement_group_id(1)
    yield ev.node_definition(1, session=session)
    yield ev.node_alive(1, at(0), head=True, session=session)
    yield ev.node_definition(2, session=session)
    yield ev.node_alive(2, at(1), session=session, aliveSubState="DRAINING")
    yield ev.job_definition(1, session=session, metadata={"job_submission_id": "raysubmit_1"})
    yield ev.job_lifecycle(1, {"CREATED": at(0)}, session=session)
    yield ev.submission_definition("raysubmit_1", session=session)
    yield ev.submission_lifecycle("raysubmit_1", "PENDING", at(0), session=session)
    yield ev.submission_lifecycle("raysubmit_1", "RUNNING", at(0.5), session=session)
    yield ev.placement_group_definition(group, session=session)
    yield ev.placement_group_lifecycle(group, "CREATED", at(0.6), session=session)
    for worker in (1, 2):
        yield ev.worker_definition(worker, node=worker, session=session)
        yield ev.worker_alive(worker, at(0.5), session=session)
    yield ev.platform_event("scaled up", ns=at(0.7), session=session, customFields={"url": "http://me:pw@host"})


def _tasks(session: str, plan: Plan) -> Iterator[Event]:
    task = task_id(1)
    yield from ev.whole_task(task, start=at(1), end=at(2), state="FAILED" if plan.failed or plan.retried else "FINISHED", session=session)
    if plan.retried:
        yield from ev.whole_task(task, attempt=1, start=at(2.1), end=at(3), session=session, **_RUNTIME_ENV)
    yield ev.task_profile(task, [("task:deserialize_arguments", at(1.001), at(1.002))], extra='{"error": "x"}', session=session)
    yield ev.task_profile(task, [("submit_task", at(1.2), at(1.3)), ("my span", at(1.2), at(1.3))], extra='{"n": 1}', session=session)
    yield ev.task_lifecycle(
        task, {"RUNNING_IN_RAY_GET": at(1.5)}, session=session, taskLogInfo={"stdoutFile": "worker-1.out", "stdoutStart": 10, "stdoutEnd": 20}
    )
    yield ev.task_definition(task_id(2), name="other", ns=at(1.4), session=session, callSite="app.py:7", labelSelector={"zone": "b"}, later=1, **_RUNTIME_ENV)
    yield ev.task_lifecycle(task_id(2), {"PENDING_ARGS_AVAIL": at(1.4)}, session=session, newer="x")
    yield ev.task_lifecycle(task_id(2), {"RUNNING": at(1.6)}, worker=2, node=2, pid=9002, session=session, isDebuggerPaused=True)
    yield ev.task_lifecycle(task_id(2), {}, worker=2, node=2, session=session, isDebuggerPaused=False) | {"timestamp": ev.stamp(at(1.7))}
    if plan.ends:
        yield ev.task_lifecycle(task_id(2), {"FINISHED": at(4)}, session=session)


def _actor(session: str, plan: Plan) -> Iterator[Event]:
    actor, method = actor_id(1), method_id(1, 1)
    yield ev.actor_definition(actor, session=session, name="counter" if plan.named else "", **_RUNTIME_ENV)
    yield ev.actor_lifecycle(actor, [ev.actor_transition("PENDING_CREATION", at(1))], session=session)
    yield ev.actor_lifecycle(actor, [ev.actor_transition("ALIVE", at(1.5), worker=2, node=2, pid=9002, reprName="Counter(7)")], session=session)
    yield from ev.whole_task(constructor_id(1), name="Counter.__init__", taskType="ACTOR_CREATION_TASK", start=at(1), end=at(1.5), session=session)
    yield ev.actor_task_definition(method, actor, session=session)
    yield ev.task_lifecycle(method, {"RUNNING": at(1.8)}, worker=2, node=2, pid=9002, session=session, actorReprName="Counter(7)")
    if plan.ends:
        yield ev.task_lifecycle(method, {"FAILED": at(2.8)}, session=session, **ev.error("ACTOR_DIED", "the actor died"))
    if plan.actor_dies:
        yield ev.actor_lifecycle(actor, [ev.actor_transition("RESTARTING", at(2.5), restartReason="NODE_PREEMPTION"), ev.actor_death(at(2.7))], session=session)


def _ends(session: str, plan: Plan) -> Iterator[Event]:
    if plan.worker_dies:
        yield ev.worker_dead(2, at(2.6), session=session)
    if plan.node_dies:
        yield ev.node_dead(2, at(2.9), session=session)
    if plan.job_ends:
        yield ev.submission_lifecycle("raysubmit_1", "FAILED", at(5), session=session, message="exit code 1", driverExitCode=1)
        yield ev.job_lifecycle(1, {"FINISHED": at(5)}, session=session)
        yield ev.placement_group_lifecycle(placement_group_id(1), "REMOVED", at(5), session=session)


@st.composite
def arrivals(draw: st.DrawFn, size: int) -> list[list[int]]:
    """Batches of indexes below ``size``: each at least once, some again, in any order."""
    indexes = draw(st.permutations(range(size)))
    again = draw(st.lists(st.integers(0, size - 1), max_size=5))
    every = [*indexes, *again]
    cuts = sorted({0, len(every), *draw(st.lists(st.integers(0, len(every)), max_size=4))})
    return [every[start:end] for start, end in pairwise(cuts)]


def everything(recording: Recording, session: str) -> dict[str, list[Any]]:
    """All rows of all resources of a session, without its name and without what differs between any two recordings of the same."""
    found: dict[str, list[Any]] = {}
    for resource in RESOURCES:
        rows = recording.rows(resource, session, exclude_driver=False)
        found[resource] = sorted(({name: part for name, part in row.items() if name not in {"session", "event_id"}} for row in rows), key=_text)
    return found


def _text(row: Any) -> str:
    return json.dumps(row, sort_keys=True)


def batches(events: Sequence[Event], arrival: Sequence[Sequence[int]]) -> list[list[Event]]:
    """The events as they arrive."""
    return [[events[index] for index in batch] for batch in arrival]
