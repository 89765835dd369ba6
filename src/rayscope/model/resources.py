"""The resources that can be listed: one row type each, with its table of columns."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

from rayscope.model.actor import Actor
from rayscope.model.agent import Agent
from rayscope.model.event import Event
from rayscope.model.job import Job
from rayscope.model.node import Node
from rayscope.model.object_ref import ObjectRef
from rayscope.model.placement_group import PlacementGroup
from rayscope.model.runtime_env import RuntimeEnv
from rayscope.model.session import Session
from rayscope.model.task import Task
from rayscope.model.worker import Worker


class Column(Struct, frozen=True, kw_only=True):
    """One column of a resource. ``kind`` is one of text, int, float, bool, json."""

    name: str
    kind: str
    level: str
    unit: str | None
    description: str


class Resource(Struct, frozen=True, kw_only=True):
    """A kind of row. ``name`` is the plural of the URL and the CLI, ``id_columns`` what `get` looks an id up in."""

    name: str
    row: type[Struct]
    id_columns: tuple[str, ...]
    key: tuple[str, ...]
    default_sort: str

    @property
    def columns(self) -> tuple[Column, ...]:
        """Every column, in the order of the row type's fields."""
        return _columns(self.row)


RESOURCES: Final[dict[str, Resource]] = {
    resource.name: resource
    for resource in (
        Resource(name="sessions", row=Session, id_columns=("session",), key=("session",), default_sort="-started_ns"),
        Resource(name="nodes", row=Node, id_columns=("node_id",), key=("session", "node_id"), default_sort="start_ns"),
        Resource(name="workers", row=Worker, id_columns=("worker_id",), key=("session", "worker_id"), default_sort="start_ns"),
        Resource(name="jobs", row=Job, id_columns=("job_id", "submission_id"), key=("session", "job_id", "submission_id"), default_sort="start_ns"),
        Resource(name="actors", row=Actor, id_columns=("actor_id",), key=("session", "actor_id"), default_sort="created_ns"),
        Resource(name="tasks", row=Task, id_columns=("task_id",), key=("session", "task_id", "attempt_number"), default_sort="creation_ns"),
        Resource(
            name="placement-groups", row=PlacementGroup, id_columns=("placement_group_id",), key=("session", "placement_group_id"), default_sort="created_ns"
        ),
        Resource(
            name="runtime-envs", row=RuntimeEnv, id_columns=("runtime_env_id",), key=("session", "runtime_env_id", "node_id"), default_sort="first_seen_ns"
        ),
        Resource(name="agents", row=Agent, id_columns=("node_id", "agent_id"), key=("session", "node_id"), default_sort="node_id"),
        Resource(
            name="objects",
            row=ObjectRef,
            id_columns=("object_id",),
            key=("session", "object_id", "ip", "pid", "reference_type"),
            default_sort="-size_bytes",
        ),
        Resource(name="events", row=Event, id_columns=("event_id",), key=("session", "event_id"), default_sort="time_ns"),
    )
}


@cache
def _columns(row: type[Struct]) -> tuple[Column, ...]:
    hints = get_type_hints(row, include_extras=True)
    return tuple(_column(name, hints[name]) for name in row.__struct_fields__)


def _column(name: str, hint: Any) -> Column:
    base, meta = get_args(hint)[0], next(m for m in get_args(hint)[1:] if isinstance(m, Meta))
    extra = meta.extra or {}
    return Column(name=name, kind=_kind(base), level=extra["level"], unit=extra["unit"], description=meta.description or "")


def _kind(base: Any) -> str:
    """``str | None`` is text, ``bool`` is bool, and whatever has parts of its own is json."""
    plain = [arg for arg in (get_args(base) or (base,)) if arg is not type(None)]
    if get_origin(base) in (dict, list, Annotated) or len(plain) != 1:
        return "json"
    return {str: "text", int: "int", float: "float", bool: "bool"}.get(plain[0], "json")
