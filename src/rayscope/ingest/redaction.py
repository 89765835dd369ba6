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

_NO_ENV: Final = frozenset({"", "{}"})


def without_secrets(body: bytes, batch: Batch) -> bytes | None:
    """The body of a decoded batch with its secrets masked; None where there is none, which is to say: keep it as it is."""
    if not active().enabled:
        return None
    envs, tells = _looked_through(batch)
    holds = any(MASK in redact_json(text) for text in envs) or _unread_holds(batch) or (tells and active().hits(body))
    masked = _masked(body) if holds else None
    taken()  # what is masked is counted where it is folded
    return masked


def _looked_through(batch: Batch) -> tuple[set[str], bool]:
    """Every runtime env and metadata of a job, as JSON (a job's tasks share few), and whether an event can bring words of the user's other than names.

    One pass, the most frequent kinds first: it is made for every batch.
    """
    envs: set[str] = set()
    tells = False
    for event in batch.events:
        kind = event.event_type
        tells = tells or bool(event.message)
        if kind == "TASK_LIFECYCLE_EVENT":
            lifecycle = event.task_lifecycle_event
            tells = tells or lifecycle is None or lifecycle.ray_error_info is not None
        elif kind in {"TASK_DEFINITION_EVENT", "ACTOR_TASK_DEFINITION_EVENT"}:
            task = event.task_definition_event or event.actor_task_definition_event
            if task is not None and task.serialized_runtime_env not in _NO_ENV:
                envs.add(task.serialized_runtime_env)
        elif kind != "TASK_PROFILE_EVENT":
            tells = True
            envs |= _envs_of(event)
    return envs, tells


def _envs_of(event: RayEvent) -> set[str]:
    payload: Any = payload_of(event)
    config = getattr(payload, "config", None)
    texts = {getattr(payload, "serialized_runtime_env", "")}
    if config is not None:
        texts |= {config.serialized_runtime_env, json.dumps(config.metadata)}
    return texts - _NO_ENV


def _masked(body: bytes) -> bytes:
    try:
        return json.dumps(redact_envs(json.loads(body)), ensure_ascii=False).encode(errors="surrogatepass")
    except (ValueError, RecursionError):  # it holds what no reader takes
        return active().in_bytes(body)[0]


def _unread_holds(batch: Batch) -> bool:
    """Whether what this version does not know, or cannot read, holds one."""
    return any(redact(fields) != fields for fields in batch.unknown.values()) or any(MASK in redact_event(bad.raw) for bad in batch.bad)
