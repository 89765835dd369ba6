"""`rayscope agent`: watch this host's Ray nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from rayscope.address import default_data
from rayscope.agent.errors import AgentError, BadOptions
from rayscope.agent.main import run
from rayscope.agent.options import Options, find_ingest
from rayscope.agent.options import scrape_interval as scrape_interval_of
from rayscope.agent.uplink import ingest_url
from rayscope.errors import RayscopeError, UsageError
from rayscope.server import lifecycle

app = App(
    name="rayscope agent",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope agent                        ship to the server that runs on this machine
  eval "$(rayscope env)"; rayscope agent --daemon
  rayscope agent --server http://rayscope.internal:8465 --token TOKEN

Where no Rayscope is installed, `rayscope attach` brings the agent along.""",
)


@app.default
def agent(  # noqa: PLR0913 an option each
    *,
    server: Annotated[str | None, Parameter(help="The server's address; else that of RAYSCOPE_INGEST, or the server of this machine's data folder.")] = None,
    token: Annotated[str | None, Parameter(help="Its ingest token; else that of RAYSCOPE_INGEST.")] = None,
    ray_temp_dir: Annotated[str | None, Parameter(help="Where Ray keeps its sessions; else RAY_TMPDIR, or /tmp/ray.")] = None,
    session_dir: Annotated[str | None, Parameter(help="Watch this session only, and end with it.")] = None,
    node_id: Annotated[str | None, Parameter(help="Watch this node only, and end with it.")] = None,
    all: Annotated[bool, Parameter(negative=(), help="Watch every node of this host, those to come, too; so it is unless one is named.")] = False,  # noqa: A002
    dashboard: Annotated[str, Parameter(help="Host and port of Ray's dashboard, where it cannot be found.")] = "",
    once: Annotated[bool, Parameter(negative=(), help="Ship what is there, then end.")] = False,
    leave_within: Annotated[float, Parameter(help="Seconds that shipping may go on after a signal to end.")] = 30.0,
    scrape_interval: Annotated[float | None, Parameter(help="Seconds between two scrapes of metrics, 0 for none; else RAYSCOPE_SCRAPE_S, or 5.")] = None,
    daemon: Annotated[bool, Parameter(negative=(), help="Run in the background.")] = False,
    pid_file: Annotated[str | None, Parameter(help="Of a daemon: where its process id is written.")] = None,
    log_file: Annotated[str | None, Parameter(help="Of a daemon: where it writes what it has to say.")] = None,
) -> int:
    """Watch this host's Ray nodes and ship their logs, and what else the server asks for, until Ctrl-C.

    A second agent on a node says so and leaves with exit code 1.
    """
    if all and (session_dir or node_id):
        raise UsageError("--all and --session-dir or --node-id exclude each other")
    try:
        ingest = find_ingest(server, token) if server or token else _known_ingest()
        scrape_s = scrape_interval_of(scrape_interval)
        options = Options(ingest, ray_temp_dir, session_dir, node_id, dashboard, once, leave_within, scrape_s)
        return run(options, daemon=daemon, pid_file=pid_file, log_file=log_file)
    except BadOptions as error:
        raise UsageError(str(error)) from error
    except AgentError as error:
        raise RayscopeError(str(error)) from error


def _known_ingest() -> str:
    """By RAYSCOPE_INGEST; else the server that runs on this machine's data folder. Raises BadOptions."""
    try:
        return find_ingest(None, None)
    except BadOptions:
        running = lifecycle.status(default_data())
        if running is None:
            raise
        return ingest_url(running.url, lifecycle.read_ingest_token(Path(running.data)))
