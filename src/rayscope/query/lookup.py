"""Rows by their id, or by a prefix of it that fits only one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
_ELLIPSIS: Final = "…"
_HEX: Final = frozenset("0123456789abcdef")


def lookup(connection: Connection, resource: Resource, scope: Scope, wanted: str) -> list[Row]:
    """Rows whose id is ``wanted``, or else begins with it."""
    stored = [column.name for column in resource.columns if not (resource.name == "sessions" and column.name in COUNTED)]
    names = [*stored, *(["session_no", "task_key"] if resource.name == "tasks" else ["session_no"])]
    if _ELLIPSIS in wanted:
        return _by_ends(connection, resource, scope, wanted, names)
    for op in ("=", "prefix"):
        if op == "prefix" and len(wanted) < _MIN_PREFIX:
            break
        for id_column in resource.id_columns:
            conditions = _by_key(resource, op, wanted) or (Condition(id_column, op, (wanted,)),)
            found = page(connection, msgspec.structs.replace(scope, conditions=conditions), names, _by_id(resource), MAX_PAGE, None)
            found = [row for row in found if op == "prefix" or row[id_column] == wanted]
            if found:
                return found
    return []


def _by_ends(connection: Connection, resource: Resource, scope: Scope, wanted: str, names: list[str]) -> list[Row]:
    """An id as tables shorten those of objects: its beginning, an ellipsis, its end."""
    head, _, tail = wanted.partition(_ELLIPSIS)
    if len(head) < _MIN_PREFIX or not set(head + tail) <= _HEX:
        return []
    conditions = (Condition(resource.id_columns[0], "~", (f"^{head}.*{tail}$",)),)
    return page(connection, msgspec.structs.replace(scope, conditions=conditions), names, _by_id(resource), MAX_PAGE, None)


def _by_key(resource: Resource, op: str, wanted: str) -> tuple[Condition, ...]:
    """A whole task id is looked up by its 64-bit key, which is quicker to scan; who asks compares the ids."""
    if resource.name != "tasks" or op != "=" or len(wanted) != _FULL_TASK_ID or set(wanted) - set("0123456789abcdef"):
        return ()
    return (Condition("task_key", "=", (task_key(wanted),)),)


def _by_id(resource: Resource) -> tuple[Order, ...]:
    return tuple(Order(name) for name in ("session_no", *resource.key) if name != "session")


def check_one_id(resource: Resource, rows: Sequence[Row], wanted: str, chosen: tuple[int, str] | None) -> None:
    """Raise unless the rows are all of one id, of one session."""
    where = f" in session {chosen[1]}" if chosen else ""
    if not rows:
        raise NotFound(f"no {resource.name.removesuffix('s')} {wanted!r}{where}", hint=_where_else(resource, wanted, chosen))
    ids = {next(row[name] for name in resource.id_columns if row[name]) for row in rows}
    if len(ids) > 1:
        raise Ambiguous(f"{wanted!r} fits {len(ids)} {resource.name}{where}: {_some(ids)}", hint="give more of the id")
    sessions = {row["session"] for row in rows}
    if len(sessions) > 1:
        raise Ambiguous(f"{wanted!r} is in {len(sessions)} sessions: {_some(sessions)}", hint="name one with --session")


def _where_else(resource: Resource, wanted: str, chosen: tuple[int, str] | None) -> str:
    if len(wanted) < _MIN_PREFIX:
        return f"give the whole id, or at least {_MIN_PREFIX} characters of it"
    if chosen:
        return "look in another session with --session, or in all with --all-sessions"
    return f"`rayscope list {resource.name}` shows what there is"


def _some(names: Collection[str]) -> str:
    return ", ".join(sorted(names)[:3]) + (" …" if len(names) > 3 else "")  # noqa: PLR2004 three say enough
