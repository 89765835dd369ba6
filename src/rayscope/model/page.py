"""What a question gets back: a page of rows, or a summary."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Page(Struct, frozen=True, kw_only=True):
    """Some rows of a listing. ``rows`` hold only the asked-for columns, as plain mappings.

    ``total`` counts the resource in the asked sessions, ``num_filtered`` what the filters left; ``next`` is the
    cursor of the page that follows, None on the last one. ``warnings`` say what is missing or was cut.
    """

    rows: list[dict[str, Any]]
    total: int
    num_filtered: int
    next: str | None = None
    as_of_ns: int | None = None
    session: str | None = None
    warnings: list[str] = []


class TaskGroup(Struct, frozen=True, kw_only=True):
    """The tasks of one name. ``state_counts`` counts each task once, by its last attempt; ``retries`` the attempts beyond the first."""

    name: str
    type: str
    state_counts: dict[str, int]
    tasks: int
    retries: int
    p50_ns: int | None = None
    p99_ns: int | None = None
    total_ns: int | None = None


class TaskSummary(Struct, frozen=True, kw_only=True):
    """Tasks by name and state. The totals count each task once."""

    groups: list[TaskGroup]
    total_tasks: int
    total_actor_tasks: int
    total_actor_scheduled: int
    retries: int
    as_of_ns: int | None = None
    session: str | None = None
    warnings: list[str] = []


class ActorGroup(Struct, frozen=True, kw_only=True):
    """The actors of one class, by state."""

    class_name: str
    state_counts: dict[str, int]
    restarts: int


class ActorSummary(Struct, frozen=True, kw_only=True):
    """Actors by class and state."""

    groups: list[ActorGroup]
    total_actors: int
    as_of_ns: int | None = None
    session: str | None = None
    warnings: list[str] = []


class Problem(Struct, frozen=True, kw_only=True):
    """The body of every answer that is not 2xx: ``error`` is the class name from errors.py."""

    error: str
    message: str
    hint: str | None = None
