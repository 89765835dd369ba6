"""What the live screen shows of one moment. A figure that is not known is None, never 0."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class NodeRow(Struct, frozen=True, kw_only=True):
    """One node. Shares are between 0 and 1, speeds in bytes a second."""

    node_id: str
    name: str
    state: str
    cores: float | None = None
    cpu: float | None = None
    memory_used: float | None = None
    memory_total: float | None = None
    disk: float | None = None
    disk_read: float | None = None
    disk_written: float | None = None
    received: float | None = None
    sent: float | None = None
    store_used: float | None = None
    spilled: float | None = None
    load: float | None = None
    gpus: int = 0
    gpu: float | None = None

    @property
    def memory(self) -> float | None:
        """The share of its memory in use."""
        return self.memory_used / self.memory_total if self.memory_used is not None and self.memory_total else None


class WorkerRow(Struct, frozen=True, kw_only=True):
    """One of Ray's processes. ``cpu`` in cores, ``memory`` in bytes resident, ``unique`` to itself."""

    node_id: str
    node: str
    pid: int
    name: str
    kind: str
    worker_id: str | None
    cpu: float | None = None
    memory: float | None = None
    unique: float | None = None
    threads: float | None = None
    gpu_memory: float | None = None


class JobRow(Struct, frozen=True, kw_only=True):
    """One job; tasks by state where that was asked for."""

    job_id: str
    status: str
    entrypoint: str
    start_ns: int | None
    end_ns: int | None
    submission_id: str | None = None
    tasks: int | None = None
    finished: int | None = None
    running: int | None = None
    waiting: int | None = None
    failed: int | None = None


class FunctionRow(Struct, frozen=True, kw_only=True):
    """One function's or method's tasks, each counted once."""

    name: str
    type: str
    running: int
    waiting: int
    finished: int
    failed: int
    p50_ns: int | None
    total_ns: int | None


class GpuRow(Struct, frozen=True, kw_only=True):
    """One GPU. ``utilization`` is between 0 and 1, memory in bytes."""

    node_id: str
    node: str
    index: str
    model: str
    utilization: float | None = None
    memory_used: float | None = None
    memory_total: float | None = None
    temperature: float | None = None
    power: float | None = None


class Snapshot(Struct, frozen=True, kw_only=True):
    """All of it. ``notes`` say what is missing and what to do about it."""

    session: str
    is_live: bool
    at_ns: int
    nodes: list[NodeRow]
    workers: list[WorkerRow]
    jobs: list[JobRow]
    functions: list[FunctionRow]
    gpus: list[GpuRow]
    findings: list[str]
    notes: list[str]

    @property
    def totals(self) -> Mapping[str, int]:
        """Tasks running and waiting, and nodes."""
        return {
            "running": sum(row.running for row in self.functions),
            "waiting": sum(row.waiting for row in self.functions),
            "failed": sum(row.failed for row in self.functions),
            "nodes": len(self.nodes),
        }
