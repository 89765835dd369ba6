"""`rayscope storage`: what takes the room in the data folder, and deleting a session."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter
from msgspec.structs import asdict

from rayscope.address import find_address
from rayscope.cli.output.table import lay_out, terminal_width
from rayscope.cli.output.talk import tell
from rayscope.cli.output.values import duration, size, utc
from rayscope.client import Client
from rayscope.errors import UsageError
from rayscope.model.resources import Column
from rayscope.model.storage import Storage

app = App(
    name="rayscope storage",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope storage
  rayscope storage delete session_2026-11-23_10-26-40_000000_4242
  rayscope server start --retain logs=7d,states=90d,logs-size=10GB""",
)

Address = Annotated[str | None, Parameter(help="The server's address; else RAYSCOPE_ADDRESS, or the one on this machine.")]
Token = Annotated[str | None, Parameter(help="The server's token, needed off loopback; else RAYSCOPE_TOKEN.")]

_SHOWN_DELETIONS: Final = 5


def _columns(*named: tuple[str, str, str | None]) -> tuple[Column, ...]:
    return tuple(Column(name=name, kind=kind, level="brief", unit=unit, description="") for name, kind, unit in named)


_SESSIONS: Final = _columns(
    ("session", "text", "id"),
    ("state", "text", None),
    ("rows", "int", "count"),
    ("states_bytes", "int", "bytes"),
    ("logs_bytes", "int", "bytes"),
    ("metrics_bytes", "int", "bytes"),
)


@app.default
def storage(
    *,
    format: Annotated[str, Parameter(help="table or json.")] = "table",  # noqa: A002 the option's name
    address: Address = None,
    token: Token = None,
) -> None:
    """Show what takes the room, by kind and by session, what was deleted, and what retention deletes next."""
    if format not in {"table", "json"}:
        raise UsageError(f"no format {format!r}", hint="there are table and json")
    with Client(address or find_address(), token) as client:
        found = client.storage()
    if format == "json":
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    print("\n".join([*_kinds(found), "", *_sessions(found), *_retention(found, time.time_ns())]))


@app.command
def delete(
    session: Annotated[str, Parameter(help="The session's name, or a prefix that fits only one.")],
    /,
    *,
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative=(), help="Do not ask.")] = False,
    address: Address = None,
    token: Token = None,
) -> int:
    """Delete all that is recorded of a session that has ended. It cannot be brought back."""
    with Client(address or find_address(), token) as client:
        name = str(client.get("sessions", session)[0]["session"])
        room = next((item for item in client.storage().sessions if item.session == name), None)
        rows, logs, metrics = (room.rows, room.logs_bytes, room.metrics_bytes) if room else (0, 0, 0)
        if not yes and not _confirmed(f"Delete {name}: {rows:,} rows, {size(logs)} of logs and {size(metrics)} of metrics? [y/N] "):
            tell("nothing was deleted")
            return 1
        freed = client.delete_session(name)
    tell(f"deleted {name}: {freed['states'] + freed['events']:,} rows, {size(freed['logs'])} of logs, {size(freed['metrics'])} of metrics")
    return 0


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("deleting asks first, and nobody can answer here", hint="give --yes")
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _kinds(found: Storage) -> list[str]:
    inside = f", {size(found.database_free_bytes)} of it free for new rows" if found.database_free_bytes else ""
    return [
        f"{found.data}: {size(found.disk_free_bytes)} free on its disk",
        f"  states and events  {size(found.database_bytes)}{inside}",
        f"  logs               {size(found.logs_bytes)}",
        f"  metrics            {size(found.metrics_bytes)}",
        f"  journal            {size(found.journal_bytes)}",
        f"  output of runs     {size(found.runs_bytes)}",
        f"  other              {size(found.other_bytes)}",
    ]


def _sessions(found: Storage) -> list[str]:
    rows: list[dict[str, Any]] = [asdict(item) for item in found.sessions]
    return lay_out(_SESSIONS, rows, terminal_width(sys.stdout)).lines if rows else ["No sessions."]


def _retention(found: Storage, now_ns: int) -> list[str]:
    lines = ["", f"retention: {found.retain or 'everything is kept; `rayscope server --retain` changes that'}"]
    for item in found.next:
        when = f"in {duration(item.due_ns - now_ns)}" if item.due_ns > now_ns else "now"
        lines.append(f"  next: {item.kind} of {item.session}, {when}")
    for gone in found.deleted[:_SHOWN_DELETIONS]:
        amount = size(gone.amount) if gone.kind in {"logs", "metrics"} else f"{gone.amount:,} rows"
        lines.append(f"  deleted ({gone.cause}): {amount} of {gone.kind} before {utc(gone.before_ns)} of {gone.session}")
    if len(found.deleted) > _SHOWN_DELETIONS:
        lines.append(f"  and {len(found.deleted) - _SHOWN_DELETIONS} more deletions: --format json lists them")
    return lines
