"""`rayscope attach`: agents on every node of a running cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import App, Parameter

from rayscope.address import default_data
from rayscope.agent.errors import BadOptions
from rayscope.agent.options import scrape_interval as scrape_interval_of
from rayscope.agent.uplink import ingest_url
from rayscope.cli.output.talk import tell, tell_hint, tell_warning
from rayscope.errors import NotFound, RayscopeError, UsageError
from rayscope.run import attach as attaching
from rayscope.server import lifecycle
from rayscope.server.tokens import is_loopback

app = App(
    name="rayscope attach",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope attach --address auto
  rayscope attach --address 10.0.0.5:6379 --url http://rayscope.internal:8465

It needs a Python with Ray of the cluster's version, here; nothing is installed
on the cluster. `rayscope detach` takes the agents away.""",
)

Address = Annotated[str, Parameter(help="The cluster: auto, HOST:PORT of its GCS, or ray://HOST:10001.")]
Python = Annotated[str | None, Parameter(help="A Python that has Ray of the cluster's version; else this one, or python3 on PATH.")]


@app.default
def attach(
    *,
    address: Address = "auto",
    url: Annotated[str | None, Parameter(help="The server's address as the cluster's nodes reach it.")] = None,
    token: Annotated[str | None, Parameter(help="The ingest token, where the server runs on another machine.")] = None,
    scrape_interval: Annotated[float | None, Parameter(help="Seconds between two scrapes of metrics, 0 for none; else RAYSCOPE_SCRAPE_S, or 5.")] = None,
    python: Python = None,
    data: Annotated[Path | None, Parameter(help="The server's data folder; else RAYSCOPE_DATA, or ~/.local/share/rayscope.")] = None,
) -> int:
    """Put an agent on every node of a running cluster, and on those that join later."""
    try:
        scrape_s = scrape_interval_of(scrape_interval)
    except BadOptions as error:
        raise UsageError(str(error)) from error
    folder = data or default_data()
    running = lifecycle.status(folder)
    if url is None and running is None:
        raise NotFound(f"no server runs on {folder}", hint="start one with `rayscope server start`, or give --url and --token")
    server = url or (running.url if running else "")
    done = attaching.attach(attaching.find_python(python), address, ingest_url(server, token or lifecycle.read_ingest_token(folder)), scrape_s)
    bad = [node for node in done.nodes if not node.is_well]
    for node in bad:
        tell_warning(f"node {node.node_id[:8]} ({node.address}): {node.said or 'its agent did not start'}")
    if is_loopback(urlsplit(server).hostname or "") and any(not is_loopback(node.address or "127.0.0.1") for node in done.nodes):
        tell_hint(f"{server} can be reached from this machine only; for other nodes run `rayscope server --host 0.0.0.0` and give --url")
    what = "already attached" if done.was_there else "attached"
    tell(f"{what}: {len(done.nodes) - len(bad)} of {len(done.nodes)} nodes have an agent; new ones get one as they join")
    return RayscopeError.exit_code if bad else 0
