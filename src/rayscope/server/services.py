"""What the routes work with: the store, its writers, its questions, and who this server is."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rayscope import __version__
from rayscope.export.destinations import Senders
from rayscope.ingest.agents import Agents
from rayscope.ingest.committer import Committer
from rayscope.ingest.families import FamilyNotes
from rayscope.ingest.housekeeping import Housekeeper
from rayscope.ingest.logs import LogIngest
from rayscope.ingest.metrics import MetricIngest
from rayscope.ingest.retention import Retainer
from rayscope.model.export import Destination
from rayscope.model.retention import Retention
from rayscope.model.server import Health, ServerInfo, Version
from rayscope.query.export import Exports
from rayscope.query.findings.service import FindingsService
from rayscope.query.job_logs import JobLogs
from rayscope.query.logs.service import Logs
from rayscope.query.metrics.catalogue import Catalogues
from rayscope.query.metrics.service import Metrics
from rayscope.query.overview import Overviews
from rayscope.query.progress import Jobs
from rayscope.query.promql.service import Promql
from rayscope.query.queries import Queries
from rayscope.query.search import Search
from rayscope.query.sql import Console
from rayscope.query.timeline import Timelines
from rayscope.query.trace import Traces
from rayscope.server.auth import Guard
from rayscope.server.channels import Channels
from rayscope.server.dashboards import Dashboards
from rayscope.server.live_jobs import LiveJobs
from rayscope.server.meters import ServerMeters
from rayscope.store.database import SCHEMA_VERSION, Database
from rayscope.store.journal import Journal
from rayscope.store.limits import METRIC_SERIES
from rayscope.wire.otlp.delta import Totals

STORE_FILE = "rayscope.duckdb"
JOURNAL_FOLDER = "journal"
LOG_FOLDER = "logs"
METRIC_FOLDER = "metrics"
_ALL = Retention()


class Services:
    """Opened once a server, closed when it stops."""

    def __init__(
        self,
        data: Path,
        guard: Guard,
        info: ServerInfo,
        silence_s: float,
        retention: Retention = _ALL,
        series: int = METRIC_SERIES,
        destinations: Sequence[Destination] = (),
    ) -> None:
        self.data = data
        self.guard = guard
        self.info = info
        self.database = Database(data / STORE_FILE)
        self.committer = Committer(self.database, Journal(data / JOURNAL_FOLDER))
        self.log_ingest = LogIngest(self.database, data / LOG_FOLDER, self.committer.number)
        self.agents = Agents(self.database, self.committer, self.log_ingest)
        self.metric_ingest = MetricIngest(self.database, data / METRIC_FOLDER, self.committer.number, self.agents.note_session, series)
        self.metrics = Metrics(self.metric_ingest.store, self.metric_ingest)
        self.catalogues = Catalogues(self.metrics)
        self.findings = FindingsService(self.database, self.metrics)
        self.promql = Promql(self.metrics)
        self.queries = Queries(self.database)
        self.logs = Logs(self.database, self.log_ingest.store)
        self.pulse = self.committer.pulse
        self.channels = Channels()
        self.ending = threading.Event()
        self.dashboards = Dashboards(self.queries, self.channels)
        self.job_logs = JobLogs(self.queries, self.logs)
        self.live_jobs = LiveJobs(self.queries, self.job_logs, self.dashboards)
        self.retainer = Retainer(self.database, self.log_ingest.store, retention, self.metric_ingest.upkeep)
        self.housekeeper = Housekeeper(self.database, self.committer, silence_s, self.retainer, self.log_ingest)
        self.jobs = Jobs(self.database)
        self.overviews = Overviews(self.database)
        self.exports = Exports(self.database, self.queries)
        self.search = Search(self.database)
        self.console = Console(self.database)
        self.timelines = Timelines(self.database)
        self.traces = Traces(self.database)
        self.meters = ServerMeters()
        self.totals = Totals()
        self.family_notes = FamilyNotes(self.metric_ingest, self.agents.note_session)
        self.delta_lock = threading.Lock()
        self.senders = Senders(destinations, self.metrics, data)

    def end_streams(self) -> None:
        """The server is to stop: streams end, so that it does not wait for their readers."""
        self.ending.set()
        self.pulse.end()
        self.log_ingest.store.wake()

    def close(self) -> None:
        """Commit what waits, and leave a checkpointed file."""
        self.senders.close()
        self.housekeeper.close()
        self.log_ingest.close()
        self.metrics.close()
        self.metric_ingest.close()
        self.committer.close()
        self.database.close()

    def journal_bytes(self) -> dict[str, int]:
        """The size of each journal, by what it is of."""
        folders = {"events": self.data / JOURNAL_FOLDER, "logs": self.data / LOG_FOLDER / "journal", "metrics": self.data / METRIC_FOLDER / "journal"}
        return {name: _size(folder) for name, folder in folders.items()}

    def version(self) -> Version:
        """Who this is."""
        info = self.info
        return Version(
            version=__version__,
            pid=os.getpid(),
            data=info.data,
            url=info.url,
            started_ns=info.started_ns,
            schema_version=SCHEMA_VERSION,
            auth=not self.guard.loopback,
        )

    def health(self) -> Health:
        """How it is."""
        totals = self.queries.totals()
        return Health(
            status="disk_full" if self.database.is_full() else "ok",
            sessions=totals["sessions"],
            events=totals["events"],
            quarantined=totals["quarantined"],
            free_bytes=self.database.free_bytes(),
            db_bytes=sum(path.stat().st_size for path in self.data.glob(f"{STORE_FILE}*")),
            rss_bytes=_resident_bytes(),
            uptime_s=round((time.time_ns() - self.info.started_ns) / 1e9, 1),
        )


def _size(folder: Path) -> int:
    """Bytes of a folder's files. One that goes meanwhile counts nothing."""
    total = 0
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def _resident_bytes() -> int:
    """Resident memory now; where the system does not tell it, the peak."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
