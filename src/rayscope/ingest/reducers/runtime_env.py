"""Runtime envs that tasks, actors and jobs name, into rows of `runtime_env` without a node."""

from __future__ import annotations

import hashlib

from rayscope.ingest.changes import Changes
from rayscope.ingest.entities import RUNTIME_ENV
from rayscope.ray.times import parse_ns


def note_runtime_env(changes: Changes, session_no: int, text: str | None, timestamp: str) -> None:
    """Note that something of the session asked for this env (its redacted JSON). The empty one is no news."""
    if text is None or text == "{}":
        return
    env_id = runtime_env_id(text)
    first_seen_ns = parse_ns(timestamp)
    known = changes.entities.get(RUNTIME_ENV.name, (RUNTIME_ENV, {}))[1].get((session_no, env_id, ""))
    if known is None or first_seen_ns < known["first_seen_ns"]:  # a job's tasks share few envs: most words on one are no news
        row = {"session_no": session_no, "runtime_env_id": env_id, "node_id": "", "runtime_env": text, "first_seen_ns": first_seen_ns}
        changes.add(RUNTIME_ENV, row)


def runtime_env_id(text: str) -> str:
    """The id of a runtime env: 16 hex digits of a hash of its JSON."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
