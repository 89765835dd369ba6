"""`rayscope summary`: counts by name and state."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter
from msgspec import Struct

from rayscope.cli.findings import finding_line
from rayscope.cli.options import Filters, Where, resource_name
from rayscope.cli.output.formats import FORMATS, TABLE, check_format
from rayscope.cli.output.table import lay_out, terminal_width
from rayscope.cli.output.talk import tell, tell_hint, tell_warning
from rayscope.cli.output.values import call_site, utc
from rayscope.cli.watch import repeat
from rayscope.client import Client
from rayscope.errors import UsageError
from rayscope.model.object_answers import ObjectSummary
from rayscope.model.page import ActorSummary, TaskSummary
from rayscope.model.resources import Column

app = App(
    name="rayscope summary",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope summary tasks
  rayscope summary tasks -f job_id=01000000 --format json
  rayscope summary actors --at -1m
  rayscope summary objects --by function""",
)

_RULE: Final = "-" * 36
_WHERE: Final = Where()


class Answer(Struct, frozen=True):
    """A summary, ready to be shown: its totals, its columns and its rows."""

    grouped_by: str
    totals: Mapping[str, int]
    columns: Sequence[Column]
    rows: Sequence[dict[str, Any]]
    session: str | None
    as_of_ns: int | None
    warnings: Sequence[str] = ()


@app.default
def summarize(
    resource: Annotated[str, Parameter(help="tasks, actors or objects.")],
    /,
    *,
    by: Annotated[str | None, Parameter(help="Of objects: call-site (default), function, node or owner.")] = None,
    filters: Filters = None,
    format: Annotated[str, Parameter(help="table, json, jsonl, yaml or csv.")] = TABLE,  # noqa: A002 the option's name
    watch: Annotated[bool, Parameter(name=["--watch", "-w"], negative=(), help="Show it again every 2 seconds until Ctrl-C.")] = False,
    where: Where = _WHERE,
) -> None:
    """Count tasks by function and state, actors by class and state, or objects by where they come from. A retried task counts once."""
    check_format(format)
    name = resource_name(resource)
    if name not in _QUESTIONS:
        raise UsageError(f"no summary of {resource!r}", hint=f"there are {', '.join(_QUESTIONS)}")
    if by is not None and name != "objects":
        raise UsageError(f"--by is of objects; {name} are summed up in one way")
    with where.client() as client:
        if watch:
            repeat(lambda: _show(_QUESTIONS[name](client, where, tuple(filters or ()), by), format), is_table=format == TABLE)
            return
        _show(_QUESTIONS[name](client, where, tuple(filters or ()), by), format)
        if format == TABLE and not where.all_sessions and where.at is None and (line := finding_line(client, where.session)):
            tell_hint(line)


def _tasks(client: Client, where: Where, filters: tuple[str, ...], _by: str | None) -> Answer:
    summary: TaskSummary = client.task_summary(where.scope(), filters, where.at)
    totals = {name: getattr(summary, name) for name in ("total_tasks", "total_actor_tasks", "total_actor_scheduled", "retries")}
    return Answer("func_name", totals, _TASK_COLUMNS, [msgspec.structs.asdict(group) for group in summary.groups], summary.session, summary.as_of_ns)


def _actors(client: Client, where: Where, filters: tuple[str, ...], _by: str | None) -> Answer:
    summary: ActorSummary = client.actor_summary(where.scope(), filters, where.at)
    return Answer(
        "class",
        {"total_actors": summary.total_actors},
        _ACTOR_COLUMNS,
        [msgspec.structs.asdict(group) for group in summary.groups],
        summary.session,
        summary.as_of_ns,
    )


def _objects(client: Client, where: Where, filters: tuple[str, ...], by: str | None) -> Answer:
    summary: ObjectSummary = client.object_summary(where.scope(), by or "call-site", filters, where.at)
    totals = {name: getattr(summary, name) for name in ("total_objects", "total_references", "total_bytes")}
    rows = [msgspec.structs.asdict(group) for group in summary.groups]
    return Answer(summary.by, totals, _OBJECT_COLUMNS, rows, summary.session, summary.as_of_ns, summary.warnings)


_QUESTIONS: Final = {"tasks": _tasks, "actors": _actors, "objects": _objects}


def _column(name: str, kind: str, description: str, unit: str | None = None) -> Column:
    return Column(name=name, kind=kind, level="brief", unit=unit, description=description)


_TASK_COLUMNS: Final = (
    _column("name", "text", "The task's name"),
    _column("state_counts", "json", "Tasks by state"),
    _column("tasks", "int", "Tasks", "count"),
    _column("retries", "int", "Attempts beyond the first", "count"),
    _column("p50_ns", "int", "Median run time", "duration_ns"),
    _column("p99_ns", "int", "99th percentile of the run time", "duration_ns"),
    _column("total_ns", "int", "Run time in all", "duration_ns"),
    _column("type", "text", "The task's type"),
)
_ACTOR_COLUMNS: Final = (
    _column("class_name", "text", "The actor's class"),
    _column("state_counts", "json", "Actors by state"),
    _column("restarts", "int", "Restarts in all", "count"),
)


_OBJECT_COLUMNS: Final = (
    _column("name", "text", "What they have in common"),
    _column("size_bytes", "int", "How large they are, each object counted once", "bytes"),
    _column("objects", "int", "Objects", "count"),
    _column("references", "int", "References to them, one a process", "count"),
    _column("reference_types", "json", "References by type"),
    _column("processes", "int", "Processes that hold them", "count"),
    _column("nodes", "int", "Nodes of these", "count"),
    _column("unknown", "int", "Objects of which no process told the size", "count"),
)
_COUNTS: Final = frozenset({"state_counts", "reference_types"})
_WIDE: Final = frozenset({"processes", "nodes", "unknown"})
_WIDE_COLUMNS: Final = 120
"""A terminal of so many columns has room for these too."""


def _show(answer: Answer, chosen: str) -> None:
    for warning in answer.warnings:
        tell_warning(warning)
    if chosen != TABLE:
        sys.stdout.writelines(FORMATS[chosen](answer.rows, answer.columns))
        return
    lines = [
        f"======== Summary: {utc(answer.as_of_ns or time.time_ns())} UTC ========",
        *([f"Session: {answer.session}"] if answer.session else []),
        "Stats:",
        _RULE,
    ]
    print("\n".join([*lines, *(f"{name}: {count:,}" for name, count in answer.totals.items())]))
    if not answer.rows:
        tell("Nothing to count.")
        return
    rows = [{name: _counts(value) if name in _COUNTS else value for name, value in row.items()} for row in answer.rows]
    width = terminal_width(sys.stdout)
    columns = answer.columns
    if columns is _OBJECT_COLUMNS and width is not None:
        columns = [column for column in columns if column.name not in _WIDE or width >= _WIDE_COLUMNS]
        rows = [row | {"name": call_site(row["name"])} for row in rows] if answer.grouped_by == "call-site" else rows
    table = lay_out(columns, rows, width)
    print("\n".join(["", f"Table (group by {answer.grouped_by}):", _RULE, *table.lines]))


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in counts.items())
