"""The SQL console: questions over the public views, bounded in time, rows and bytes; answers as rows, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from functools import partial
from math import isfinite
from typing import IO, Any, Final, TypeVar
from uuid import UUID

import msgspec

from rayscope.errors import FilterError, SqlError, Unavailable
from rayscope.model.resources import RESOURCES
from rayscope.model.sql import SqlAnswer, SqlColumn, SqlExample, SqlQuestion, SqlSchema, SqlView, SqlViewColumn
from rayscope.query.sessions import ALL, resolve_session
from rayscope.query.values import parse_time
from rayscope.store import questions
from rayscope.store.console import Public, batches, columns_of, function_names, record_batches, run
from rayscope.store.console_views import public_views, view_columns, view_name
from rayscope.store.database import Connection, Database
from rayscope.store.limits import SQL_ANSWER_BYTES, SQL_AT_ONCE, SQL_DOWNLOAD_ROWS, SQL_ROWS, SQL_TIMEOUT_S

T = TypeVar("T")

DOWNLOADS: Final = ("csv", "parquet")

_BATCH: Final = 2048
_TYPES: Final = {"text": "VARCHAR", "int": "BIGINT", "float": "DOUBLE", "bool": "BOOLEAN", "json": "JSON"}
_KEYWORDS: Final = (
    *("SELECT", "FROM", "WHERE", "GROUP", "BY", "HAVING", "ORDER", "LIMIT", "OFFSET", "JOIN", "LEFT", "RIGHT", "FULL", "INNER", "ON", "USING", "AS"),
    *("AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE", "BETWEEN", "CASE", "WHEN", "THEN", "ELSE", "END", "DISTINCT", "UNION", "ALL", "EXCEPT"),
    *("INTERSECT", "WITH", "RECURSIVE", "OVER", "PARTITION", "FILTER", "QUALIFY", "CAST", "DESC", "ASC", "NULLS", "FIRST", "LAST", "EXISTS", "UNNEST"),
)
_EXAMPLES: Final = (
    SqlExample(title="Tasks by state", sql="SELECT name, state, count(*) AS attempts\nFROM tasks\nGROUP BY ALL\nORDER BY attempts DESC"),
    SqlExample(
        title="The slowest functions",
        sql="""SELECT name, count(*) AS attempts, median(duration_ns) / 1e6 AS p50_ms, quantile_cont(duration_ns, 0.99) / 1e6 AS p99_ms
FROM tasks
WHERE duration_ns IS NOT NULL
GROUP BY name
ORDER BY p99_ms DESC""",
    ),
    SqlExample(
        title="Which node fails most",
        sql="""SELECT n.node_ip, count(*) AS failed
