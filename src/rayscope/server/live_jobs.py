"""A job's output and state while its cluster lives: from the store where an agent ships the driver's log, else from the cluster's own dashboard."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from msgspec import structs

from rayscope.errors import NotFound, Unavailable
from rayscope.query.job_logs import JobLogs, JobOutput
from rayscope.query.queries import Queries
from rayscope.query.sessions import ALL
from rayscope.server.dashboards import Dashboards
from rayscope.server.ray_api.resolve import resolve
from rayscope.store.entity import Row

_ASK_AGAIN_S: Final = 0.8
"""How long what a dashboard said of a job is taken for now."""

_OK: Final = 200


class LiveJobs:
    """Output of jobs of any cluster."""

    def __init__(self, queries: Queries, job_logs: JobLogs, dashboards: Dashboards) -> None:
        self._queries = queries
        self._stored = job_logs
        self._dashboards = dashboards
        self._said: dict[tuple[str, str], tuple[float, Row | None]] = {}

    async def output(self, session: str, wanted: str, stream: str | None, offset: int, length: int, headers: Mapping[str, str]) -> JobOutput:
        """Bytes of a driver's output from an offset on; see JobLogs.read. Raises NotFound, Ambiguous, UsageError."""
        stored = await self._read_stored(session, wanted, stream, offset, length)
        if stored is not None and stored.job["end_ns"] is not None:
            return stored
        name = stored.session if stored is not None else await asyncio.to_thread(resolve, self._queries, session)
        job = await self._ask_for(name, (stored.job["submission_id"] if stored is not None else wanted), headers)
        if stored is None:
            if job is None:
                raise NotFound(f"Job {wanted} does not exist", hint="`rayscope job list` shows them")
            stored = JobOutput(session=name, job=job, stream="out", streams=["out"], offset=0, data=b"", next_offset=0, size=0, is_known=False)
        if job is None:
            return stored
        found = structs.replace(stored, job=stored.job | {key: job[key] for key in ("status", "message", "driver_exit_code")})
        return found if found.is_known else await self._from_dashboard(found, str(job["submission_id"]), offset, length, headers)

    async def _read_stored(self, session: str, wanted: str, stream: str | None, offset: int, length: int) -> JobOutput | None:
        try:
            return await asyncio.to_thread(self._stored.read, session, wanted, stream, offset, length)
        except NotFound:
            if session == ALL:
                raise
            return None

    async def _ask_for(self, session: str, submission_id: str | None, headers: Mapping[str, str]) -> Row | None:
        """What the dashboard says of a submitted job; None where there is none, or it says nothing."""
        if submission_id is None:
            return None
        until, said = self._said.get((session, submission_id), (0.0, None))
        if time.monotonic() < until:
            return said
        said = _row(await self._get(session, f"/api/jobs/{quote(submission_id, safe='')}", headers), submission_id)
        self._said = {key: value for key, value in self._said.items() if value[0] > time.monotonic()}
        self._said[session, submission_id] = (time.monotonic() + _ASK_AGAIN_S, said)
        return said

    async def _from_dashboard(self, found: JobOutput, submission_id: str, offset: int, length: int, headers: Mapping[str, str]) -> JobOutput:
        """Ray gives a log as one text, however long: this is the way for clusters without agents only."""
        answer = await self._get(found.session, f"/api/jobs/{quote(submission_id, safe='')}/logs", headers)
        text = answer.get("logs") if isinstance(answer, dict) else None
        data = text.encode(errors="replace") if isinstance(text, str) else b""
        start = min(offset if offset >= 0 else max(len(data) + offset, 0), len(data))
        part = data[start : start + length]
        return structs.replace(found, offset=start, data=part, next_offset=start + len(part), size=len(data))

    async def _get(self, session: str, path: str, headers: Mapping[str, str]) -> Any:
        """An answer's JSON; None where there is none."""
        road = await self._dashboards.find(session, headers)
        if road is None:
            return None
        try:
            answer = await self._dashboards.ask(road, "GET", path, headers)
            return json.loads(answer.body) if answer.status == _OK else None
        except (Unavailable, ValueError):
            return None


def _row(said: Any, submission_id: str) -> Row | None:
    if not isinstance(said, dict) or said.get("type") != "SUBMISSION":
        return None
    return {
        "job_id": said.get("job_id"),
        "submission_id": said.get("submission_id") or submission_id,
        "status": said.get("status"),
        "message": said.get("message"),
        "driver_exit_code": said.get("driver_exit_code"),
        "end_ns": None,
    }
