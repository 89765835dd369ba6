"""How a row's fields say what they are. One annotation drives the table, the filters, the JSON and the OpenAPI page."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Meta

Unit = Literal["ns", "duration_ns", "bytes", "id", "count"]
"""What a number or a string means: a UTC time, a length of time, a size, an id, a count. None: as it is."""


def brief(description: str, unit: Unit | None = None) -> Meta:
    """A column that every listing has."""
    return _column(description, "brief", unit)


def detail(description: str, unit: Unit | None = None) -> Meta:
    """A column that only ``--detail`` and ``get`` show by default."""
    return _column(description, "detail", unit)


def _column(description: str, level: str, unit: Unit | None) -> Meta:
    extra: dict[str, Any] = {"level": level, "unit": unit}
    return Meta(description=description, extra=extra)
