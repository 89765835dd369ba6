"""Log lines, log files, and the pages of them."""

from __future__ import annotations

from msgspec import Struct


class LogLine(Struct, frozen=True, kw_only=True):
    """One line. ``time_is``: ``line`` if its text tells the time, ``observed`` if it is when the line was seen.

    ``task_id`` is set only where it is certain who printed the line. ``file_no`` and ``offset`` are its place: the raw
    bytes are at ``/api/v1/logs/file/{file_no}?offset=…``. ``cut``: the line is longer than its ``text``.
    ``context``: it fits nothing that was asked, it stands near a line that does.
    """

    session: str
    time_ns: int
    time_is: str
    node_id: str
    worker_id: str | None
    pid: int | None
    job_id: str | None
    actor_id: str | None
    task_id: str | None
    attempt: int | None
    name: str | None
    stream: str
    source: str
    level: str | None
    text: str
    path: str
    file_no: int
    offset: int
    cut: bool = False
    context: bool = False


class LogPage(Struct, frozen=True, kw_only=True):
    """Lines in the order asked for. ``next`` continues; ``complete`` is false where the search stopped before it had looked at everything."""

    lines: list[LogLine]
    next: str | None = None
    complete: bool = True
    notes: list[str] = []
    session: str | None = None


class LogFile(Struct, frozen=True, kw_only=True):
    """One file that was shipped. ``state``: open, ended, or lost (bytes of it could not be read)."""

    session: str
    file_no: int
    node_id: str
    path: str
    source: str
    stream: str
    worker_id: str | None
    job_id: str | None
    submission_id: str | None
    pid: int | None
    size_bytes: int
    lost_bytes: int
    redacted: int
    state: str
    first_ns: int | None
    last_ns: int | None


class LogFiles(Struct, frozen=True, kw_only=True):
    """The files of a session, the first ones by node and path; ``total`` counts all that fit."""

    files: list[LogFile]
    total: int = 0
    session: str | None = None


class LogBatch(Struct, frozen=True, kw_only=True):
    """What a live tail delivers at once. ``behind_bytes``: what has arrived and is still to come."""

    lines: list[LogLine]
    behind_bytes: int
