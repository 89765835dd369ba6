"""Every event but those of tasks into a row of `event`, so that what happened can be read in order."""

from __future__ import annotations

from typing import Any

import msgspec

from rayscope.ingest.changes import Changes
from rayscope.ingest.reducers.task import clean
from rayscope.ray.events import PlatformEvent, RayEvent, Wire
from rayscope.ray.ids import hex_of_base64, hex_or_none
from rayscope.ray.redact import redact
from rayscope.ray.times import parse_ns
from rayscope.store.limits import PAYLOAD_TEXT_BYTES

_ID_FIELDS = ("actorId", "workerId", "submissionId", "placementGroupId", "jobId", "nodeId", "objectName")


def keep_event(changes: Changes, session_no: int, event: RayEvent, payload: Wire | None, unknown: dict[str, Any] | None) -> None:
    """Keep the event with its payload, ids in hex and secrets masked, and whatever of it is unknown to this version."""
    fields = _readable(redact(msgspec.to_builtins(payload))) if payload is not None else {}
    if unknown:
        fields["unknown_fields"] = redact(unknown)
    changes.events[session_no, event.event_id] = {
        "session_no": session_no,
        "event_id": event.event_id,
        "time_ns": parse_ns(event.timestamp),
        "severity": str(event.severity),
        "source_type": str(event.source_type),
        "event_type": str(event.event_type),
        "message": clean(_message(event, payload, fields)),
        "node_id": hex_or_none(event.node_id),
        "entity_id": next((fields[name] for name in _ID_FIELDS if fields.get(name)), None),
        "custom_fields": _bounded(msgspec.json.encode(fields).decode()),
    }


def _bounded(text: str) -> str:
    """JSON that is too long becomes the beginning of its text, which is JSON as well. Its values were masked one by one before."""
    return text if len(text) <= PAYLOAD_TEXT_BYTES else msgspec.json.encode({"text": clean(text)}).decode()


def _message(event: RayEvent, payload: Wire | None, fields: dict[str, Any]) -> str:
    if event.message:
        return event.message
    if isinstance(payload, PlatformEvent):
        return payload.message
    return " → ".join(str(item["state"]) for item in fields.get("stateTransitions", []))


def _readable(value: Any, name: str = "") -> Any:
    """Ids in hex instead of base64."""
    if isinstance(value, dict):
        return {key: _readable(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return [_readable(part, name) for part in value]
    return hex_of_base64(value) if name.endswith("Id") and name != "submissionId" and isinstance(value, str) else value
