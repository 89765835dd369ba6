"""What takes the room in a data folder, and what was deleted from it."""

from __future__ import annotations

from msgspec import Struct


class SessionRoom(Struct, frozen=True, kw_only=True):
    """The room of one session. Its share of the database's file is estimated by its rows."""

    session: str
    state: str
    ended_ns: int | None
    rows: int
    states_bytes: int
    logs_bytes: int
    metrics_bytes: int = 0


class Planned(Struct, frozen=True, kw_only=True):
    """What retention will delete, and from when on."""

    kind: str
    session: str
    due_ns: int


class Deleted(Struct, frozen=True, kw_only=True):
    """What was deleted of a session: rows, of logs and metrics bytes. ``cause``: age, size or asked."""

    session: str
    kind: str
    cause: str
    before_ns: int
    amount: int
    deleted_ns: int


class Storage(Struct, frozen=True, kw_only=True):
    """The answer of /api/v1/storage. Sizes are bytes."""

    data: str
    database_bytes: int
    database_free_bytes: int
    logs_bytes: int
    metrics_bytes: int
    journal_bytes: int
    runs_bytes: int
    other_bytes: int
    disk_free_bytes: int
    retain: str
    sessions: list[SessionRoom]
    next: list[Planned]
    deleted: list[Deleted]
