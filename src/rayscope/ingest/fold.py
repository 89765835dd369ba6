"""The fold: events into changes. An event that makes no sense goes to the quarantine; all others go in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

import msgspec

from rayscope.errors import PayloadError
from rayscope.ingest.changes import Changes, Quarantined, SessionWord
from rayscope.ingest.reducers import actor, job, node, placement_group, task, worker
from rayscope.ingest.reducers.event import keep_event
from rayscope.ray.decode import Bad, Batch, payload_of
from rayscope.ray.events import RayEvent
from rayscope.ray.ids import hex_or_none
from rayscope.ray.redact import redact, redact_event, taken
from rayscope.ray.times import parse_ns
from rayscope.store.attempt import merge_value
from rayscope.store.limits import QUARANTINE_EVENT_BYTES

Reducer = Callable[[Changes, int, RayEvent, Any], None]

_TASK_REDUCERS: Final[dict[Any, tuple[Reducer, Callable[[RayEvent], Any]]]] = {
    "TASK_DEFINITION_EVENT": (task.define_task, attrgetter("task_definition_event")),
    "ACTOR_TASK_DEFINITION_EVENT": (task.define_actor_task, attrgetter("actor_task_definition_event")),
    "TASK_LIFECYCLE_EVENT": (task.advance_task, attrgetter("task_lifecycle_event")),
    "TASK_PROFILE_EVENT": (task.profile_task, attrgetter("task_profile_events")),
}
"""How to fold an event of a task, and how to get at its payload: nearly all events are such, so both are found in one step."""
_REDUCERS: Final[dict[str, Reducer]] = {
    "NODE_DEFINITION_EVENT": node.define_node,
    "NODE_LIFECYCLE_EVENT": node.advance_node,
    "WORKER_DEFINITION_EVENT": worker.define_worker,
    "WORKER_LIFECYCLE_EVENT": worker.advance_worker,
    "DRIVER_JOB_DEFINITION_EVENT": job.define_driver_job,
    "DRIVER_JOB_LIFECYCLE_EVENT": job.advance_driver_job,
    "SUBMISSION_JOB_DEFINITION_EVENT": job.define_submission,
    "SUBMISSION_JOB_LIFECYCLE_EVENT": job.advance_submission,
    "ACTOR_DEFINITION_EVENT": actor.define_actor,
    "ACTOR_LIFECYCLE_EVENT": actor.advance_actor,
    "PLACEMENT_GROUP_DEFINITION_EVENT": placement_group.define_placement_group,
    "PLACEMENT_GROUP_LIFECYCLE_EVENT": placement_group.advance_placement_group,
}

KNOWN_TYPES: Final = frozenset({*_TASK_REDUCERS, *_REDUCERS, "PLATFORM_EVENT"})


def fold_batch(changes: Changes, batch: Batch) -> None:
    """Add a decoded batch to the changes."""
    unknown = batch.unknown
    good = [event for event in batch.events if _fold_event(changes, event, unknown.get(event.event_id) if unknown else None)]
    _hear(changes, good, unknown)
    for bad in batch.bad:
        quarantine(changes, bad)


def _fold_event(changes: Changes, event: RayEvent, unknown: dict[str, Any] | None) -> bool:
    """Whether it went in."""
    try:
        session_no = changes.number(event.session_name)
        known = _TASK_REDUCERS.get(event.event_type)
        if known is None:
            _fold_other(changes, session_no, event, unknown)
            return True
        reduce, payload_in = known
        payload = payload_in(event)
        if payload is None:
            raise ValueError(f"{event.event_type} without its payload")  # noqa: TRY301 quarantined like whatever else a reducer raises
        reduce(changes, session_no, event, payload)
        if unknown:
            _keep_unknown(changes, session_no, payload, unknown)
    except (ValueError, TypeError, OverflowError, KeyError, RecursionError, PayloadError) as error:
        quarantine(changes, Bad(msgspec.json.encode(event), f"{type(error).__name__}: {error}", event.session_name or None))
        return False
    count_redacted(changes, session_no)
    return True


def count_redacted(changes: Changes, session_no: int) -> None:
    """Count what was masked since the last call, by where it stood."""
    for place, count in taken().items():
        changes.received[session_no]["redacted", place] += count


def _fold_other(changes: Changes, session_no: int, event: RayEvent, unknown: dict[str, Any] | None) -> None:
    payload = payload_of(event)
    reduce = _REDUCERS.get(event.event_type) if isinstance(event.event_type, str) else None
    if reduce is not None:
        if payload is None:
            raise ValueError(f"{event.event_type} without its payload")
        reduce(changes, session_no, event, payload)
        count_redacted(changes, session_no)
    keep_event(changes, session_no, event, payload, unknown)
    if reduce is not None:
        taken()  # the event's copy of what was counted already


def _keep_unknown(changes: Changes, session_no: int, payload: Any, unknown: dict[str, Any]) -> None:
    """A newer Ray's fields of a task stay with its attempt, if its event made one."""
    if hex_or_none(payload.task_id) is None:
        return
    number = payload.attempt_number if hasattr(payload, "attempt_number") else payload.task_attempt
    attempt = changes.attempt(session_no, payload.task_id, number)
    text = msgspec.json.encode(redact(unknown), order="deterministic").decode()
    attempt.extra = merge_value("extra", attempt.extra, text)


def _hear(changes: Changes, events: list[RayEvent], unknown: dict[str, dict[str, Any]]) -> None:
    """Count the events, and widen their sessions' spans of time."""
    sessions = {event.session_name for event in events}
    for session in sessions:
        its = events if len(sessions) == 1 else [event for event in events if event.session_name == session]
        word, received = changes.session(session), changes.received[changes.number(session)]
        word.events += len(its)
        _widen(word, [event.timestamp for event in its])
        for kind, count in Counter([event.event_type for event in its]).items():
            received["event_type" if kind in KNOWN_TYPES else "unknown_event_type", str(kind)] += count
    for event in events if unknown else ():
        for path in unknown.get(event.event_id, ()):
            changes.received[changes.number(event.session_name)]["unknown_field", path] += 1


def _widen(word: SessionWord, stamps: list[str]) -> None:
    """RFC 3339 texts sort as their times do, but for fractions of unequal length: exact to the second, which is what a span needs."""
    first, last = parse_ns(min(stamps)), parse_ns(max(stamps))
    word.first_ns = first if word.first_ns is None else min(word.first_ns, first)
    word.last_ns = last if word.last_ns is None else max(word.last_ns, last)


def quarantine(changes: Changes, bad: Bad) -> None:
    """Set an event aside, with what looks like a secret masked."""
    if bad.session is not None:
        changes.session(bad.session).quarantined += 1
    text = redact_event(bad.raw)[:QUARANTINE_EVENT_BYTES]
    changes.quarantined.append(Quarantined(changes.now_ns, bad.session, bad.reason, text))
