"""Asking the server for what the live screen shows: states of the store, figures in PromQL."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from rayscope import prometheus
from rayscope.cli.top.snapshot import FunctionRow, GpuRow, JobRow, NodeRow, Snapshot, WorkerRow
from rayscope.client import Client
from rayscope.errors import PromqlError, RayscopeError, ServerUnreachable, Unauthorized
from rayscope.model.page import TaskGroup
from rayscope.model.progress import Progress
from rayscope.model.prometheus import NAME, Sample
from rayscope.query.labels import node_label
from rayscope.query.request import ListRequest

_JOBS_ASKED: Final = 8
"""Jobs of which the progress is asked for, the newest: each is a question of its own."""

_ROWS: Final = 500
_LAST_S: Final = 60
_NS_A_MS: Final = 1_000_000

_GAUGES: Final = (
    *("ray_node_cpu_utilization", "ray_node_cpu_count", "ray_node_mem_used", "ray_node_mem_total", "ray_node_disk_utilization_percentage"),
    *("ray_node_disk_io_read_speed", "ray_node_disk_io_write_speed", "ray_node_network_receive_speed", "ray_node_network_send_speed"),
    *("ray_object_store_memory", "ray_node_gpus_utilization", "ray_node_gram_used", "ray_node_gram_available"),
    *("rayscope_node_cpus", "rayscope_node_load1", "rayscope_node_memory_used_bytes", "rayscope_node_memory_total_bytes"),
    *("rayscope_gpu_utilization_ratio", "rayscope_gpu_memory_used_bytes", "rayscope_gpu_memory_total_bytes", "rayscope_gpu_temperature_celsius"),
    *("rayscope_gpu_power_watts", "rayscope_gpu_process_memory_bytes"),
    *("rayscope_process_resident_bytes", "rayscope_process_unique_bytes", "rayscope_process_threads"),
)
_RATES: Final = ("rayscope_process_cpu_seconds_total", 'rayscope_node_cpu_seconds_total{mode="idle"}')
_WITHOUT: Final = "no metrics of this session are here: an agent scrapes them (`rayscope run` starts one, `rayscope attach` puts one on a running cluster)"
_RUNNING: Final = ("RUNNING", "RUNNING_IN_RAY_GET", "RUNNING_IN_RAY_WAIT")


class Figures(Struct, frozen=True):
    """Samples by the name of their metric; of a rate by that of its counter."""

    by_name: Mapping[str, Sequence[Sample]]

    def of(self, name: str) -> Sequence[Sample]:
        """The samples of a name."""
        return self.by_name.get(name, ())

    def node(self, name: str, node_id: str, **labels: str) -> float | None:
        """The sum over a node's samples of a name, None where there are none."""
        found = [one.value for one in self.of(name) if one.labels.get("node") == node_id and all(one.labels.get(key) == value for key, value in labels.items())]
        return sum(found) if found else None


