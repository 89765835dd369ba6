"""A worker: one process that runs tasks, or a driver."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from rayscope.model.column import brief, detail


class Worker(Struct, frozen=True, kw_only=True):
    """One worker or driver process of a session."""

    session: Annotated[str, detail("Ray's session name", "id")]
    worker_id: Annotated[str, brief("Ray's worker id", "id")]
    state: Annotated[str, brief("ALIVE or DEAD")] = "ALIVE"
    worker_type: Annotated[str | None, brief("WORKER, DRIVER, SPILL_WORKER or RESTORE_WORKER")] = None
    exit_type: Annotated[str | None, brief("How it ended, e.g. SYSTEM_ERROR, INTENDED_USER_EXIT")] = None
    node_id: Annotated[str | None, brief("The node it ran on", "id")] = None
    ip: Annotated[str | None, brief("That node's address")] = None
    pid: Annotated[int | None, brief("Its process id")] = None
    job_id: Annotated[str | None, detail("The job it served, where known", "id")] = None
    exit_detail: Annotated[str | None, detail("Ray's words on its end")] = None
    launch_ns: Annotated[int | None, detail("When its start was asked for", "ns")] = None
    launched_ns: Annotated[int | None, detail("When its process was there", "ns")] = None
    start_ns: Annotated[int | None, detail("When it was ready", "ns")] = None
    end_ns: Annotated[int | None, detail("When it ended", "ns")] = None
    memory_used_bytes: Annotated[int | None, detail("Its memory at its end, where Ray says", "bytes")] = None
