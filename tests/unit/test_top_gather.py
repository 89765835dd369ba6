"""What the live screen makes of samples: nodes, processes and GPUs, by the agent's figures or, without them, by Ray's."""

from __future__ import annotations

from typing import Any

import pytest

from rayscope.cli.top.gather import Figures, _function, _gpus, _node, _workers
from rayscope.model.page import TaskGroup
from rayscope.model.prometheus import Sample

A, B = "a" * 56, "b" * 56
NAMES = {A: "head 10.0.0.1", B: "10.0.0.2"}
MIB = 1024**2


def figures(**metrics: list[tuple[float, dict[str, str]]]) -> Figures:
    """Samples by metric, of node A unless they say otherwise."""
    return Figures({name: [Sample(labels={"node": A} | labels, time_ms=0, value=value) for value, labels in samples] for name, samples in metrics.items()})


def node(found: Figures) -> Any:
    return _node({"node_id": A, "state": "ALIVE"}, NAMES, found)


def test_a_node_by_rays_figures_or_the_agents() -> None:
    """Ray's know a container's limits and come first; what nobody says is not known."""
    rays = figures(
        ray_node_cpu_utilization=[(50.0, {})], ray_node_mem_used=[(3.0, {})], ray_node_mem_total=[(4.0, {})], rayscope_node_memory_used_bytes=[(9.0, {})]
    )
    assert (node(rays).cpu, node(rays).memory, node(rays).disk, node(rays).gpus) == (0.5, 0.75, None, 0)
    agents = figures(
        rayscope_node_cpus=[(8.0, {})],
        rayscope_node_cpu_seconds_total=[(6.0, {"mode": "idle"})],
        rayscope_node_memory_used_bytes=[(1.0, {})],
        rayscope_node_memory_total_bytes=[(4.0, {})],
        rayscope_gpu_utilization_ratio=[(0.5, {"gpu": "0"}), (1.0, {"gpu": "1"}), (0.1, {"gpu": "0", "node": B})],
    )
    assert (node(agents).cpu, node(agents).memory, node(agents).gpus, node(agents).gpu) == (0.25, 0.25, 2, 0.75)
    store = figures(
        ray_object_store_memory=[(5.0, {"Location": "MMAP_SHM", "ObjectState": "SEALED"}), (2.0, {"Location": "MMAP_SHM"}), (7.0, {"Location": "SPILLED"})]
    )
    assert (node(store).store_used, node(store).spilled) == (7.0, 7.0)
    assert node(figures()).cpu is None


def test_processes_by_node_and_pid() -> None:
    """One row each, with all its figures; a sample without a pid is none, and GPU memory alone makes no row."""
    labels = {"pid": "18", "name": "ray::Cache", "kind": "worker", "worker_id": "w"}
    found = figures(
        rayscope_process_cpu_seconds_total=[(2.5, labels)],
        rayscope_process_resident_bytes=[(7.0, labels), (1.0, labels | {"node": B}), (3.0, {"name": "nobody"})],
        rayscope_gpu_process_memory_bytes=[(4.0, {"pid": "18", "gpu": "0"}), (5.0, {"pid": "18", "gpu": "1"}), (1.0, {"pid": "99"})],
    )
    rows = {(row.node, row.pid): row for row in _workers(NAMES, found)}
    assert rows.keys() == {("head 10.0.0.1", 18), ("10.0.0.2", 18)}
    row = rows["head 10.0.0.1", 18]
    assert (row.name, row.cpu, row.memory, row.gpu_memory, row.unique, row.worker_id) == ("Cache", 2.5, 7.0, 9.0, None, "w")


def test_gpus_by_the_agents_figures_or_rays() -> None:
    """Ray's are percent and megabytes."""
    (own,) = _gpus(NAMES, figures(rayscope_gpu_utilization_ratio=[(0.5, {"gpu": "1", "model": "H100"})], ray_node_gpus_utilization=[(90.0, {"GpuIndex": "0"})]))
    assert (own.index, own.model, own.utilization, own.memory_used) == ("1", "H100", 0.5, None)
    rays = {"GpuIndex": "0", "GpuDeviceName": "A100"}
    (row,) = _gpus(NAMES, figures(ray_node_gpus_utilization=[(90.0, rays)], ray_node_gram_used=[(10.0, rays)], ray_node_gram_available=[(30.0, rays)]))
    assert (row.model, row.utilization, row.memory_used, row.memory_total) == ("A100", 0.9, 10 * MIB, 40 * MIB)
    assert _gpus(NAMES, figures()) == []


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"RUNNING": 2, "RUNNING_IN_RAY_GET": 1, "FINISHED": 5}, (3, 0, 5, 0)),
        ({"PENDING_NODE_ASSIGNMENT": 4, "SUBMITTED_TO_WORKER": 1, "NIL": 9}, (0, 5, 0, 0)),
        ({"FAILED": 1, "LOST": 2}, (0, 0, 0, 3)),
    ],
)
def test_tasks_by_what_they_do(counts: dict[str, int], expected: tuple[int, ...]) -> None:
    """Running in any way, waiting for anything, ended well or badly; what nothing is known of counts nowhere."""
    row = _function(TaskGroup(name="f", type="NORMAL_TASK", state_counts=counts, tasks=sum(counts.values()), retries=0, p50_ns=None, p99_ns=None, total_ns=0))
    assert (row.running, row.waiting, row.finished, row.failed) == expected
