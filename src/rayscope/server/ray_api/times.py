"""Nanoseconds of the store as Ray's milliseconds."""

from __future__ import annotations

from typing import Final

_MS: Final = 1_000_000


def to_ms(ns: int) -> float:
    """A span's time as Ray gives it: divided as floats, which rounds otherwise than a division of integers."""
    return float(ns) / float(_MS)


def whole_ms(ns: int | None) -> float | None:
    """A task's time as Ray gives it: whole milliseconds, as a float."""
    return None if ns is None else float(ns // _MS)


def int_ms(ns: int | None, unknown: int) -> int:
    """A time of Ray's tables, which have a number of their own for an unknown one."""
    return unknown if ns is None else ns // _MS
