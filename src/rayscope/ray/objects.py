"""Rows of Ray's object table, and what an object's id says by itself. Pure.

An object id is the id of the task that made it (24 bytes), then an index (4 bytes, little-endian): 1, 2, … of what a task returns, from 100,000,001 on
of what it puts (``ObjectID::FromIndex`` of Ray's id specification). In the id of a put, the first byte of the task's id makes room for the number of
the attempt that put it (``TaskID::ForExecutionAttempt``; seen in Ray 2.60), so the task is known but for that byte. Ids of constructors and drivers
begin with set bits: theirs are known whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from rayscope.ray.ids import task_key

OBJECT_HEX: Final = 56
TASK_KEY_MASK: Final = 2**56 - 1
"""The bits of a task's key that do not depend on the first byte of its id."""

RAY_READS: Final = 10_000
"""References that Ray reads of one node, and gives in one answer (RAY_MAX_LIMIT_FROM_DATA_SOURCE, RAY_MAX_LIMIT_FROM_API_SERVER)."""

_TASK_HEX: Final = 48
_ALL_SET: Final = "f" * 14
_FIRST_PUT: Final = 100_000_001
_HEX: Final = frozenset("0123456789abcdef")

_Count = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class ObjectRow(Struct, frozen=True, kw_only=True):
    """One reference as ``/api/v0/objects`` gives it: a process (``ip``, ``pid``) that holds an object. -1 is an unknown size."""

    object_id: Annotated[str, Meta(min_length=1, max_length=200)]
    object_size: _Count = -1
    task_status: str = "NIL"
    attempt_number: _Count = 1
    reference_type: str = "UNKNOWN_STATUS"
    call_site: str = "disabled"
    type: str = "WORKER"
    pid: _Count = 0
    ip: str = ""


def read_rows(rows: Sequence[Any]) -> tuple[list[ObjectRow], int]:
    """The rows that can be read, and how many cannot."""
    good: list[ObjectRow] = []
    for row in rows:
        try:
            good.append(msgspec.convert(row, ObjectRow, strict=False))
        except msgspec.ValidationError:
            continue
    return good, len(rows) - len(good)


def is_object_id(object_id: str) -> bool:
    """Whether it has the form of Ray's ids."""
    return len(object_id) == OBJECT_HEX and set(object_id) <= _HEX


def is_put(object_id: str) -> bool:
    """Whether the object was put, not returned."""
    return int.from_bytes(bytes.fromhex(object_id[_TASK_HEX:]), "little") >= _FIRST_PUT


def maker(object_id: str) -> tuple[str | None, int | None]:
    """The task that returned or put it, None where the id does not tell it whole, and the bits of that task's key that it does tell."""
    if not is_object_id(object_id):
        return None, None
    key = task_key(object_id[:_TASK_HEX]) & TASK_KEY_MASK
    if not is_put(object_id):
        return object_id[:_TASK_HEX], key
    return (f"ff{object_id[2:_TASK_HEX]}" if object_id[2:16] == _ALL_SET else None), key
