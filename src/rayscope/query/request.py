"""What a listing can be asked for."""

from __future__ import annotations

from msgspec import Struct

from rayscope.query.sessions import LATEST
from rayscope.store.limits import DEFAULT_PAGE


class ListRequest(Struct, frozen=True, kw_only=True):
    """A listing as a caller words it; `Queries.list` checks it. ``sort``, ``columns`` and ``at`` are None where not given.

    ``start`` and ``end`` keep the rows that lived in that stretch of time.
    """

    resource: str
    session: str = LATEST
    filters: tuple[str, ...] = ()
    sort: str | None = None
    limit: int = DEFAULT_PAGE
    cursor: str | None = None
    columns: str | None = None
    detail: bool = False
    at: str | None = None
    exclude_driver: bool = True
    start: str | None = None
    end: str | None = None
