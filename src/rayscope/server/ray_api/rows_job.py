"""Jobs as Ray's JobDetails (``dashboard/modules/job/utils.py``)."""

from __future__ import annotations

import json
from typing import Any, Final

from rayscope.model.states import LOST
from rayscope.server.ray_api.times import int_ms
from rayscope.store.entity import Row

_STATUS: Final = {"FINISHED": "SUCCEEDED", LOST: "FAILED"}
"""Ray calls every driver that is gone SUCCEEDED, and has no word for one that vanished."""


def job_row(row: Row) -> Row:
    """A JobState. Ray keeps a driver's node and exit code for submitted jobs only, and zero as the end of a driver that runs."""
    submitted = row["type"] == "SUBMISSION"
    return {
        "type": row["type"],
        "job_id": row["job_id"],
        "submission_id": row["submission_id"],
        "driver_info": _driver(row),
        "status": _STATUS.get(row["status"], row["status"]),
        "entrypoint": row["entrypoint"] or "",
        "message": row["message"],
        "error_type": row["error_type"],
        "start_time": None if row["start_ns"] is None else int_ms(row["start_ns"], 0),
        "end_time": None if submitted and row["end_ns"] is None else int_ms(row["end_ns"], 0),
        "metadata": row["metadata"] or {},
        "runtime_env": _parsed(row["runtime_env"]),
        "driver_agent_http_address": None,
        "driver_node_id": row["driver_node_id"] if submitted else None,
        "driver_exit_code": row["driver_exit_code"] if submitted else None,
    }


def _driver(row: Row) -> Row | None:
    if row["job_id"] is None:
        return None
    return {"id": row["job_id"], "node_ip_address": row["driver_ip"] or "", "pid": str(row["driver_pid"] or 0)}


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:  # cut at the store's limit
        return {}
