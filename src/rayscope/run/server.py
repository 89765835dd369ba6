"""The server that a run is recorded by: the one that runs on the data folder, or a new one in the background."""

from __future__ import annotations

from pathlib import Path

from rayscope.address import DEFAULT_HOST, DEFAULT_PORT
from rayscope.client import Client
from rayscope.errors import PortInUse, RayscopeError, ServerStartError
from rayscope.model.report import ObjectReport, RunReport, StateSnapshot
from rayscope.model.server import ServerInfo
from rayscope.server import lifecycle


class Recording:
    """A connection to the server, with the right to report. What is missing of the record is remembered in ``missed``."""

    def __init__(self, info: ServerInfo, *, started: bool) -> None:
        data = Path(info.data)
        self.info = info
        self.started = started
        self.ingest_token = lifecycle.read_ingest_token(data)
        self.client = Client(info.url, lifecycle.read_token(data))
        self.missed: list[str] = []

    def another_client(self) -> Client:
        """A connection of one's own, for a thread that must not wait for others."""
        return Client(self.info.url, lifecycle.read_token(Path(self.info.data)))

    def post_run(self, report: RunReport) -> None:
        """Report how a run goes."""
        self.client.post_run(self.ingest_token, report)

    def post_states(self, snapshot: StateSnapshot) -> None:
        """Report rows of Ray's state API."""
        self.client.post_states(self.ingest_token, snapshot)

    def post_objects(self, report: ObjectReport) -> None:
        """Report a snapshot of the object table."""
        self.client.post_objects(self.ingest_token, report)

    def scrape(self, session: str) -> None:
        """Have the agents of a cluster take a last look at its metrics."""
        scraped = self.client.scrape_metrics(session)
        for failure in scraped.failed:
            self.miss_text(f"the last values of metrics: {failure}")

    def miss(self, error: RayscopeError) -> None:
        """Note that a report did not arrive."""
        self.miss_text(f"a report did not reach the server: {error.message}")

    def miss_text(self, text: str) -> None:
        """Note what is missing of the record."""
        if text not in self.missed:
            self.missed.append(text)


def find_or_start(data: Path) -> Recording:
    """The server of the folder; a new one, on another port if the usual one is taken. Raises ServerStartError."""
    if (running := lifecycle.status(data)) is not None:
        return Recording(running, started=False)
    try:
        info = lifecycle.start_background(data, DEFAULT_HOST, DEFAULT_PORT)
    except ServerStartError as error:
        if not (isinstance(error, PortInUse) or "cannot listen" in error.message):
            raise
        info = lifecycle.start_background(data, DEFAULT_HOST, 0)
    return Recording(info, started=True)
