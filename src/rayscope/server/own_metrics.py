"""The page of this server's own health: what its parts have counted, and how much of everything there is now."""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rayscope import __version__
from rayscope.model.export import ExportState
from rayscope.query.metrics.service import Metrics
from rayscope.server.services import Services
from rayscope.wire.exposition import Metric, Sample

_UNLIMITED: Final = resource.RLIM_INFINITY
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def own_metrics(services: Services) -> list[Metric]:
    """All families, in the order of the page."""
    return [
        _gauge("rayscope_build_info", "The version that runs, and on what.", 1, version=__version__, python=platform.python_version()),
        *_process(services),
        *_ingest(services),
        *_store(services),
        *_collected(services.metrics),
        *_exports(services.senders.states()),
        *services.meters.metrics(),
    ]


def _process(services: Services) -> Iterator[Metric]:
    """With the names that Prometheus's own clients use."""
    times = os.times()
    yield _counter("process_cpu_seconds", "User and system CPU time spent.", times.user + times.system)
    yield _gauge("process_start_time_seconds", "When the process started, since the epoch.", services.info.started_ns / 1e9)
    if (statm := _read("/proc/self/statm")) is not None:
        size, resident, *_ = statm.split()
        yield _gauge("process_virtual_memory_bytes", "Virtual memory.", int(size) * _PAGE)
        yield _gauge("process_resident_memory_bytes", "Resident memory.", int(resident) * _PAGE)
    if (descriptors := Path("/proc/self/fd")).is_dir():
        yield _gauge("process_open_fds", "Open file descriptors.", sum(1 for _ in descriptors.iterdir()))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield _gauge("process_max_fds", "The limit of file descriptors.", soft if soft != _UNLIMITED else float("inf"))


def _ingest(services: Services) -> Iterator[Metric]:
    """What comes in, and what of it waits."""
    yield from services.committer.meters.metrics()
    yield from services.log_ingest.meters.metrics()
    yield from services.metric_ingest.meters.metrics()
    yield _gauge("rayscope_ingest_waiting_bytes", "Bodies of events that wait to be accepted.", services.committer.waiting_bytes)
    yield _gauge("rayscope_ingest_backlog_events", "Accepted events that wait to be written.", services.committer.backlog_events)
    yield _gauge("rayscope_logs_waiting_bytes", "Log bytes that wait for their place on disk.", services.log_ingest.store.waiting_bytes)
    yield _gauge("rayscope_metrics_waiting_samples", "Samples in memory and in the journal, not in blocks yet.", services.metrics.store.waiting_samples)
    yield _gauge("rayscope_agents_connected", "Agents whose command channel is open.", services.channels.count)


def _store(services: Services) -> Iterator[Metric]:
    """What is kept, and where."""
    health = services.health()
    yield _gauge("rayscope_sessions", "Sessions that are kept.", health.sessions)
    yield _gauge("rayscope_quarantined_events", "Events that could not be read, of the sessions that are kept.", health.quarantined)
    yield _gauge("rayscope_database_bytes", "Size of the database's files.", health.db_bytes)
    yield _gauge("rayscope_disk_free_bytes", "Room on the data folder's disk.", health.free_bytes)
    yield _gauge("rayscope_disk_full", "1 while nothing is taken for lack of room.", float(health.status == "disk_full"))
    folders = tuple(Sample(size, {"journal": name}) for name, size in services.journal_bytes().items())
    yield Metric("rayscope_journal_bytes", "gauge", "Size of the journals: what was accepted and may not be in its place yet.", folders)


def _collected(metrics: Metrics) -> Iterator[Metric]:
    """The metrics of the sessions, by session."""
    budgets = [(known.session, known.budget()) for known in metrics.store.known(None)]
    series = tuple(Sample(budget.series, {"session": session}) for session, budget in budgets)
    yield Metric("rayscope_metrics_series", "gauge", "Series that are kept, by session.", series)
    dropped = tuple(Sample(budget.dropped_series, {"session": session}) for session, budget in budgets)
    yield Metric("rayscope_metrics_left_out_series", "gauge", "Series that the budget has left out, by session.", dropped)
    lost = tuple(Sample(budget.dropped_samples, {"session": session}, "_total") for session, budget in budgets)
    yield Metric("rayscope_metrics_left_out_samples", "counter", "Samples of series that were left out, by session.", lost)
    refused = tuple(
        Sample(count, {"session": session, "reason": reason}, "_total") for session, budget in budgets for reason, count in sorted(budget.rejected.items())
    )
    yield Metric("rayscope_metrics_refused_samples", "counter", "Samples that were refused, by session and reason.", refused)


def _exports(states: list[ExportState]) -> Iterator[Metric]:
    """Remote write and OTLP, by destination."""
    labels = [{"kind": state.kind, "url": state.url} for state in states]
    pairs = list(zip(labels, states, strict=True))
    yield Metric("rayscope_export_lag_seconds", "gauge", "Age of what a destination does not have yet.", tuple(Sample(s.lag_s, own) for own, s in pairs))
    yield Metric("rayscope_export_up", "gauge", "1 while a destination takes what it is sent.", tuple(Sample(float(s.error is None), own) for own, s in pairs))
    yield Metric("rayscope_export_samples", "counter", "Samples that a destination has taken.", tuple(Sample(s.samples, own, "_total") for own, s in pairs))
    yield Metric("rayscope_export_retries", "counter", "Bodies that were sent again.", tuple(Sample(s.retries, own, "_total") for own, s in pairs))
    dropped = tuple(Sample(count, own | {"reason": reason}, "_total") for own, s in pairs for reason, count in sorted(s.dropped.items()))
    yield Metric("rayscope_export_dropped_samples", "counter", "Samples that a destination refused, by reason.", dropped)


def _gauge(name: str, help_text: str, value: float, **labels: str) -> Metric:
    return Metric(name, "gauge", help_text, (Sample(value, labels),))


def _counter(name: str, help_text: str, value: float) -> Metric:
    return Metric(name, "counter", help_text, (Sample(value, {}, "_total"),))


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text()
    except OSError:
        return None
