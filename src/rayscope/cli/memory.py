"""`rayscope memory`: who holds which objects, as `ray memory` shows it, also of a cluster that is gone; how that grew, and what leaks."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final, Literal

import msgspec
from cyclopts import App, Parameter

from rayscope.cli.options import Where
from rayscope.cli.output import memory as show
from rayscope.cli.output.formats import FORMATS, TABLE, check_format
from rayscope.cli.output.talk import tell, tell_hint, tell_warning
from rayscope.client import Client
from rayscope.errors import UsageError
from rayscope.model.object_answers import Leaks, ObjectGrowth
from rayscope.model.resources import RESOURCES
from rayscope.query.request import ListRequest
from rayscope.store.limits import MAX_PAGE

app = App(
    name="rayscope memory",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope memory
  rayscope memory --group-by STACK_TRACE --units MB -n 5
  rayscope memory --growth --session session_2026-11-23
  rayscope memory --leaks --idle 5m""",
)

_WHERE: Final = Where()
_IDLE: Final = "60s"
_POINTS: Final = 3


@app.default
def memory(  # noqa: PLR0913 one parameter an option
    *,
    group_by: Annotated[Literal["NODE_ADDRESS", "STACK_TRACE"], Parameter(help="What a table is of.")] = "NODE_ADDRESS",
    sort_by: Annotated[Literal["OBJECT_SIZE", "PID", "REFERENCE_TYPE"], Parameter(help="The largest first, or by process, or by type.")] = "OBJECT_SIZE",
    units: Annotated[Literal["B", "KB", "MB", "GB"] | None, Parameter(help="Sizes in this unit, of 1000; else whatever is short, of 1024.")] = None,
    num_entries: Annotated[int | None, Parameter(name=["--num-entries", "-n"], help="References to show of each group.")] = None,
    stats_only: Annotated[bool, Parameter(negative=(), help="The object stores' totals only.")] = False,
    growth: Annotated[bool, Parameter(negative=(), help="Bytes by call site at the first snapshot, the last, and between.")] = False,
    points: Annotated[int, Parameter(help="With --growth: how many snapshots to compare.")] = _POINTS,
    leaks: Annotated[bool, Parameter(negative=(), help="Objects that only a dead or idle process holds, or whose owner or job is gone.")] = False,
    idle: Annotated[str, Parameter(help="With --leaks: a process that ran nothing for so long is idle.")] = _IDLE,
    format: Annotated[str, Parameter(help="table, json, jsonl, yaml or csv.")] = TABLE,  # noqa: A002 the option's name
    now: Annotated[bool, Parameter(negative=(), help="Have the head node's agent take a snapshot first, of a cluster that lives.")] = False,
    where: Where = _WHERE,
) -> None:
    """Show object references held in a cluster, live or gone, from the newest snapshot of its object table or the newest at or before --at."""
    check_format(format)
    _check(num_entries, [name for name, given in (("--growth", growth), ("--leaks", leaks), ("--stats-only", stats_only)) if given], where)
    if now and where.at:
        raise UsageError("--now and --at exclude each other")
    with where.client() as client:
        if now:
            client.take_objects(where.session)
        if growth:
            _growth(client.object_growth(where.session, points, where.at), format)
        elif leaks:
            _leaks(client.object_leaks(where.session, idle, where.at), format)
        else:
            choice = show.Choice(group_by=group_by, sort_by=sort_by, units=units, num_entries=num_entries, stats_only=stats_only)
            _references(client, where, choice, format)


def _check(num_entries: int | None, views: list[str], where: Where) -> None:
    if num_entries is not None and num_entries < 0:
        raise UsageError(f"--num-entries {num_entries} is negative")
    if len(views) > 1:
        raise UsageError(f"{' and '.join(views)} exclude each other")
    if where.all_sessions:
        raise UsageError("memory is of one session", hint="name one with --session; `rayscope list objects --all-sessions` asks all")


def _references(client: Client, where: Where, choice: show.Choice, chosen: str) -> None:
    snapshots = client.object_snapshots(where.session, where.at)
    if not snapshots.snapshots:
        _tell_none(snapshots.session, where.at)
        return
    rows: list[dict[str, Any]] = []
    warnings: list[str] = []
    taken_ns = snapshots.snapshots[0].taken_ns
    if not choice.stats_only:
        request = ListRequest(resource="objects", session=where.session, at=where.at, detail=True, limit=MAX_PAGE)
        for page in client.pages(request):
            rows += page.rows
            warnings, taken_ns = page.warnings, page.as_of_ns or taken_ns
    if chosen == TABLE:
        print("\n".join(show.lines(snapshots, taken_ns, rows, choice, sys.stdout)))
    else:
        sys.stdout.writelines(FORMATS[chosen](show.sorted_rows(rows, choice), RESOURCES["objects"].columns))
    for warning in warnings:
        tell_warning(warning)


def _growth(answer: ObjectGrowth, chosen: str) -> None:
    rows = [msgspec.to_builtins(site) for site in answer.sites]
    _print(show.growth_lines(answer, sys.stdout), rows, show.GROWTH_COLUMNS, chosen, answer.warnings)


def _leaks(answer: Leaks, chosen: str) -> None:
    rows = [msgspec.to_builtins(leak) for leak in answer.leaks]
    _print(show.leak_lines(answer, sys.stdout), rows, show.LEAK_COLUMNS, chosen, answer.warnings)


def _print(lines: list[str], rows: list[dict[str, Any]], columns: Any, chosen: str, warnings: list[str]) -> None:
    if chosen == TABLE:
        print("\n".join(lines))
    else:
        sys.stdout.writelines(FORMATS[chosen](rows, columns))
    for warning in warnings:
        tell_warning(warning)


def _tell_none(session: str | None, at: str | None) -> None:
    tell(f"No snapshot of the object table of {session} was taken{' by then' if at else ''}.")
    tell_hint("the head node's agent takes one every 30 s, `rayscope run` one at a program's end")
