"""Rows by their id, or by a prefix of it that fits only one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from rayscope.errors import Ambiguous, NotFound
from rayscope.model.resources import Resource
from rayscope.query.session_pages import COUNTED
from rayscope.ray.ids import task_key
from rayscope.store.conditions import Condition, Order
from rayscope.store.database import Connection
from rayscope.store.entity import Row
from rayscope.store.limits import MAX_PAGE
from rayscope.store.select import Scope, page

_FULL_TASK_ID: Final = 48
_MIN_PREFIX: Final = 4


def lookup(connection: Connection, resource: Resource, scope: Scope, wanted: str) -> list[Row]:
    """Rows whose id is ``wanted``, or else begins with it."""
    stored = [column.name for column in resource.columns if not (resource.name == "sessions" and column.name in COUNTED)]
    names = [*stored, *(["session_no", "task_key"] if resource.name == "tasks" else ["session_no"])]
    for op in ("=", "prefix"):
        if op == "prefix" and len(wanted) < _MIN_PREFIX:
            break
        for id_column in resource.id_columns:
            conditions = (*_by_key(resource, op, wanted), Condition(id_column, op, (wanted,)))
            found = page(connection, msgspec.structs.replace(scope, conditions=conditions), names, _by_id(resource), MAX_PAGE, None)
            if found:
                return found
    return []


def _by_key(resource: Resource, op: str, wanted: str) -> tuple[Condition, ...]:
    """A whole task id is first looked up by its 64-bit key, which is quick to scan."""
    if resource.name != "tasks" or op != "=" or len(wanted) != _FULL_TASK_ID or set(wanted) - set("0123456789abcdef"):
        return ()
    return (Condition("task_key", "=", (task_key(wanted),)),)


def _by_id(resource: Resource) -> tuple[Order, ...]:
    return tuple(Order(name) for name in ("session_no", *resource.key) if name != "session")


def check_one_id(resource: Resource, rows: Sequence[Row], wanted: str, chosen: tuple[int, str] | None) -> None:
    """Raise unless the rows are all of one id."""
    where = f" in session {chosen[1]}" if chosen else ""
    if not rows:
        hint = "look in another session with --session, or in all with --all-sessions" if chosen else f"`rayscope list {resource.name}` shows what there is"
        raise NotFound(f"no {resource.name.removesuffix('s')} {wanted!r}{where}", hint=hint)
    ids = {tuple(row[name] for name in ("session", *resource.id_columns)) for row in rows}
    if len(ids) > 1:
        some = ", ".join(sorted(str(next(part for part in parts[1:] if part)) for parts in ids)[:3])
        raise Ambiguous(f"{wanted!r} fits {len(ids)} {resource.name}{where}: {some} …", hint="give more of the id")
