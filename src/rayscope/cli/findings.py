"""`rayscope findings`: what the metrics of a session say is wrong, with the evidence and what to do."""

from __future__ import annotations

import sys
import textwrap
from typing import Annotated, Final

import msgspec
from cyclopts import App, Parameter

from rayscope.cli.options import Where
from rayscope.cli.output.colour import paint
from rayscope.cli.output.formats import FORMATS, TABLE, check_format
from rayscope.cli.output.table import terminal_width
from rayscope.cli.output.talk import tell, tell_hint, tell_warning
from rayscope.cli.output.values import duration, utc
from rayscope.cli.watch import repeat
from rayscope.client import Client
from rayscope.errors import RayscopeError, UsageError
from rayscope.model.finding import Finding, Findings
from rayscope.model.resources import Column
from rayscope.query.sessions import LATEST

app = App(
    name="rayscope findings",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope findings
  rayscope findings --job 01000000 --format json
  rayscope findings --session session_2026-11-23 --watch""",
)

_WHERE: Final = Where()
_WIDTH: Final = 100
_COLOURS: Final = {"error": "red", "warning": "yellow", "info": "blue"}
_NS_A_MS: Final = 1_000_000
_COLUMNS: Final = tuple(
    Column(name=name, kind="json" if name in {"about", "evidence"} or name.endswith("_ids") else "text", level="brief", unit=None, description="")
    for name in Finding.__struct_fields__
)


@app.default
def findings(
    *,
    job: Annotated[str | None, Parameter(name=["--job", "-j"], help="Only what concerns one job, by job or submission id.")] = None,
    node: Annotated[str | None, Parameter(help="… one node, by its id or the beginning of it, or its address.")] = None,
    actor: Annotated[str | None, Parameter(name=["--actor", "-a"], help="… one actor, by its id or the beginning of it.")] = None,
    task: Annotated[str | None, Parameter(name=["--task", "-t"], help="… one task, by its id or the beginning of it.")] = None,
    format: Annotated[str, Parameter(help="table, json, jsonl, yaml or csv.")] = TABLE,  # noqa: A002 the option's name
    watch: Annotated[bool, Parameter(name=["--watch", "-w"], negative=(), help="Show it again every 2 seconds until Ctrl-C.")] = False,
    where: Where = _WHERE,
) -> None:
    """Show what a session's metrics say is wrong: memory that grows, nodes near their limit, spilling, idle GPUs, too many threads, hot nodes."""
    check_format(format)
    if where.all_sessions or where.at:
        raise UsageError("findings are of one session as a whole", hint="name one with --session")
    about = {"job": job, "node": node, "actor": actor, "task": task}
    with where.client() as client:
        if watch:
            repeat(lambda: _show(client, where.session, about, format), is_table=format == TABLE)
        else:
            _show(client, where.session, about, format)


def finding_line(client: Client, session: str = LATEST) -> str | None:
    """One line on a session's findings, None where there are none, or the server cannot say."""
    try:
        found = client.findings(session).findings
    except RayscopeError:
        return None
    if not found:
        return None
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{found[0].title}{more}: `rayscope findings`"


def _show(client: Client, session: str, about: dict[str, str | None], chosen: str) -> None:
    found = client.findings(session, **about)
    if chosen != TABLE:
        sys.stdout.writelines(FORMATS[chosen]([msgspec.to_builtins(one) for one in found.findings], _COLUMNS))
    elif found.findings:
        print("\n".join(_lines(found)))
    else:
        _tell_none(found)
    for warning in found.warnings:
        tell_warning(warning)


def _lines(found: Findings) -> list[str]:
    width = min(terminal_width(sys.stdout) or _WIDTH, _WIDTH)
    lines = [f"======== Findings of {found.session} ========"]
    for one in found.findings:
        lines += ["", *_finding(one, width)]
    return lines


def _finding(one: Finding, width: int) -> list[str]:
    head = textwrap.wrap(f"{one.severity}: {one.title}", width, subsequent_indent="  ")
    head[0] = head[0].replace(one.severity, paint(one.severity, _COLOURS.get(one.severity), sys.stdout), 1)
    return [
        *head,
        f"  {_when(one)}",
        *(line for evidence in one.evidence for line in textwrap.wrap(evidence.text, width, initial_indent="  · ", subsequent_indent="    ")),
        *textwrap.wrap(one.advice, width, initial_indent="  → ", subsequent_indent="    "),
        f"  docs/{one.doc}",
    ]


def _when(one: Finding) -> str:
    since = f"since {utc(one.since_ms * _NS_A_MS)[:19]} UTC"
    if one.until_ms is None:
        return f"{since}, still so"
    return f"{since}, for {duration(max(one.until_ms - one.since_ms, 0) * _NS_A_MS)}"


def _tell_none(found: Findings) -> None:
    if found.looked_from_ms is None:
        tell(f"{found.session} has no metrics to look at.")
        tell_hint("an agent scrapes them: `rayscope run` starts one, `rayscope attach` puts one on a running cluster")
        return
    assert found.looked_to_ms is not None
    span = duration((found.looked_to_ms - found.looked_from_ms) * _NS_A_MS)
    tell(f"Nothing found in {span} of metrics of {found.session}.")
