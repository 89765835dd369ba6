"""A worker's line as far as the terminal needs it: the part of the server's answer that is read here."""

from __future__ import annotations

from msgspec import Struct


class Line(Struct, frozen=True, kw_only=True):
    """One line. ``name``: the task's name or the actor's class or repr; ``stream``: out or err."""

    session: str
    text: str
    stream: str
    node_id: str = ""
    worker_id: str | None = None
    pid: int | None = None
    name: str | None = None
    level: str | None = None
    path: str = ""
    offset: int = 0
    cut: bool = False


class Batch(Struct, frozen=True, kw_only=True):
    """What the live tail delivers at once. ``behind_bytes``: what has arrived at the server and is still to come."""

    lines: list[Line]
    behind_bytes: int = 0
