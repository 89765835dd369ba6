"""A batch of exported events, read: good ones typed, unknown parts set aside, bad ones with the reason.

The common case, a batch in which every field is known, is one typed decode. Only if that fails is each event looked
at by itself. Pure.
"""

from __future__ import annotations

import re
from typing import Any, Final, get_args, get_type_hints

import msgspec
from msgspec import Struct

from rayscope.errors import PayloadError
from rayscope.ray.events import PAYLOADS, RayEvent, Wire

_BATCH: Final = msgspec.json.Decoder(list[RayEvent], strict=False)
_RAWS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_EVENT: Final = msgspec.json.Decoder(RayEvent, strict=False)
_ANY: Final = msgspec.json.Decoder()

_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoders raise: no JSON or not of the type, no UTF-8, nested deeper than a reader goes."""


class Bad(Struct, frozen=True):
    """An event that could not be read: its bytes, the session it names (if any), and why."""

    raw: bytes
    reason: str
    session: str | None


class Batch(Struct):
    """One batch, read. ``unknown`` maps an event id to the fields (by path) that this version does not know."""

    events: list[RayEvent]
    bad: list[Bad]
    unknown: dict[str, dict[str, Any]]


def decode_batch(body: bytes) -> Batch:
    """Read the body of one POST of Ray's exporter. Raises PayloadError where it is no JSON array."""
    try:
        return Batch(_BATCH.decode(body), [], {})
    except _UNREADABLE:
        return _decode_each(body)


def _decode_each(body: bytes) -> Batch:
    try:
        raws = _RAWS.decode(body)
    except _UNREADABLE as error:
        raise PayloadError(
            f"the body is not a JSON array of events: {error} (it starts with {body[:40]!r})",
            hint="Ray's exporter posts arrays; point RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR here as `rayscope env` prints it",
        ) from error
    batch = Batch([], [], {})
    for raw in raws:
        _decode_one(bytes(raw), batch)
    return batch


def _decode_one(raw: bytes, batch: Batch) -> None:
    try:
        batch.events.append(_EVENT.decode(raw))
    except _UNREADABLE:
        _decode_leniently(raw, batch)


def _decode_leniently(raw: bytes, batch: Batch) -> None:
    """Part the unknown fields from the known ones; what is still wrong then is bad."""
    value: Any = None
    try:
        value = _ANY.decode(raw)
        unknown: dict[str, Any] = {}
        known = _part(_camel(value), RayEvent, "", unknown)
        event = msgspec.convert(known, RayEvent, strict=False)
    except _UNREADABLE as error:
        batch.bad.append(Bad(raw, str(error), _session_of(value)))
        return
    batch.events.append(event)
    if unknown:
        batch.unknown[event.event_id] = unknown


def _part(value: Any, kind: type[Wire], path: str, unknown: dict[str, Any]) -> Any:
    """``value`` without the fields that ``kind`` does not have; those go into ``unknown`` by dotted path."""
    if not isinstance(value, dict):
        return value
    fields = _fields(kind)
    kept: dict[str, Any] = {}
    for name, part in value.items():
        if name not in fields:
            unknown[f"{path}{name}"] = part
        elif fields[name] in {None, dict}:
            kept[name] = part
        elif isinstance(part, list):
            kept[name] = [_part(item, fields[name], f"{path}{name}.", unknown) for item in part]
        else:
            kept[name] = _part(part, fields[name], f"{path}{name}.", unknown)
    return kept


_FIELDS: dict[type[Wire], dict[str, Any]] = {}


def _fields(kind: type[Wire]) -> dict[str, Any]:
    """Each wire name of a message, with the message type inside it: `dict` for a message kept as a mapping, None for a plain value or a map."""
    if kind not in _FIELDS:
        hints = get_type_hints(kind)
        _FIELDS[kind] = {wire: _message_in(hints[name]) for name, wire in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)}
    return _FIELDS[kind]


def _message_in(hint: Any) -> type[Wire | dict[str, Any]] | None:
    for part in (hint, *get_args(hint)):
        if isinstance(part, type) and issubclass(part, Wire):
            return part
    return dict if dict[str, Any] in get_args(hint) else None


_SNAKE: Final = re.compile(r"_([a-z])")


def _camel(value: Any) -> Any:
    """Ray can be told to keep protobuf's field names (RAY_DASHBOARD_AGGREGATOR_AGENT_PRESERVE_PROTO_FIELD_NAME): bring them to camel case.

    Only the names of message fields are changed, never the keys of a map such as resources or labels.
    """
    return _camel_message(value, RayEvent) if isinstance(value, dict) and "session_name" in value else value


def _camel_message(value: Any, kind: Any) -> Any:
    if kind is None:
        return value
    if isinstance(value, list):
        return [_camel_message(item, kind) for item in value]
    if not isinstance(value, dict):
        return value
    names = {name: _SNAKE.sub(lambda match: match[1].upper(), name) for name in value}
    return {names[name]: _camel_message(part, _kind_of(kind, names[name])) for name, part in value.items()}


def _kind_of(kind: Any, name: str) -> Any:
    """The message type in a field; all of a message that is kept as a mapping are such themselves."""
    return dict if kind is dict else _fields(kind).get(name)


def _session_of(value: Any) -> str | None:
    session = value.get("sessionName", value.get("session_name")) if isinstance(value, dict) else None
    return session if isinstance(session, str) and session else None


def payload_of(event: RayEvent) -> Wire | None:
    """The event's payload by its type; None for a type that this version does not know, or one without its payload."""
    name = PAYLOADS.get(event.event_type) if isinstance(event.event_type, str) else None
    payload: Wire | None = getattr(event, name) if name else None
    return payload
