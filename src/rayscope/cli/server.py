"""`rayscope server`: in the foreground, or start, stop and status of one in the background."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from rayscope.address import DEFAULT_HOST, DEFAULT_PORT, default_data
from rayscope.cli.output.talk import tell, tell_hint
from rayscope.cli.output.values import duration, size
from rayscope.client import Client
from rayscope.errors import ServerUnreachable, UsageError
from rayscope.query.values import parse_duration
from rayscope.server import lifecycle
from rayscope.server.settings import Settings
from rayscope.store.limits import SILENCE_S

app = App(
    name="rayscope server",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope server
  rayscope server --data /mnt/ray-history --host 0.0.0.0
  rayscope server start --retain logs=7d,states=90d,logs-size=10GB
  rayscope server --redact-pattern 'CUST-[0-9]+'""",
)

Data = Annotated[Path | None, Parameter(help="The data folder; else RAYSCOPE_DATA, or ~/.local/share/rayscope.")]
Host = Annotated[str, Parameter(help="The address to listen on; off loopback, every question needs the token.")]
Port = Annotated[int, Parameter(help="The port; 0 takes any that is free.")]
Silence = Annotated[str, Parameter(help="After how long without a word a session is shown as ended.")]

Retain = Annotated[str | None, Parameter(help="How long and how much is kept: logs=7d,states=90d,logs-size=10GB; `off` keeps all. Kept for later starts.")]
Redact = Annotated[Literal["on", "off"] | None, Parameter(help="Whether values that look like secrets are masked. Kept for later starts.")]
Patterns = Annotated[
    list[str] | None,
    Parameter(name="--redact-pattern", negative=(), allow_leading_hyphen=True, help="A regular expression whose matches are secrets too; repeatable."),
]
Series = Annotated[int | None, Parameter(help="Series of metrics that a session may have; else 200000. Kept for later starts.")]

_SECOND = 1_000_000_000
_SILENCE = f"{SILENCE_S:.0f}s"


@app.default
def serve(
    *,
    data: Data = None,
    host: Host = DEFAULT_HOST,
    port: Port = DEFAULT_PORT,
    silence: Silence = _SILENCE,
    retain: Retain = None,
    redact: Redact = None,
    redact_patterns: Patterns = None,
    metric_series: Series = None,
) -> None:
    """Run the server in the foreground until Ctrl-C."""
    lifecycle.serve(data or default_data(), host, port, _seconds(silence), _settings(retain, redact, redact_patterns, metric_series))


@app.command
def start(
    *,
    data: Data = None,
    host: Host = DEFAULT_HOST,
    port: Port = DEFAULT_PORT,
    silence: Silence = _SILENCE,
    retain: Retain = None,
    redact: Redact = None,
    redact_patterns: Patterns = None,
    metric_series: Series = None,
) -> None:
    """Start a server in the background, unless one runs on the data folder already."""
    folder = data or default_data()
    running = lifecycle.status(folder)
    info = running or lifecycle.start_background(
        folder, host, port, silence_s=_seconds(silence), settings=_settings(retain, redact, redact_patterns, metric_series)
    )
    tell(f"{'already running' if running else 'started'}: pid {info.pid}, data in {info.data}")
    print(info.url)


@app.command
def stop(*, data: Data = None) -> None:
    """Stop the server of the data folder; what it recorded stays."""
    folder = data or default_data()
    tell("stopped" if lifecycle.stop(folder) else f"no server runs on {folder}")


@app.command
def status(*, data: Data = None) -> int:
    """Say whether a server runs on the data folder, and how it is. Exits with 3 where none runs."""
    folder = data or default_data()
    info = lifecycle.status(folder)
    if info is None:
        tell(f"no server runs on {folder}")
        tell_hint("start one with `rayscope server start`")
        return ServerUnreachable.exit_code
    with Client(info.url, lifecycle.read_token(folder)) as client:
        health = client.health()
    print(
        f"{info.url}  {health.status}, up {duration(int(health.uptime_s * _SECOND))}, pid {info.pid}, rayscope {info.version}\n"
        f"data      {info.data}: {size(health.db_bytes)}, {size(health.free_bytes)} free\n"
        f"recorded  {health.sessions:,} sessions, {health.events:,} events, {health.quarantined:,} in quarantine\n"
        f"memory    {size(health.rss_bytes)}"
    )
    return 0


def _settings(retain: str | None, redact: str | None, patterns: list[str] | None, metric_series: int | None) -> Settings:
    return Settings(retain=retain, redact=None if redact is None else redact == "on", patterns=patterns, metric_series=metric_series)


def _seconds(text: str) -> float:
    seconds = parse_duration(text) / _SECOND
    if seconds <= 0:
        raise UsageError(f"--silence {text} is no length of time", hint="write 10m, 90s, 1h")
    return seconds