FROM tasks t JOIN nodes n USING (session, node_id)
WHERE t.state = 'FAILED'
GROUP BY ALL
ORDER BY failed DESC""",
    ),
    SqlExample(
        title="Ends a second",
        sql="""SELECT date_trunc('second', make_timestamp(end_ns // 1000)) AS t, count(*) AS ended
FROM tasks
WHERE end_ns IS NOT NULL
GROUP BY ALL
ORDER BY t""",
    ),
)


class Download:
    """A file that was made of an answer, read once."""

    def __init__(self, file: IO[bytes], rows: int, *, truncated: bool) -> None:
        self._file = file
        self.rows = rows
        self.truncated = truncated

    def pieces(self) -> Iterator[bytes]:
        """Its content; afterwards it is gone."""
        with self._file:
            self._file.seek(0)
            while piece := self._file.read(256 * 1024):
                yield piece


class Console:
    """Asks in SQL, over one store. Raises SqlError, SqlTimeout, FilterError, NotFound and Unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._room = threading.BoundedSemaphore(SQL_AT_ONCE)

    def answer(self, question: SqlQuestion) -> SqlAnswer:
        """The rows."""
        if not 1 <= question.limit <= SQL_ROWS:
            raise FilterError(f"limit {question.limit} is not between 1 and {SQL_ROWS:,}", hint="download it as CSV or Parquet for more")
        begin = time.perf_counter()
        columns, rows, truncated = self._ask(question, partial(_rows, limit=question.limit))
        took_ms = round((time.perf_counter() - begin) * 1000, 1)
        named = [SqlColumn(name=name, type=kind) for name, kind in columns]
        return SqlAnswer(columns=named, rows=rows, rows_count=len(rows), truncated=truncated, took_ms=took_ms)

    def download(self, question: SqlQuestion, kind: str) -> Download:
        """The rows as a file."""
        writers: dict[str, Callable[[Connection, IO[bytes]], tuple[int, bool]]] = {"csv": _write_csv, "parquet": _write_parquet}
        if kind not in writers:
            raise FilterError(f"no format {kind!r}", hint=f"there are {' and '.join(DOWNLOADS)}, and JSON without one")
        file = tempfile.TemporaryFile(dir=self._database.path.parent)  # noqa: SIM115 closed by whoever reads it
        try:
            rows, truncated = self._ask(question, lambda connection: writers[kind](connection, file))
        except BaseException:
            file.close()
            raise
        return Download(file, rows, truncated=truncated)

    def schema(self) -> SqlSchema:
        """What there is to ask about."""
        views = [
            SqlView(
                name=view_name(resource),
                description=" ".join((resource.row.__doc__ or "").split("\n\n", maxsplit=1)[0].split()),
                columns=[
                    SqlViewColumn(name=column.name, type=_TYPES[column.kind], unit=column.unit, description=column.description)
                    for column in view_columns(resource)
                ],
            )
            for resource in RESOURCES.values()
        ]
        return SqlSchema(tables=views, functions=self._database.read(function_names), keywords=list(_KEYWORDS), examples=list(_EXAMPLES))

    def _ask(self, question: SqlQuestion, take: Callable[[Connection], T]) -> T:
        if not 0 < question.timeout_s <= SQL_TIMEOUT_S:
            raise FilterError(f"timeout_s {question.timeout_s:g} is not between 0 and {SQL_TIMEOUT_S:g}")
        public = self._database.read(lambda connection: _public(connection, question))
        with self._taking_room():
            result: T = run(self._database, question.sql, public, question.timeout_s, take)
        return result

    @contextmanager
    def _taking_room(self) -> Iterator[None]:
        if not self._room.acquire(blocking=False):
            raise Unavailable(f"{SQL_AT_ONCE} questions in SQL run already", hint="ask again when one is done")
        try:
            yield
        finally:
            self._room.release()


def _public(connection: Connection, question: SqlQuestion) -> Public:
    at_ns = parse_time(question.at, time.time_ns()) if question.at else None
    wanted = question.session or ALL
    chosen = None if wanted == ALL else resolve_session(questions.sessions(connection), wanted)
    return public_views(chosen[0] if chosen else None, at_ns)


def _rows(connection: Connection, limit: int) -> tuple[list[tuple[str, str]], list[list[Any]], bool]:
    """Columns, rows as JSON can hold them, and whether there are more."""
    columns, size = columns_of(connection), 0
    rows: list[list[Any]] = []
    for batch in batches(connection, min(limit + 1, _BATCH)):
        for values in batch:
            row = [plain(value) for value in values]
            size += len(msgspec.json.encode(row))
            if len(rows) == limit or size > SQL_ANSWER_BYTES:
                return columns, rows, True
            rows.append(row)
    return columns, rows, False


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or isinstance(value, bool | int | str):
        return value if not isinstance(value, int) or -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(plain(key)): plain(part) for key, part in value.items()}
    return _text(value)


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime | date | clock):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, timedelta | UUID):
        return str(value)
    return str(value)


def _write_csv(connection: Connection, file: IO[bytes]) -> tuple[int, bool]:
    """All rows, up to the limit, with a line of names: how many, and whether there are more."""
    lines, rows = io.StringIO(), 0
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow([name for name, _ in columns_of(connection)])
    for batch in batches(connection, _BATCH):
        room = batch[: SQL_DOWNLOAD_ROWS - rows]
        writer.writerows([_cell(value) for value in values] for values in room)
        rows += len(room)
        file.write(lines.getvalue().encode())
        lines.seek(0)
        lines.truncate()
        if len(room) < len(batch):
            return rows, True
    file.write(lines.getvalue().encode())
    return rows, False


def _cell(value: Any) -> Any:
    simple = plain(value)
    return msgspec.json.encode(simple).decode() if isinstance(simple, list | dict) else simple


def _write_parquet(connection: Connection, file: IO[bytes]) -> tuple[int, bool]:
    import pyarrow as pa  # only here: it takes long to import
    import pyarrow.parquet as pq

    reader, rows = record_batches(connection, 100_000), 0
    try:
        with pq.ParquetWriter(file, reader.schema, compression="zstd") as writer:
            for batch in reader:
                room = batch.slice(0, SQL_DOWNLOAD_ROWS - rows)
                writer.write_batch(room)
                rows += room.num_rows
                if room.num_rows < batch.num_rows:
                    return rows, True
    except pa.ArrowNotImplementedError as error:
        raise SqlError(f"Parquet cannot hold this: {error}", hint="cast the column to VARCHAR, or take CSV") from None
    return rows, False
