"""The values of a column."""

from __future__ import annotations

from msgspec import Struct


class FacetValue(Struct, frozen=True, kw_only=True):
    """A value as text, null for what has none, and how many rows have it (null: not counted)."""

    value: str | None
    count: int | None


class Facets(Struct, frozen=True, kw_only=True):
    """The most frequent values of a column. ``distinct`` is how many there are in all, where that was counted; ``complete`` whether these are all."""

    column: str
    values: list[FacetValue]
    distinct: int | None
    complete: bool
    session: str | None
    as_of_ns: int | None
