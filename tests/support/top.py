"""A moment of a cluster for the live screen: nodes, workers, jobs, functions, GPUs, with something unknown everywhere."""

from __future__ import annotations

from typing import Any

from rayscope.cli.top.snapshot import FunctionRow, GpuRow, JobRow, NodeRow, Snapshot, WorkerRow

GIB = 1024**3
A, B, C = (letter * 56 for letter in "abc")
AT_NS = 1_795_521_600_000_000_000


def snapshot(**changed: Any) -> Snapshot:
    """One moment, in which whatever is named is otherwise."""
    whole: dict[str, Any] = {
        "session": "session_2026-11-24_12-00-00_000001_1",
        "is_live": True,
        "at_ns": AT_NS,
        "nodes": [
            NodeRow(
                node_id=A,
                name="head 10.0.0.1",
                state="ALIVE",
                cores=8,
                cpu=0.97,
                memory_used=60 * GIB,
                memory_total=64 * GIB,
                disk=0.4,
                disk_read=1e6,
                disk_written=2e6,
                received=5e6,
                sent=3e6,
                store_used=2 * GIB,
                spilled=0,
                load=12.5,
                gpus=2,
                gpu=0.5,
            ),
            NodeRow(node_id=B, name="a-node-with-a-very-long-name.example.com", state="ALIVE", cores=8, cpu=0.1, memory_used=GIB, memory_total=64 * GIB),
            NodeRow(node_id=C, name="10.0.0.3", state="ALIVE"),
        ],
        "workers": [
            WorkerRow(
                node_id=A,
                node="head 10.0.0.1",
                pid=4000 + at,
                name=f"Trainer.step_{at}",
                kind="worker",
                worker_id=f"{at:056x}",
                cpu=at / 10,
                memory=at * GIB / 8,
                unique=at * GIB / 16,
                threads=30,
            )
            for at in range(40)
        ],
        "jobs": [
            JobRow(job_id="01000000", status="RUNNING", entrypoint="/usr/bin/python /home/me/train.py --epochs 3", start_ns=AT_NS - 10**11, end_ns=None,
                   tasks=70, finished=50, running=8, waiting=11, failed=1),
            JobRow(job_id="02000000", status="FAILED", entrypoint="python other.py", start_ns=AT_NS - 10**12, end_ns=AT_NS - 10**11),
        ],
        "functions": [
            FunctionRow(name="train", type="NORMAL_TASK", running=8, waiting=11, finished=50, failed=1, p50_ns=1_200_000_000, total_ns=60_000_000_000),
            FunctionRow(name="[31mred\x1b[0m", type="NORMAL_TASK", running=0, waiting=0, finished=5, failed=0, p50_ns=None, total_ns=None),
        ],
        "gpus": [
            GpuRow(node_id=A, node="head 10.0.0.1", index="0", model="NVIDIA H100", utilization=1.0, memory_used=70 * GIB,
                   memory_total=80 * GIB, temperature=61, power=640),
            GpuRow(node_id=A, node="head 10.0.0.1", index="1", model="NVIDIA H100"),
        ],
        "findings": ["node head 10.0.0.1 is at 94% of its memory", "another"],
        "notes": [],
    }  # fmt: skip
    return Snapshot(**(whole | changed))
