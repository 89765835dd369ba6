"""`rayscope list`: rows of one resource."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from rayscope.cli.options import Filters, Where, resource_name
from rayscope.cli.output.formats import FORMATS, TABLE, check_format
from rayscope.cli.output.table import lay_out, terminal_width
from rayscope.cli.output.talk import tell, tell_hint, tell_warning
from rayscope.cli.output.values import utc
from rayscope.cli.watch import repeat
from rayscope.client import Client
from rayscope.errors import UsageError
from rayscope.model.page import Page
from rayscope.model.resources import RESOURCES, Column
from rayscope.query.filters import parse_columns
from rayscope.query.request import ListRequest
from rayscope.store.limits import DEFAULT_PAGE, MAX_PAGE

app = App(
    name="rayscope list",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope list tasks -f state=FAILED --sort -end_ns
  rayscope list actors --session session_2026-11-23 --format json
  rayscope list tasks --at -30s -f state=RUNNING""",
)

_RULE: Final = "-" * 30
_WHERE: Final = Where()

_FIRST: Final[dict[str, tuple[str, ...]]] = {
    "sessions": ("session", "state", "tasks", "failed_tasks", "jobs", "actors", "nodes", "started_ns"),
    "nodes": ("node_id", "node_ip", "state", "is_head_node", "state_message"),
    "workers": ("worker_id", "state", "pid", "worker_type", "exit_type", "ip"),
    "jobs": ("job_id", "status", "entrypoint", "message", "submission_id"),
    "actors": ("actor_id", "class_name", "state", "name", "pid"),
    "tasks": ("task_id", "name", "state", "duration_ns", "attempt_number", "error_type"),
    "agents": ("node_id", "state", "host", "files", "lag_bytes", "lag_s", "dropped_bytes"),
    "objects": ("object_id", "size_bytes", "reference_type", "function", "pid", "task_status", "type"),
    "events": ("time_ns", "severity", "event_type", "message"),
}
"""What is worth the room of a narrow terminal, the most telling first."""


@app.default
def list_rows(  # noqa: PLR0913 one parameter an option
    resource: Annotated[str, Parameter(help=f"One of {', '.join(RESOURCES)}.")],
    /,
    *,
    filters: Filters = None,
    sort: Annotated[str | None, Parameter(allow_leading_hyphen=True, help="Columns, a - before one for descending: -duration_ns,name.")] = None,
    limit: Annotated[int, Parameter(name=["--limit", "-n"], help="Rows to show; 0 shows all.")] = DEFAULT_PAGE,
    columns: Annotated[str | None, Parameter(name=["--columns", "-c"], help="The columns to show, by name: task_id,state,duration_ns.")] = None,
    detail: Annotated[bool, Parameter(negative=(), help="All columns; as YAML unless --format says otherwise.")] = False,
    format: Annotated[str | None, Parameter(help="table, json, jsonl, yaml or csv.")] = None,  # noqa: A002 the option's name
    watch: Annotated[bool, Parameter(name=["--watch", "-w"], negative=(), help="Show it again every 2 seconds until Ctrl-C.")] = False,
    where: Where = _WHERE,
) -> None:
    """List the rows of one resource, of the newest session unless told otherwise."""
    chosen = check_format(format or ("yaml" if detail else TABLE))
    request = _request(resource, filters, sort, limit, columns, detail=detail, where=where)
    with where.client() as client:
        if watch:
            repeat(lambda: _show(client, request, limit, chosen), is_table=chosen == TABLE)
        else:
            _show(client, request, limit, chosen)


def _request(resource: str, filters: list[str] | None, sort: str | None, limit: int, columns: str | None, *, detail: bool, where: Where) -> ListRequest:
    if limit < 0:
        raise UsageError(f"--limit {limit} is negative", hint="0 shows all")
    return ListRequest(
        resource=resource_name(resource),
        session=where.scope(),
        filters=tuple(filters or ()),
        sort=sort,
        limit=min(limit or MAX_PAGE, MAX_PAGE),
        columns=_with_session(resource_name(resource), columns, detail=detail, every=where.all_sessions),
        detail=detail,
        at=where.at,
    )


def _with_session(resource: str, columns: str | None, *, detail: bool, every: bool) -> str | None:
    """Rows of several sessions say which they are of."""
    if columns or detail or not every or resource not in RESOURCES:
        return columns
    names = [column.name for column in parse_columns(RESOURCES[resource], None, detail=False)]
    return ",".join(dict.fromkeys(["session", *names]))


def _show(client: Client, request: ListRequest, limit: int, chosen: str) -> None:
    pages = client.pages(request)
    first = next(pages)
    columns = parse_columns(RESOURCES[request.resource], request.columns, detail=request.detail)
    rows = _rows(first, pages, limit)
    if chosen == TABLE:
        _show_table(request, first, columns, list(rows))
    else:
        sys.stdout.writelines(FORMATS[chosen](rows, columns))
    for warning in first.warnings:
        tell_warning(warning)
    shown = min(limit or first.num_filtered, first.num_filtered)
    if shown < first.num_filtered:
        tell_hint(f"{shown:,} of {first.num_filtered:,} rows shown; --limit 0 shows all, -f narrows them")


def _rows(first: Page, others: Iterator[Page], limit: int) -> Iterator[dict[str, Any]]:
    rows = itertools.chain(first.rows, itertools.chain.from_iterable(page.rows for page in others))
    return itertools.islice(rows, limit or None)


def _show_table(request: ListRequest, page: Page, columns: tuple[Column, ...], rows: list[dict[str, Any]]) -> None:
    print(_head(request, page, len(rows)))
    if not rows:
        _tell_empty(request, page)
        return
    table = lay_out(columns, rows, terminal_width(sys.stdout), first=() if request.columns else _FIRST.get(request.resource, ()))
    print("\n".join(["", "Table:", _RULE, *table.lines]))
    sys.stdout.flush()
    if table.left_out:
        tell_hint(f"no room for {', '.join(table.left_out)}: pick with --columns, or see all with --detail")


def _head(request: ListRequest, page: Page, shown: int) -> str:
    moment = page.as_of_ns or time.time_ns()
    lines = [f"======== List: {utc(moment)} UTC ========"]
    if page.session:
        lines.append(f"Session: {page.session}")
    lines += ["Stats:", _RULE, f"Total: {page.total:,}"]
    if request.filters:
        lines.append(f"Fit the filter: {page.num_filtered:,}")
    if shown < page.num_filtered:
        lines.append(f"Shown: {shown:,}")
    return "\n".join(lines)


def _tell_empty(request: ListRequest, page: Page) -> None:
    name = request.resource.replace("-", " ")
    if page.total:
        tell(f"No {name} fit {' and '.join(request.filters)}.")
    elif request.resource == "sessions":
        tell("Nothing is recorded yet.")
        tell_hint("record a program with `rayscope run script.py`, or see `rayscope demo`")
    else:
        tell(f"This session has no {name}{' at that time' if request.at else ''}.")
