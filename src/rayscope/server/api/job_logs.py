"""GET /api/v1/jobs/<id>/logs: what a job's driver printed, by byte offset."""

from __future__ import annotations

import json
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery

from rayscope.query.job_logs import JobOutput
from rayscope.query.sessions import LATEST
from rayscope.server.ray_api.jobs import headers_of
from rayscope.server.services import Services
from rayscope.store.limits import MIB

_MOST_BYTES = 4 * MIB


@get("/api/v1/jobs/{wanted:str}/logs")
async def get_driver_output(
    request: Request[Any, Any, State],
    state: State,
    wanted: FromPath[str],
    session: FromQuery[str] = LATEST,
    stream: FromQuery[str | None] = None,
    offset: FromQuery[int] = 0,
    limit: FromQuery[int] = 1048576,
) -> Response[bytes]:
    """Bytes of the driver's output from an offset on, and in headers how the job is."""
    services: Services = state.services
    found = await services.live_jobs.output(session, wanted, stream, offset, min(max(limit, 1), _MOST_BYTES), headers_of(request, services))
    return Response(found.data, media_type="application/octet-stream", headers=_headers(found))


def _headers(found: JobOutput) -> dict[str, str]:
    """Texts as ASCII JSON: a header takes no other."""
    job = found.job
    texts: dict[str, Any] = {"Session": found.session, "Job-Id": job["job_id"], "Submission-Id": job["submission_id"], "Job-Message": job["message"]}
    values = {
        "Offset": found.offset,
        "Next-Offset": found.next_offset,
        "Size": found.size,
        "Lost-Bytes": found.lost_bytes,
        "File-State": "open" if found.is_open else "ended",
        "Stream": found.stream,
        "Streams": ",".join(found.streams),
        "Job-Status": job["status"],
        "Job-Terminal": str(found.is_terminal).lower(),
        "Job-Exit-Code": "" if job["driver_exit_code"] is None else job["driver_exit_code"],
    }
    return {f"X-Rayscope-{name}": json.dumps(text) for name, text in texts.items()} | {f"X-Rayscope-{name}": str(value) for name, value in values.items()}
