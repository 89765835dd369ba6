"""Job events into rows of `driver_job` and `submission`."""

from __future__ import annotations

import json

from rayscope.ingest.changes import Changes
from rayscope.ingest.entities import DRIVER_JOB, SUBMISSION
from rayscope.ingest.reducers.runtime_env import note_runtime_env
from rayscope.ray.events import (
    DriverJobDefinition,
    DriverJobLifecycle,
    JobConfig,
    RayEvent,
    SubmissionJobDefinition,
    SubmissionJobLifecycle,
    SubmissionJobTransition,
)
from rayscope.ray.ids import hex_or_none
from rayscope.ray.redact import redact, redact_json, redact_text
from rayscope.ray.times import parse_ns

_SUBMISSION_ENDS = frozenset({"STOPPED", "SUCCEEDED", "FAILED"})


def define_driver_job(changes: Changes, session_no: int, event: RayEvent, job: DriverJobDefinition) -> None:
    """Its driver and entrypoint: DRIVER_JOB_DEFINITION_EVENT."""
    if job.config is not None:
        note_runtime_env(changes, session_no, redact_json(job.config.serialized_runtime_env), event.timestamp)
    changes.add(
        DRIVER_JOB,
        {
            "session_no": session_no,
            "job_id": job.job_id.hex(),
            "entrypoint": redact_text(job.entrypoint) or None,
            "driver_pid": job.driver_pid or None,
            "driver_node_id": hex_or_none(job.driver_node_id),
            **_config(job.config),
        },
    )


def advance_driver_job(changes: Changes, session_no: int, event: RayEvent, job: DriverJobLifecycle) -> None:
    """Its driver came or went: DRIVER_JOB_LIFECYCLE_EVENT."""
    for item in job.state_transitions:
        column = "end_ns" if item.state == "FINISHED" else "start_ns"
        changes.add(DRIVER_JOB, {"session_no": session_no, "job_id": job.job_id.hex(), column: parse_ns(item.timestamp)})
        changes.ends |= item.state == "FINISHED"


def define_submission(changes: Changes, session_no: int, event: RayEvent, job: SubmissionJobDefinition) -> None:
    """What was submitted through the Jobs API: SUBMISSION_JOB_DEFINITION_EVENT."""
    row = {"session_no": session_no, "submission_id": job.submission_id, "entrypoint": redact_text(job.entrypoint) or None}
    changes.add(SUBMISSION, row | _config(job.config))


def advance_submission(changes: Changes, session_no: int, event: RayEvent, job: SubmissionJobLifecycle) -> None:
    """Pending, running, or ended and how: SUBMISSION_JOB_LIFECYCLE_EVENT."""
    for item in job.state_transitions:
        row = {"session_no": session_no, "submission_id": job.submission_id, "driver_node_id": hex_or_none(item.driver_node_id)}
        changes.add(SUBMISSION, row | _status(item))


def _status(item: SubmissionJobTransition) -> dict[str, object]:
    ns = parse_ns(item.timestamp)
    if item.state not in _SUBMISSION_ENDS:
        return {"running_ns" if item.state == "RUNNING" else "pending_ns": ns}
    return {
        "latest_ns": ns,
        "end_ns": ns,
        "end_status": item.state,
        "message": redact_text(item.message) or None,
        "error_type": item.error_type or None,
        "driver_exit_code": item.driver_exit_code,
    }


def _config(config: JobConfig | None) -> dict[str, object]:
    if config is None:
        return {}
    return {"runtime_env": redact_json(config.serialized_runtime_env), "metadata": json.dumps(redact(config.metadata), sort_keys=True)}
