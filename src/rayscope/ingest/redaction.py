"""Secrets kept out of the journal: a body in which something looks like one is masked before it is written, all others stay as they came.

What a task's events cannot hold is not looked for: only runtime envs, errors, and events of other kinds can bring a secret. A body without
these costs a look at each event's type, and one with an error or an event of a job a pass by RE2.
"""

from __future__ import annotations

import json
from typing import Any, Final

from rayscope.ray.decode import Batch, payload_of
from rayscope.ray.events import RayEvent
from rayscope.ray.redact import redact, redact_envs, redact_event, redact_json, taken
from rayscope.ray.secrets import MASK, active

_TASK_KINDS: Final = frozenset({"TASK_DEFINITION_EVENT", "ACTOR_TASK_DEFINITION_EVENT", "TASK_PROFILE_EVENT"})


def without_secrets(body: bytes, batch: Batch) -> bytes | None:
    """The body of a decoded batch with its secrets masked; None where there is none, which is to say: keep it as it is."""
    if not active().enabled:
        return None
    holds = _env_holds(batch) or _unread_holds(batch) or (any(_may_tell(event) for event in batch.events) and active().hits(body))
    masked = _masked(body) if holds else None
    taken()  # what is masked is counted where it is folded
    return masked


def _masked(body: bytes) -> bytes:
    try:
        return json.dumps(redact_envs(json.loads(body)), ensure_ascii=False).encode(errors="surrogatepass")
    except (ValueError, RecursionError):  # it holds what no reader takes
        return active().in_bytes(body)[0]


def _env_holds(batch: Batch) -> bool:
    """Whether a runtime env, or a job's metadata, holds a secret. A job's tasks share few envs, and these are remembered."""
    texts: set[str] = set()
    for event in batch.events:
        payload: Any = payload_of(event)
        env = getattr(payload, "serialized_runtime_env", "{}")
        if env not in {"{}", ""}:
            texts.add(env)
        if (config := getattr(payload, "config", None)) is not None:
            texts |= {config.serialized_runtime_env, json.dumps(config.metadata)}
    return any(MASK in redact_json(text) for text in texts)


def _unread_holds(batch: Batch) -> bool:
    """Whether what this version does not know, or cannot read, holds one."""
    return any(redact(fields) != fields for fields in batch.unknown.values()) or any(MASK in redact_event(bad.raw) for bad in batch.bad)


def _may_tell(event: RayEvent) -> bool:
    """Whether it can bring words of the user's other than names."""
    if event.message:
        return True
    if event.event_type == "TASK_LIFECYCLE_EVENT":
        payload = event.task_lifecycle_event
        return payload is None or payload.ray_error_info is not None
    return event.event_type not in _TASK_KINDS
