"""Rows of the store as they are shown: JSON columns parsed, an attempt's times and spans put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from rayscope.model.resources import Column
from rayscope.store.entity import Row

_decode: Final = msgspec.json.Decoder().decode
_SPANS: Final = ("task:deserialize_arguments", "task:execute", "task:store_outputs")


def present(rows: Iterable[Row], columns: Sequence[Column]) -> list[Row]:
    """The rows with their JSON columns as values."""
    nested = [column.name for column in columns if column.kind == "json"]
    return [_parsed(row, nested) for row in rows]


def _parsed(row: Row, nested: Sequence[str]) -> Row:
    for name in nested:
        if isinstance(value := row.get(name), str):
            row[name] = _SHAPES.get(name, _as_it_is)(_decode(value))
    return row


def _as_it_is(value: Any) -> Any:
    return value


def _known(value: dict[str, Any]) -> dict[str, Any] | None:
    """A mapping without its nulls; None if nothing is left."""
    return {name: part for name, part in value.items() if part is not None} or None


def _times(value: dict[str, int | None]) -> dict[str, int] | None:
    """States in the order in which they were reached."""
    known = _known(value)
    return dict(sorted(known.items(), key=lambda item: item[1])) if known else None


def _spans(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The standard spans of an attempt that have both ends."""
    extra = _decode(value["extra"]) if value["extra"] else {}
    named = [*((name, value[name]) for name in _SPANS), (value["name"], value["task"])]
    spans = [span_row(name, start, end, extra.get(name)) for name, (start, end) in named if name is not None and start is not None and end is not None]
    return spans or None


def span_row(name: str, start_ns: int, end_ns: int, extra: str | None) -> dict[str, Any]:
    """One profiled span; ``extra`` is Ray's JSON text, kept as text where it was cut."""
    row: dict[str, Any] = {"name": name, "start_ns": start_ns, "end_ns": end_ns}
    if extra:
        try:
            row["extra"] = _decode(extra)
        except msgspec.DecodeError:
            row["extra"] = {"text": extra}
    return row


_SHAPES: Final[dict[str, Callable[[Any], Any]]] = {"state_times_ns": _times, "profile_events": _spans, "log_range": _known}
