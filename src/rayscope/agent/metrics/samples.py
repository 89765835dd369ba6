"""What the agent samples itself: the names of its metrics with what they say, and a sample's shape."""

from __future__ import annotations

from typing import Dict, List, NamedTuple

from rayscope.agent.metrics.exposition import Family


class Sample(NamedTuple):
    """One value of a metric."""

    name: str
    value: float
    labels: Dict[str, str] = {}  # noqa: RUF012 never changed


def _gauge(name: str, help_: str, unit: str = "") -> Family:
    return Family(name, "gauge", help_, unit)


def _counter(name: str, help_: str, unit: str = "") -> Family:
    return Family(name, "counter", help_, unit)


FAMILIES: List[Family] = [
    _gauge("up", "1 where the last scrape of the target succeeded, else 0."),
    _gauge("scrape_duration_seconds", "How long the scrape took.", "seconds"),
    _gauge("scrape_samples_scraped", "Samples that the target gave."),
    _gauge("rayscope_node_cpus", "Processors of the host."),
    _counter("rayscope_node_cpu_seconds_total", "Processor time of the host by mode, all processors together.", "seconds"),
    _gauge("rayscope_node_load1", "Processes that run or wait to, over 1 minute."),
    _gauge("rayscope_node_load5", "Processes that run or wait to, over 5 minutes."),
    _gauge("rayscope_node_load15", "Processes that run or wait to, over 15 minutes."),
    _gauge("rayscope_node_memory_total_bytes", "Memory of the host.", "bytes"),
    _gauge("rayscope_node_memory_available_bytes", "Memory that can be had without swapping.", "bytes"),
    _gauge("rayscope_node_memory_used_bytes", "Memory in use: the total without what is available.", "bytes"),
    _gauge("rayscope_node_memory_shared_bytes", "Shared memory, the object store's among it.", "bytes"),
    _gauge("rayscope_node_swap_used_bytes", "Swap in use.", "bytes"),
    _gauge("rayscope_node_cgroup_memory_limit_bytes", "Memory that the container may have, where it has a limit.", "bytes"),
    _gauge("rayscope_node_cgroup_memory_used_bytes", "Memory that the container has, without files that can be dropped.", "bytes"),
    _counter("rayscope_node_pressure_seconds_total", "Time in which some process waited for the resource (cpu, memory, io).", "seconds"),
    _counter("rayscope_node_disk_read_bytes_total", "Bytes read from a device.", "bytes"),
    _counter("rayscope_node_disk_written_bytes_total", "Bytes written to a device.", "bytes"),
    _counter("rayscope_node_disk_io_seconds_total", "Time in which a device was busy.", "seconds"),
    _gauge("rayscope_node_filesystem_size_bytes", "Size of a file system.", "bytes"),
    _gauge("rayscope_node_filesystem_available_bytes", "Room in a file system for those who are not root.", "bytes"),
    _counter("rayscope_node_network_received_bytes_total", "Bytes that came over a network device.", "bytes"),
    _counter("rayscope_node_network_transmitted_bytes_total", "Bytes that went over a network device.", "bytes"),
    _counter("rayscope_process_cpu_seconds_total", "Processor time of a process.", "seconds"),
    _gauge("rayscope_process_resident_bytes", "Memory of a process, what it shares among it.", "bytes"),
    _gauge("rayscope_process_unique_bytes", "Memory of a process that it shares with none: what its end would free. Sampled every 30 s.", "bytes"),
    _gauge("rayscope_process_threads", "Threads of a process."),
    _gauge("rayscope_process_open_files", "Open files of a process, sockets and pipes among them."),
    _counter("rayscope_agent_rejected_lines_total", "Lines of a target's pages that were not taken, by reason."),
    _counter("rayscope_agent_dropped_scrapes_total", "Scrapes that were dropped before the server had them, by reason."),
    _gauge("rayscope_gpu_utilization_ratio", "Share of the last moments in which the GPU computed, from 0 to 1.", "ratio"),
    _gauge("rayscope_gpu_memory_used_bytes", "Memory of a GPU in use.", "bytes"),
    _gauge("rayscope_gpu_memory_total_bytes", "Memory of a GPU.", "bytes"),
    _gauge("rayscope_gpu_temperature_celsius", "Temperature of a GPU.", "celsius"),
    _gauge("rayscope_gpu_power_watts", "Power that a GPU draws.", "watts"),
    _gauge("rayscope_gpu_process_memory_bytes", "Memory of a GPU that a process has.", "bytes"),
]
