"""Samples for the browser tests: what Ray and an agent tell of the ended session, and what its program tells of itself, once a second."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from browser.histories import ENDED
from support.events import at
from support.ids import node_id, worker_id
from support.metrics import AgentBodies, FrozenLabels, Series, key

SECONDS = 31
FULL_FROM = 5
"""From then on the node is nearly out of memory, which is a finding."""
SHARDS = 200
"""Series of one metric: as many as a legend must bear."""
_GIB = 2**30
_IP = "10.0.0.1"
FAMILIES = (
    ("ray_node_cpu_utilization", "gauge", "Total CPU usage on a ray node", ""),
    ("ray_tasks", "gauge", "Current number of tasks currently in a particular state.", ""),
    ("ray_rows_cleaned_total", "counter", "Rows that passed the checks", ""),
    ("ray_batch_wait_s", "histogram", "How long a batch was waited for", ""),
    ("ray_queue_depth", "gauge", "Batches that wait to be trained on", ""),
    ("ray_shard_rows", "gauge", "Rows of each shard", ""),
)
_PROCESS_FAMILIES = (
    ("rayscope_process_cpu_seconds_total", "counter", "Processor time of a process.", "seconds"),
    ("rayscope_process_resident_bytes", "gauge", "Memory of a process, what it shares among it.", "bytes"),
    ("rayscope_process_unique_bytes", "gauge", "Memory of a process that it shares with none.", "bytes"),
    ("rayscope_process_threads", "gauge", "Threads of a process.", ""),
    ("rayscope_process_open_files", "gauge", "Open files of a process, sockets and pipes among them.", ""),
)
_BOUNDS = ("0.1", "0.5", "1.0", "+Inf")


def told() -> Iterator[bytes]:
    """The bodies of an agent that scraped Ray's exporter and sampled processes over the session's life."""
    bodies = AgentBodies(ENDED, node_id(1).hex())
    times = [at(second) // 1_000_000 for second in range(SECONDS)]
    yield bodies.body(*((time, _of_ray(second)) for second, time in enumerate(times)), families=FAMILIES)
    yield bodies.body(*((time, _of_processes(second)) for second, time in enumerate(times)), families=_PROCESS_FAMILIES, instance=_IP, job="rayscope")


def _of_ray(second: int) -> Mapping[Series, float]:
    wave = math.sin(second / 5)
    node: dict[Series, float] = {
        _ray("node_cpu_utilization"): 40 + 30 * wave,
        _ray("node_mem_used"): (20 if second < FULL_FROM else 62) * _GIB,
        _ray("node_mem_total"): 64 * _GIB,
        _ray("node_disk_usage"): 300 * _GIB,
        _ray("node_disk_free"): 100 * _GIB,
        _ray("node_disk_io_read_speed"): 2e6,
        _ray("node_disk_io_write_speed"): 1e6,
        _ray("node_network_receive_speed"): 4e6 + 3e6 * wave,
        _ray("node_network_send_speed"): 1e6,
        _ray("object_store_memory", Location="MMAP_SHM"): (3 + wave) * _GIB,
        _ray("object_store_memory", Location="SPILLED"): 0.0,
        _ray("spill_manager_objects_bytes", State="PendingSpill"): 0.0,
        _ray("resources", Name="object_store_memory", State="AVAILABLE"): 8 * _GIB,
        _ray("tasks", State="RUNNING", Name="short", JobId="01000000", IsRetry="0", Source="executor"): 3.0,
        _ray("tasks", State="PENDING_NODE_ASSIGNMENT", Name="short", JobId="01000000", IsRetry="0", Source="owner"): float(max(0, 20 - second)),
        _ray("actors", State="ALIVE", Source="gcs", JobId="01000000"): float(second < 9),
    }
    return node | _of_user(second) | {_ray("shard_rows", shard=f"s{number:03d}"): 100.0 + number + 5 * wave for number in range(SHARDS)}


def _of_user(second: int) -> dict[Series, float]:
    worker = {"Component": "core_worker", "WorkerId": worker_id(1).hex()}
    rows: dict[Series, float] = {_ray("rows_cleaned_total", kind=kind, **worker): float(pace * second) for kind, pace in (("train", 120), ("eval", 40))}
    depth: dict[Series, float] = {_ray("queue_depth", queue=queue, **worker): float((second * step) % 9) for queue, step in (("a", 1), ("b", 2))}
    waits: dict[Series, float] = {_ray("batch_wait_s_bucket", le=bound, **worker): float(second * number) for number, bound in enumerate(_BOUNDS, 1)}
    ends: dict[Series, float] = {_ray("batch_wait_s_sum", **worker): second * 1.5, _ray("batch_wait_s_count", **worker): float(second * len(_BOUNDS))}
    return rows | depth | waits | ends


def _of_processes(second: int) -> Mapping[Series, float]:
    found: dict[Series, float] = {}
    for number, name in ((1, "ray::preprocess"), (2, "ray::Counter")):
        process = FrozenLabels({"pid": str(9000 + number), "worker_id": worker_id(number).hex(), "name": name})
        for metric, value in (
            ("cpu_seconds_total", 0.8 * second),
            ("resident_bytes", _GIB * (1 + second / 30)),
            ("unique_bytes", _GIB / 2),
            ("threads", 42),
            ("open_files", 120 + second),
        ):
            found["rayscope_process_" + metric, process] = float(value)
    return found


def _ray(name: str, **labels: str) -> Series:
    return key("ray_" + name, ip=_IP, Version="2.60.0", SessionName=ENDED, **labels)
