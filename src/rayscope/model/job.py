"""A job: one driver, submitted or not. A submission: one entry of Ray's Jobs API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
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


class DriverOutput(Struct, frozen=True, kw_only=True):
    """A stretch of one stream of what a job's driver printed. Offsets count the stream's bytes from its beginning; ``size`` is what is there so far."""

    session: str
    job_id: str | None
    submission_id: str | None
    status: str
    message: str | None
    exit_code: int | None
    is_terminal: bool
    stream: str
    streams: list[str]
    offset: int
    next_offset: int
    size: int
    lost_bytes: int
    data: bytes


def read_driver_output(headers: Mapping[str, str], data: bytes) -> DriverOutput:
    """An answer of /api/v1/jobs/<id>/logs: its headers, by lower-case names, and its body."""

    def said(name: str) -> str:
        return headers[f"x-rayscope-{name}"]

    return DriverOutput(
        session=msgspec.json.decode(said("session"), type=str),
        job_id=msgspec.json.decode(said("job-id"), type=str | None),
        submission_id=msgspec.json.decode(said("submission-id"), type=str | None),
        status=said("job-status"),
        message=msgspec.json.decode(said("job-message"), type=str | None),
        exit_code=int(said("job-exit-code")) if said("job-exit-code") else None,
        is_terminal=said("job-terminal") == "true",
        stream=said("stream"),
        streams=said("streams").split(","),
        offset=int(said("offset")),
        next_offset=int(said("next-offset")),
        size=int(said("size")),
        lost_bytes=int(said("lost-bytes")),
        data=data,
    )
