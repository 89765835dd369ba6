"""`rayscope server`: in the foreground, or start, stop and status of one in the background."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from rayscope.address import DEFAULT_HOST, DEFAULT_PORT, default_data
from rayscope.cli.output.talk import tell, tell_hint
from rayscope.cli.output.values import duration, size
from rayscope.client import Client
from rayscope.errors import ServerUnreachable, UsageError
from rayscope.model.export import ExportState
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
  rayscope server --redact-pattern 'CUST-[0-9]+'
  rayscope server --remote-write http://prometheus:9090/api/v1/write
  rayscope server --otlp-metrics http://collector:4318/v1/metrics""",
)

Data = Annotated[Path | None, Parameter(help="The data folder; else RAYSCOPE_DATA, or ~/.local/share/rayscope.")]
Host = Annotated[str, Parameter(help="The address to listen on; off loopback, every question needs the token.")]
Port = Annotated[int, Parameter(help="The port; 0 takes any that is free.")]
Silence = Annotated[str, Parameter(help="After how long without a word a session is shown as ended.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is kept for later starts."""

    retain: Annotated[
        str | None, Parameter(help="How long and how much is kept: logs=7d,states=90d,logs-size=10GB; `off` keeps all. Kept for later starts.")
    ] = None
    redact: Annotated[Literal["on", "off"] | None, Parameter(help="Whether values that look like secrets are masked. Kept for later starts.")] = None
    redact_patterns: Annotated[
        list[str] | None,
        Parameter(name="--redact-pattern", negative=(), allow_leading_hyphen=True, help="A regular expression whose matches are secrets too; repeatable."),
    ] = None
    remote_write: Annotated[
        list[str] | None,
        Parameter(negative=(), help="Send collected metrics on by Prometheus's remote write; repeatable, `off` sends none. Kept for later starts."),
    ] = None
    otlp_metrics: Annotated[
        list[str] | None, Parameter(negative=(), help="Send them on by OTLP over HTTP; repeatable, `off` sends none. Kept for later starts.")
    ] = None
    metric_series: Annotated[int | None, Parameter(help="Series of metrics that a session may have; else 200000. Kept for later starts.")] = None
    export_headers: Annotated[
        list[str] | None,
        Parameter(name="--export-header", negative=(), help="NAME: VALUE, sent to the addresses given with it; repeatable. RAYSCOPE_EXPORT_TOKEN is a bearer."),
    ] = None

    def settings(self) -> Settings:
        """As the server takes them."""
        return Settings(
            retain=self.retain,
            redact=None if self.redact is None else self.redact == "on",
            patterns=self.redact_patterns,
            remote_write=self.remote_write,
            otlp_metrics=self.otlp_metrics,
            export_headers=self.export_headers,
            metric_series=self.metric_series,
        )


_AS_IT_WAS = Kept()
_SECOND = 1_000_000_000
_SILENCE = f"{SILENCE_S:.0f}s"


@app.default
def serve(
    *,
    data: Data = None,
    host: Host = DEFAULT_HOST,
    port: Port = DEFAULT_PORT,
    silence: Silence = _SILENCE,
    kept: Kept = _AS_IT_WAS,
) -> None:
    """Run the server in the foreground until Ctrl-C."""
    lifecycle.serve(data or default_data(), host, port, _seconds(silence), kept.settings())


@app.command
def start(
    *,
    data: Data = None,
    host: Host = DEFAULT_HOST,
    port: Port = DEFAULT_PORT,
    silence: Silence = _SILENCE,
    kept: Kept = _AS_IT_WAS,
) -> None:
    """Start a server in the background, unless one runs on the data folder already."""
    folder = data or default_data()
    running = lifecycle.status(folder)
    info = running or lifecycle.start_background(folder, host, port, silence_s=_seconds(silence), settings=kept.settings())
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
        health, exports = client.health(), client.exports()
    print(
        f"{info.url}  {health.status}, up {duration(int(health.uptime_s * _SECOND))}, pid {info.pid}, rayscope {info.version}\n"
        f"data      {info.data}: {size(health.db_bytes)}, {size(health.free_bytes)} free\n"
        f"recorded  {health.sessions:,} sessions, {health.events:,} events, {health.quarantined:,} in quarantine\n"
        f"memory    {size(health.rss_bytes)}"
    )
    for export in exports:
        print(_export_line(export))
    return 0


def _export_line(export: ExportState) -> str:
    """How a destination is: what it took and how far behind it is, or why it takes nothing."""
    dropped = sum(export.dropped.values())
    words = [f"{export.samples:,} samples", f"{duration(int(export.lag_s * _SECOND))} behind" if export.lag_s else "nothing waits"]
    words += [f"{dropped:,} refused ({', '.join(sorted(export.dropped))})"] if dropped else []
    trouble = f"\n          waiting: {export.error}" if export.error else ""
    return f"sends to  {export.url} ({export.kind})\n          {', '.join(words)}{trouble}"


def _seconds(text: str) -> float:
    seconds = parse_duration(text) / _SECOND
    if seconds <= 0:
        raise UsageError(f"--silence {text} is no length of time", hint="write 10m, 90s, 1h")
    return seconds
