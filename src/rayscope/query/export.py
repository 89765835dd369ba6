"""Listings of any length as CSV or JSONL, in pieces."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from rayscope.errors import FilterError
from rayscope.model.resources import Column
from rayscope.query.filters import parse_columns
from rayscope.query.moment import ask, primed
from rayscope.query.present import present
from rayscope.query.queries import Queries, resource_of
from rayscope.query.request import ListRequest
from rayscope.query.scopes import lived, resource_scope
from rayscope.query.values import parse_time
from rayscope.store.database import Connection, Database
from rayscope.store.entity import Row
from rayscope.store.limits import MAX_PAGE
from rayscope.store.select import Scope, relation
from rayscope.store.stream import stream_rows

_BY_THE_WAY: Final = frozenset({"profile_events"})
"""Columns that need further rows: only pages have them whole."""


class Exports:
    """Writes listings of one store. Raises FilterError, NotFound and Ambiguous before anything is written."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    def export(self, request: ListRequest, kind: str, limit: int | None) -> tuple[str, Iterator[bytes]]:
        """A file's name and its pieces. Without a sort the rows come as the store holds them, read once; with one, page by page."""
        if kind not in _WRITERS:
            raise FilterError(f"no format {kind!r}", hint=f"there are {' and '.join(_WRITERS)}, and JSON pages without one")
        if limit is not None and limit < 1:
            raise FilterError(f"limit {limit} is less than 1", hint="leave it away for all rows")
        resource = resource_of(request.resource)
        columns = parse_columns(resource, request.columns, detail=request.detail)
        paged = request.sort is not None or resource.name == "sessions" or any(column.name in _BY_THE_WAY for column in columns)
        batches = self._pages(request, limit) if paged else self._stream(request, columns, limit)
        return f"{resource.name}.{kind}", primed(_WRITERS[kind](batches, columns))

    def _pages(self, request: ListRequest, limit: int | None) -> Iterator[list[Row]]:
        """Page after page; the first one is read at once, so that what is wrong with the question is said."""
        first = self._queries.page(msgspec.structs.replace(request, limit=min(limit or MAX_PAGE, MAX_PAGE), cursor=None))
        return self._follow(request, first.rows, first.next, limit)

    def _follow(self, request: ListRequest, rows: list[Row], cursor: str | None, limit: int | None) -> Iterator[list[Row]]:
        yield rows
        left = None if limit is None else limit - len(rows)
        while cursor is not None and (left is None or left > 0):
            page = self._queries.page(msgspec.structs.replace(request, limit=min(left or MAX_PAGE, MAX_PAGE), cursor=cursor))
            yield page.rows
            cursor, left = page.next, None if left is None else left - len(page.rows)

    def _stream(self, request: ListRequest, columns: Sequence[Column], limit: int | None) -> Iterator[list[Row]]:
        resource = resource_of(request.resource)
        at_ns = parse_time(request.at, time.time_ns()) if request.at else None
        more = lived(resource, request.start, request.end)

        def scope_of(connection: Connection) -> Scope:
            scope, _ = resource_scope(connection, resource, request.session, at_ns, request.filters, more, exclude_driver=request.exclude_driver)
            named = resource.name == "tasks" and any(column.name == "session" for column in columns)
            return msgspec.structs.replace(scope, relation=relation("tasks", at_ns)) if named else scope

        scope, names = ask(self._database, scope_of), [column.name for column in columns]
        rows = self._database.stream(lambda connection: stream_rows(connection, scope, names, (), limit))
        return (present(batch, columns) for batch in rows)


def _jsonl(batches: Iterator[list[Row]], columns: Sequence[Column]) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    for batch in batches:
        yield b"".join(encode({column.name: row[column.name] for column in columns}) + b"\n" for row in batch)


def _csv(batches: Iterator[list[Row]], columns: Sequence[Column]) -> Iterator[bytes]:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for batch in batches:
        writer.writerows([_cell(row[column.name]) for column in columns] for row in batch)
        yield lines.getvalue().encode()
        lines.seek(0)
        lines.truncate()
    yield lines.getvalue().encode()


def _cell(value: Any) -> Any:
    return msgspec.json.encode(value).decode() if isinstance(value, list | dict) else value


_WRITERS: Final[dict[str, Callable[[Iterator[list[Row]], Sequence[Column]], Iterator[bytes]]]] = {"csv": _csv, "jsonl": _jsonl}
