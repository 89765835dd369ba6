"""Worker events into rows of `worker`."""

from __future__ import annotations

from rayscope.ingest.changes import Changes
from rayscope.ingest.entities import WORKER
from rayscope.ingest.reducers.task import clean
from rayscope.ray.events import RayEvent, WorkerDefinition, WorkerLifecycle, WorkerTransition
from rayscope.ray.ids import hex_or_none
from rayscope.ray.times import from_ms, parse_ns


def define_worker(changes: Changes, session_no: int, event: RayEvent, worker: WorkerDefinition) -> None:
    """Its node, kind and pid: WORKER_DEFINITION_EVENT."""
    changes.add(
        WORKER,
        {
            "session_no": session_no,
            "worker_id": worker.worker_id.hex(),
            "worker_type": str(worker.worker_type),
            "node_id": hex_or_none(worker.node_id),
            "pid": worker.pid or None,
        },
    )


def advance_worker(changes: Changes, session_no: int, event: RayEvent, worker: WorkerLifecycle) -> None:
    """Started, or dead with a reason: WORKER_LIFECYCLE_EVENT."""
    for item in worker.state_transitions:
        row = {
            "session_no": session_no,
            "worker_id": worker.worker_id.hex(),
            "job_id": hex_or_none(worker.job_id),
            "node_id": hex_or_none(event.node_id),
            "launch_ns": from_ms(item.worker_launch_time_ms),
            "launched_ns": from_ms(item.worker_launched_time_ms),
            "start_ns": from_ms(item.start_time_ms),
        }
        changes.add(WORKER, row | (_death(item) if item.state == "DEAD" else {}))
        changes.ends |= item.state == "DEAD"


def _death(item: WorkerTransition) -> dict[str, object]:
    info = item.death_info
    return {
        "end_ns": from_ms(item.end_time_ms) or parse_ns(item.timestamp),
        "exit_type": str(info.exit_type) if info else None,
        "exit_detail": clean(info.exit_detail) if info else None,
        "memory_used_bytes": (info.memory_used_bytes or None) if info else None,
    }
