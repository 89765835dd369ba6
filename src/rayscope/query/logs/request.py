"""What can be asked of log lines."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from rayscope.query.sessions import LATEST

NEWEST: Final = "newest"
OLDEST: Final = "oldest"
DEFAULT_LINES: Final = 100


class LogQuery(Struct, frozen=True, kw_only=True):
    """A search as a caller words it. Filters are texts; those given in ``q`` as field:value come to them."""

    session: str = LATEST
    q: str = ""
    job: str | None = None
    task: str | None = None
    attempt: int | None = None
    actor: str | None = None
    worker: str | None = None
    node: str | None = None
    source: str | None = None
    stream: str | None = None
    level: str | None = None
    file: str | None = None
    pid: int | None = None
    since: str | None = None
    until: str | None = None
    order: str = NEWEST
    limit: int = DEFAULT_LINES
    cursor: str | None = None
    context: int = 0
