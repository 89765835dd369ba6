"""What the browser tests look at: one session that ended, with failures and retries, and one that goes on."""

from __future__ import annotations

from rayscope.model.report import RunReport
from support import events
from support.events import Event, at
from support.ids import actor_id, constructor_id, task_id

ENDED = "session_2026-11-18_10-26-40_000000_4242"
LIVE = "session_2026-11-18_11-00-00_000000_4243"
HOSTILE = "<img src=x onerror=alert(1)>"
"""A name that must stay a name."""

RUN = RunReport(
    session=ENDED, cluster="alpha", command="python train.py", started_ns=at(0), ended_ns=at(31), cluster_ended=True, exit_code=1, undrained=7, dropped=0
)
MANY = 230
"""More short tasks than fit on two pages of a table."""


def ended_session() -> list[Event]:
    """4 `load` that finished, 6 `preprocess` of which 2 failed and 1 was tried three times, many `short`, one actor that died, on one node."""
    told = [events.node_definition(1, session=ENDED), events.node_alive(1, at(0), head=True, session=ENDED)]
    told += [events.worker_definition(1, session=ENDED), events.worker_alive(1, at(0), session=ENDED)]
    told += [events.job_definition(1, session=ENDED), events.job_lifecycle(1, {"CREATED": at(0), "FINISHED": at(30)}, session=ENDED)]
    for number in range(4):
        told += events.whole_task(task_id(number), name="load", start=at(1), end=at(2), session=ENDED)
    for number in range(10, 16):
        tries = 3 if number == 10 else 1
        for attempt in range(tries):
            state = "FAILED" if number in {14, 15} or attempt < tries - 1 else "FINISHED"
            start, end = at(3 + attempt), at(4 + attempt)
            told += events.whole_task(task_id(number), name="preprocess", attempt=attempt, start=start, end=end, state=state, session=ENDED)
    for number in range(100, 100 + MANY):
        told += events.whole_task(task_id(number), name="short", start=at(10 + number / 100), end=at(10.005 + number / 100), session=ENDED)
    told += events.whole_task(task_id(30), name=HOSTILE, start=at(5), end=at(6), session=ENDED)
    return told + _dead_actor()


def _dead_actor() -> list[Event]:
    actor = actor_id(1)
    lived = [events.actor_transition("ALIVE", at(1), worker=2, pid=77), events.actor_death(at(9))]
    return [
        events.actor_definition(actor, class_name="Counter", session=ENDED),
        events.constructor_definition(constructor_id(1), class_name="Counter", session=ENDED),
        events.task_lifecycle(constructor_id(1), {"RUNNING": at(0.5), "FINISHED": at(1)}, session=ENDED),
        events.actor_lifecycle(actor, lived, session=ENDED),
    ]


def live_session(session: str = LIVE) -> list[Event]:
    """A job with one task that runs and one that waits."""
    told = [
        events.node_definition(1),
        events.node_alive(1, at(2000), head=True),
        events.job_definition(1),
        events.job_lifecycle(1, {"CREATED": at(2000)}),
        *running_task(1),
        events.task_definition(task_id(2), name="slow"),
        events.task_lifecycle(task_id(2), {"PENDING_NODE_ASSIGNMENT": at(2001)}),
    ]
    return of(session, told)


def running_task(number: int) -> list[Event]:
    """A task that runs."""
    return [events.task_definition(task_id(number), name="slow"), events.task_lifecycle(task_id(number), {"RUNNING": at(2001)}, worker=1, node=1)]


def of(session: str, told: list[Event]) -> list[Event]:
    """The same events, of a session that began later than the ended one."""
    return [event | {"sessionName": session, "timestamp": events.stamp(at(2000))} for event in told]
