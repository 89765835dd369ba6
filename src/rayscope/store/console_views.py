"""The views of the SQL console: each resource with its public columns, now or at a time, of one session or of all."""

from __future__ import annotations

from typing import Final

from rayscope.model.resources import RESOURCES, Column, Resource
from rayscope.store.console import Public
from rayscope.store.select import relation

_COUNTED: Final = frozenset({"nodes", "jobs", "actors", "tasks", "failed_tasks"})
"""Columns of sessions that are counted when asked for: in SQL one counts them oneself."""


def view_name(resource: Resource) -> str:
    """A resource's name in SQL."""
    return resource.name.replace("-", "_")


def view_columns(resource: Resource) -> tuple[Column, ...]:
    """The columns that a view has."""
    return tuple(column for column in resource.columns if resource.name != "sessions" or column.name not in _COUNTED)


def public_views(session_no: int | None, at_ns: int | None) -> Public:
    """What each view's name stands for."""
    return Public(views={view_name(resource): _view(resource, session_no, at_ns) for resource in RESOURCES.values()})


def _view(resource: Resource, session_no: int | None, at_ns: int | None) -> str:
    columns = ", ".join(column.name for column in view_columns(resource))
    chosen = "" if session_no is None else f" WHERE session_no = {int(session_no)}"
    return f"SELECT {columns} FROM main.{relation(resource.name, at_ns)}{chosen}"
