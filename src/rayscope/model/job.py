"""A job: one driver, submitted or not. A submission: one entry of Ray's Jobs API."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from rayscope.model.column import brief, detail


class Job(Struct, frozen=True, kw_only=True):
    """One driver of a session, or a submission whose driver has not started."""

    session: Annotated[str, detail("Ray's session name", "id")]
    job_id: Annotated[str | None, brief("Ray's job id; null while a submission has no driver", "id")] = None
    submission_id: Annotated[str | None, brief("The Jobs API's id, if it was submitted", "id")] = None
    entrypoint: Annotated[str | None, brief("The command that runs the driver")] = None
    type: Annotated[str, brief("DRIVER or SUBMISSION")] = "DRIVER"
    status: Annotated[str, brief("PENDING, RUNNING, SUCCEEDED, FAILED, STOPPED, FINISHED (exit code unknown) or LOST")] = "RUNNING"
    message: Annotated[str | None, brief("Why it has this status")] = None
    error_type: Annotated[str | None, brief("Ray's error type, if it failed")] = None
    driver_pid: Annotated[int | None, detail("The driver's process id")] = None
    driver_node_id: Annotated[str | None, detail("The driver's node", "id")] = None
    driver_ip: Annotated[str | None, detail("The driver's address")] = None
    driver_exit_code: Annotated[int | None, detail("The driver's exit code, where known")] = None
    stdout_path: Annotated[str | None, detail("Where `rayscope run` keeps the driver's stdout")] = None
    stderr_path: Annotated[str | None, detail("Where it keeps the driver's stderr")] = None
    start_ns: Annotated[int | None, detail("When it started", "ns")] = None
    end_ns: Annotated[int | None, detail("When it ended", "ns")] = None
    duration_ns: Annotated[int | None, detail("How long it ran", "duration_ns")] = None
    metadata: Annotated[dict[str, str] | None, detail("Its metadata")] = None
    runtime_env: Annotated[str | None, detail("Its runtime env as JSON, secrets redacted")] = None