def gather(client: Client, session: str) -> Snapshot:
    """One moment of a session; of one that has ended its last. Raises NotFound, ServerUnreachable, Unauthorized."""
    row = client.get("sessions", session)[0] if session != "latest" else _newest(client)
    name, ended_ns = str(row["session"]), row["ended_ns"]
    at_ns = time.time_ns() if ended_ns is None else int(ended_ns)
    figures, notes = _figures(client, name, at_ns // _NS_A_MS, is_live=ended_ns is None)
    nodes = _page(client, "nodes", name, columns="node_id,node_ip,node_name,is_head_node,state")
    names = {node["node_id"]: node_label(node["node_id"], node) for node in nodes}
    return Snapshot(
        session=name,
        is_live=ended_ns is None,
        at_ns=at_ns,
        nodes=[_node(node, names, figures) for node in nodes if node["state"] == "ALIVE" or ended_ns is not None],
        workers=_workers(names, figures),
        jobs=_jobs(client, name),
        functions=[_function(group) for group in client.task_summary(name).groups],
        gpus=_gpus(names, figures),
        findings=_findings(client, name),
        notes=notes,
    )


def _newest(client: Client) -> dict[str, Any]:
    rows = client.page(ListRequest(resource="sessions", limit=1, columns="session,ended_ns")).rows
    return rows[0] if rows else client.get("sessions", "latest")[0]


def _page(client: Client, resource: str, session: str, **asked: Any) -> list[dict[str, Any]]:
    return client.page(ListRequest(resource=resource, session=session, limit=_ROWS, **asked)).rows


def _figures(client: Client, session: str, at_ms: int, *, is_live: bool) -> tuple[Figures, list[str]]:
    """The samples that all views need, and what is missing."""
    found: defaultdict[str, list[Sample]] = defaultdict(list)
    try:
        for one in _samples(client, f'{{__name__=~"{"|".join(_GAUGES)}"}}', session, at_ms, is_live=is_live):
            found[one.labels.get(NAME, "")].append(one)
        for counter in _RATES:
            found[counter.partition("{")[0]] += _samples(client, f"rate({counter}[30s])", session, at_ms, is_live=is_live)
    except (ServerUnreachable, Unauthorized):
        raise
    except (PromqlError, RayscopeError) as error:
        return Figures(found), [f"metrics cannot be asked for: {error.message}"]
    return Figures(found), [] if any(found.values()) else [_WITHOUT]


def _samples(client: Client, text: str, session: str, at_ms: int, *, is_live: bool) -> list[Sample]:
    """The values now; of a session that has ended the last ones in its last minute, when some of its series have ended already."""
    if is_live:
        return prometheus.query(client, text, at_ms, session).samples
    series = prometheus.query_range(client, text, at_ms - _LAST_S * 1000, at_ms, 5000, session).series
    return [Sample(labels=one.labels, time_ms=one.times_ms[-1], value=one.values[-1]) for one in series if one.times_ms]


def _node(node: Mapping[str, Any], names: Mapping[str, str], figures: Figures) -> NodeRow:
    node_id = str(node["node_id"])

    def value(*metrics: str, **labels: str) -> float | None:
        return next((found for name in metrics if (found := figures.node(name, node_id, **labels)) is not None), None)

    cores, busy, idle = value("rayscope_node_cpus", "ray_node_cpu_count"), value("ray_node_cpu_utilization"), value("rayscope_node_cpu_seconds_total")
    disk = value("ray_node_disk_utilization_percentage")
    gpus = [one.value for one in figures.of("rayscope_gpu_utilization_ratio") if one.labels.get("node") == node_id]
    gpus = gpus or [one.value / 100 for one in figures.of("ray_node_gpus_utilization") if one.labels.get("node") == node_id]
    return NodeRow(
        node_id=node_id,
        name=names[node_id],
        state=node["state"],
        cores=cores,
        cpu=busy / 100 if busy is not None else max(1 - idle / cores, 0.0) if idle is not None and cores else None,
        memory_used=value("ray_node_mem_used", "rayscope_node_memory_used_bytes"),
        memory_total=value("ray_node_mem_total", "rayscope_node_memory_total_bytes"),
        disk=None if disk is None else disk / 100,
        disk_read=value("ray_node_disk_io_read_speed"),
        disk_written=value("ray_node_disk_io_write_speed"),
        received=value("ray_node_network_receive_speed"),
        sent=value("ray_node_network_send_speed"),
        store_used=value("ray_object_store_memory", Location="MMAP_SHM"),
        spilled=value("ray_object_store_memory", Location="SPILLED"),
        load=value("rayscope_node_load1"),
        gpus=len(gpus),
        gpu=sum(gpus) / len(gpus) if gpus else None,
    )


_Key = tuple[str, int]


def _workers(names: Mapping[str, str], figures: Figures) -> list[WorkerRow]:
    """Ray's processes, by node and pid; a pid's newest title is its name."""
    by_key: dict[_Key, dict[str, float]] = defaultdict(dict)
    labels: dict[_Key, Mapping[str, str]] = {}
    metrics = {
        "rayscope_process_cpu_seconds_total": "cpu",
        "rayscope_process_resident_bytes": "memory",
        "rayscope_process_unique_bytes": "unique",
        "rayscope_process_threads": "threads",
        "rayscope_gpu_process_memory_bytes": "gpu_memory",
    }
    for metric, field in metrics.items():
        for one in figures.of(metric):
            key = _key(one.labels)
            if key is not None:
                by_key[key][field] = by_key[key].get(field, 0.0) + one.value if field == "gpu_memory" else one.value
                if field != "gpu_memory":
                    labels[key] = one.labels
    return [
        WorkerRow(
            node_id=key[0],
            node=names.get(key[0], key[0][:8]),
            pid=key[1],
            name=labels[key].get("name", "").removeprefix("ray::") or "?",
            kind=labels[key].get("kind", ""),
            worker_id=labels[key].get("worker_id"),
            **values,
        )
        for key, values in by_key.items()
        if key in labels
    ]


def _key(labels: Mapping[str, str]) -> _Key | None:
    pid = labels.get("pid", "")
    return (labels.get("node", ""), int(pid)) if pid.isdigit() else None


def _gpus(names: Mapping[str, str], figures: Figures) -> list[GpuRow]:
    """By the agent's own figures, or else by Ray's."""
    sampled = {
        "rayscope_gpu_utilization_ratio": "utilization",
        "rayscope_gpu_memory_used_bytes": "memory_used",
        "rayscope_gpu_memory_total_bytes": "memory_total",
        "rayscope_gpu_temperature_celsius": "temperature",
        "rayscope_gpu_power_watts": "power",
    }
    found: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
    for metric, field in sampled.items():
        for one in figures.of(metric):
            found[one.labels.get("node", ""), one.labels.get("gpu", "?")] |= {field: one.value, "model": one.labels.get("model", "")}
    if not found:
        _take_rays(found, figures)
    return [GpuRow(node_id=node, node=names.get(node, node[:8]), index=index, **values) for (node, index), values in sorted(found.items())]


def _take_rays(found: dict[tuple[str, str], dict[str, Any]], figures: Figures) -> None:
    """Ray's figures of GPUs: percent, and megabytes."""
    for one in figures.of("ray_node_gpus_utilization"):
        key = (one.labels.get("node", ""), one.labels.get("GpuIndex", "?"))
        found[key] |= {"utilization": one.value / 100, "model": one.labels.get("GpuDeviceName", "")}
    memory: dict[tuple[str, str], list[float]] = {}
    for at, metric in enumerate(("ray_node_gram_used", "ray_node_gram_available")):
        for one in figures.of(metric):
            key = (one.labels.get("node", ""), one.labels.get("GpuIndex", "?"))
            memory.setdefault(key, [0.0, 0.0])[at] = one.value * 1024 * 1024
    for key, (used, free) in memory.items():
        found[key] |= {"memory_used": used, "memory_total": used + free, "model": found[key].get("model", "")}


def _jobs(client: Client, session: str) -> list[JobRow]:
    rows = _page(client, "jobs", session, columns="job_id,submission_id,status,entrypoint,start_ns,end_ns", sort="-start_ns")
    return [_job(client, session, row, asked=at < _JOBS_ASKED) for at, row in enumerate(rows)]


def _job(client: Client, session: str, row: Mapping[str, Any], *, asked: bool) -> JobRow:
    progress = _progress(client, session, row["job_id"]) if asked and row["job_id"] else None
    return JobRow(
        job_id=row["job_id"] or "-",
        submission_id=row["submission_id"],
        status=row["status"],
        entrypoint=row["entrypoint"] or "",
        start_ns=row["start_ns"],
        end_ns=row["end_ns"],
        tasks=progress.tasks if progress else None,
        finished=progress.finished if progress else None,
        running=progress.running if progress else None,
        waiting=progress.waiting if progress else None,
        failed=progress.failed + progress.lost if progress else None,
    )


def _progress(client: Client, session: str, job_id: str) -> Progress | None:
    status, content = client.exchange("GET", f"/api/v1/jobs/{job_id}/progress?session={session}")
    try:
        return msgspec.json.decode(content, type=Progress) if status == 200 else None  # noqa: PLR2004 found
    except msgspec.DecodeError:
        return None


def _function(group: TaskGroup) -> FunctionRow:
    counts = dict(group.state_counts)
    running = sum(counts.pop(state, 0) for state in _RUNNING)
    finished, failed = counts.pop("FINISHED", 0), counts.pop("FAILED", 0) + counts.pop("LOST", 0)
    return FunctionRow(
        name=group.name or "?",
        type=group.type or "",
        running=running,
        waiting=sum(count for state, count in counts.items() if state != "NIL"),
        finished=finished,
        failed=failed,
        p50_ns=group.p50_ns,
        total_ns=group.total_ns,
    )


def _findings(client: Client, session: str) -> list[str]:
    """Titles of what goes on or was found; nothing where that cannot be told."""
    try:
        return [one.title for one in client.findings(session).findings]
    except (ServerUnreachable, Unauthorized):
        raise
    except RayscopeError:
        return []
