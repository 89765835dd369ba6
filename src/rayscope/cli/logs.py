"""`rayscope logs`: log lines, found or followed."""

from __future__ import annotations

import itertools
import re
import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter
from msgspec.structs import replace

from rayscope.cli.options import Where
from rayscope.cli.output.lines import LineWriter
from rayscope.cli.output.table import lay_out, terminal_width
from rayscope.cli.output.talk import tell, tell_hint, tell_warning
from rayscope.client import Client
from rayscope.errors import ServerUnreachable, UsageError
from rayscope.model.log import LogFile, LogLine
from rayscope.model.resources import Column
from rayscope.query.logs.request import DEFAULT_LINES, NEWEST, OLDEST, LogQuery
from rayscope.store.limits import LOG_CONTEXT_LINES, MAX_LOG_LINES

app = App(
    name="rayscope logs",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
A QUERY is words, "phrases", /regular expressions/, and, or, not, ( ), field:value. Words fit whole, in upper or lower case;
conn* and *refused fit inside of words.

Examples:
  rayscope logs                                what the program printed last
  rayscope logs --follow                       and what it prints from now on
  rayscope logs 'error or "out of memory"' -C 3
  rayscope logs --task 16310a0f0a45af5c --order oldest
  rayscope logs '/shard-[0-9]+ failed/ not retry' --since -10m --format jsonl
  rayscope logs --source raylet --level warning""",
)

_WHERE: Final = Where()
_PROGRAM: Final = "program"
_TEXT, _JSONL = "text", "jsonl"
_RETRY_S: Final = 1.0
_FILE_COLUMNS: Final = tuple(
    Column(name=name, kind=kind, level="brief", unit=unit, description="")
    for name, kind, unit in (
        ("file_no", "int", None),
        ("node_id", "text", "id"),
        ("path", "text", None),
        ("size_bytes", "int", "bytes"),
        ("state", "text", None),
        ("lost_bytes", "int", "bytes"),
        ("redacted", "int", "count"),
        ("last_ns", "int", "ns"),
    )
)


_WHEN_ANY: Final = frozenset({"lost_bytes", "redacted"})
_LONG_ID: Final = re.compile(r"([0-9a-f]{8})[0-9a-f]{32,}")


@app.default
def logs(  # noqa: PLR0913 one parameter an option
    query: Annotated[list[str] | None, Parameter(help="What to find; without it all lines.", allow_leading_hyphen=False)] = None,
    /,
    *,
    job: Annotated[str | None, Parameter(name=["--job", "-j"], help="Lines of one job, by job or submission id.")] = None,
    task: Annotated[str | None, Parameter(name=["--task", "-t"], help="Lines that one task printed, by its id or the beginning of it.")] = None,
    attempt: Annotated[int | None, Parameter(help="Of that task only this attempt.")] = None,
    actor: Annotated[str | None, Parameter(name=["--actor", "-a"], help="Lines of one actor, by its id, the beginning of it, or its name.")] = None,
    worker: Annotated[str | None, Parameter(help="Lines of one worker process, by its id or the beginning of it.")] = None,
    node: Annotated[str | None, Parameter(help="Lines of one node, by its id, the beginning of it, address or name.")] = None,
    source: Annotated[
        str | None,
        Parameter(help="worker, driver, raylet, gcs, dashboard, agent, runtime_env, autoscaler, event, other, program or all; several with commas."),
    ] = None,
    stream: Annotated[str | None, Parameter(help="out, err or log; several with commas.")] = None,
    level: Annotated[
        str | None, Parameter(name=["--level", "-l"], help="Lines of this level and worse ones: trace, debug, info, warning, error, fatal.")
    ] = None,
    file: Annotated[str | None, Parameter(help="Lines of files of this name or pattern: 'worker-*.err'.")] = None,
    pid: Annotated[int | None, Parameter(help="Lines of the process of this id.")] = None,
    since: Annotated[str | None, Parameter(allow_leading_hyphen=True, help="Lines from this time on: -5m, 2026-11-23T14:03 (UTC).")] = None,
    until: Annotated[str | None, Parameter(allow_leading_hyphen=True, help="Lines up to this time.")] = None,
    follow: Annotated[bool, Parameter(name=["--follow", "-F"], negative=(), help="Show what comes, until Ctrl-C.")] = False,
    context: Annotated[int, Parameter(name=["--context", "-C"], help="Lines to show around each.")] = 0,
    limit: Annotated[int | None, Parameter(name=["--limit", "-n"], help="Lines to show; 0 shows all.")] = None,
    order: Annotated[
        str | None, Parameter(help="newest: the last lines; oldest: the first ones. Shown in the order of time; with --format jsonl the newest come first.")
    ] = None,
    files: Annotated[bool, Parameter(negative=(), help="The files that were shipped, instead of lines.")] = False,
    format: Annotated[str, Parameter(help="text or jsonl.")] = _TEXT,  # noqa: A002 the option's name
    where: Where = _WHERE,
) -> None:
    """Find log lines, of the newest session unless told otherwise: what the program printed, or with --source what Ray wrote."""
    if format not in {_TEXT, _JSONL}:
        raise UsageError(f"no format {format!r}", hint=f"there are {_TEXT} and {_JSONL}")
    if where.at is not None:
        raise UsageError("log lines have no --at", hint="use --since and --until")
    asked = LogQuery(
        session=where.scope(),
        q=" ".join(query or ()),
        job=job,
        task=task,
        attempt=attempt,
        actor=actor,
        worker=worker,
        node=node,
        source=source or (None if file or files or "source:" in " ".join(query or ()) else _PROGRAM),
        stream=stream,
        level=level,
        file=file,
        pid=pid,
        since=since,
        until=until,
        order=order or NEWEST,
        context=context,
    )
    with where.client() as client:
        if files:
            _show_files(client, asked, format)
        elif follow:
            _follow(client, asked, format, DEFAULT_LINES // 10 if limit is None else limit, everywhere=where.all_sessions)
        else:
            _show(client, asked, format, DEFAULT_LINES if limit is None else limit, everywhere=where.all_sessions)


def _show(client: Client, query: LogQuery, chosen: str, limit: int, *, everywhere: bool) -> None:
    """Text is read downwards: the newest lines are asked for first, and shown last."""
    if limit < 0:
        raise UsageError(f"--limit {limit} is negative", hint="0 shows all")
    at_once = LOG_CONTEXT_LINES if query.context else MAX_LOG_LINES
    pages = _Pages(client, replace(query, limit=min(limit or at_once, at_once)), limit)
    if chosen == _JSONL:
        sys.stdout.writelines(_json(line) for line in pages)
    elif query.order == OLDEST or not limit:
        pages = _Pages(client, replace(query, order=OLDEST, limit=min(limit or at_once, at_once)), limit)
        _write_text(pages, everywhere=everywhere)
    else:
        _write_text(_in_time(list(pages), query.context), everywhere=everywhere)
    sys.stdout.flush()
    _tell_rest(pages, query)


class _Pages:
    """Lines page by page, and what the pages say beside them."""

    def __init__(self, client: Client, query: LogQuery, limit: int) -> None:
        self._client = client
        self._query = query
        self._limit = limit
        self.shown = 0
        self.more = False
        self.notes: dict[str, None] = {}

    def __iter__(self) -> Iterator[LogLine]:
        left = self._limit
        for page in self._client.log_pages(self._query):
            self.notes |= dict.fromkeys(note for note in page.notes if page.complete)
            for line in page.lines:
                if self._limit and not left and not line.context:
                    self.more = True
                    return
                left -= not line.context
                self.shown += not line.context
                yield line
            if self._limit and left <= 0:
                self.more = page.next is not None
                return


def _in_time(lines: list[LogLine], context: int) -> list[LogLine]:
    """The newest last. With context each group stays as it is: its own lines are in order already."""
    if not context:
        return lines[::-1]
    groups = [list(group) for _, group in itertools.groupby(_numbered(lines), key=lambda pair: pair[0])]
    return [line for group in reversed(groups) for _, line in group]


def _numbered(lines: list[LogLine]) -> Iterator[tuple[int, LogLine]]:
    """Lines with the number of their group: a new one begins where a line does not follow the one before it in its file."""
    number, before = 0, None
    for line in lines:
        if before is not None and (line.file_no != before.file_no or line.offset <= before.offset):
            number += 1
        before = line
        yield number, line


def _write_text(lines: Iterator[LogLine] | list[LogLine] | _Pages, *, everywhere: bool) -> None:
    writer = LineWriter(sys.stdout, sessions=everywhere)
    for line in lines:
        writer.write(line)


def _tell_rest(pages: _Pages, query: LogQuery) -> None:
    for note in pages.notes:
        tell_warning(note)
    if not pages.shown:
        tell("No lines fit." if query.q or query.task or query.level else "No lines.")
        if query.source == _PROGRAM:
            tell_hint("only what the program printed was looked at; --source all looks at Ray's own logs too")
    elif pages.more:
        tell_hint(f"{pages.shown:,} lines shown, there are more: --limit 0 shows all")


def _follow(client: Client, query: LogQuery, chosen: str, last: int, *, everywhere: bool) -> None:
    """First the last lines that are there, then what comes: nothing in between is missed, since the tail begins before."""
    writer = LineWriter(sys.stdout, sessions=everywhere)
    shown: set[tuple[int, int]] = set()
    cursor: str | None = None
    waiting = False
    while True:
        try:
            for at, batch in client.follow_logs(query, cursor):
                if cursor is None and last:
                    shown = _show_last(client, replace(query, limit=min(last, MAX_LOG_LINES)), chosen, writer)
                for line in batch.lines if batch else ():
                    if (line.file_no, line.offset) not in shown:
                        _put(line, chosen, writer)
                sys.stdout.flush()
                cursor, waiting = at, False
        except ServerUnreachable as error:
            if cursor is None:
                raise
            if not waiting:
                tell_warning(f"{error.message}; waiting for it")
            waiting = True
            time.sleep(_RETRY_S)


def _show_last(client: Client, query: LogQuery, chosen: str, writer: LineWriter) -> set[tuple[int, int]]:
    lines = client.logs(query).lines[::-1]
    for line in lines:
        _put(line, chosen, writer)
    sys.stdout.flush()
    return {(line.file_no, line.offset) for line in lines}


def _put(line: LogLine, chosen: str, writer: LineWriter) -> None:
    if chosen == _JSONL:
        sys.stdout.write(_json(line))
    else:
        writer.write(line)


def _json(line: LogLine | LogFile) -> str:
    return msgspec.json.encode(line).decode() + "\n"


def _show_files(client: Client, query: LogQuery, chosen: str) -> None:
    found = client.log_files(query)
    if chosen == _JSONL:
        sys.stdout.writelines(_json(file) for file in found.files)
        return
    if found.total > len(found.files):
        tell_warning(f"{len(found.files):,} of {found.total:,} files shown: --node, --job, --source and --file narrow them")
    rows: list[dict[str, Any]] = [msgspec.structs.asdict(file) for file in found.files]
    if not rows:
        tell("No log files fit." if query.job or query.node or query.worker or query.file else "This session has no log files.")
        tell_hint("`rayscope list agents` shows who ships logs")
        return
    width = terminal_width(sys.stdout)
    if width is not None:
        rows = [row | {"path": _LONG_ID.sub(r"\1…", row["path"])} for row in rows]
    columns = [column for column in _FILE_COLUMNS if column.name not in _WHEN_ANY or any(row[column.name] for row in rows)]
    table = lay_out(columns, rows, width, first=("file_no", "path", "size_bytes", "state"))
    print("\n".join(table.lines))
