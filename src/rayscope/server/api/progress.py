"""GET /api/v1/progress, failures, jobs/…: how far a session or a job has come, what failed, what became of it, and the runs before."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, get
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, QueryParameter

from rayscope.model.progress import Comparison, Failures, JobAnswer, JobRuns, Progress
from rayscope.query.sessions import LATEST
from rayscope.server.api.views import At, Filters, services_of, view_of

Job = Annotated[str | None, QueryParameter(name="job", description="a job's or submission's id; without it the whole session")]


@get("/progress", sync_to_thread=True)
def get_progress(
    state: State,
    filters: Filters = None,
    at: At = None,
    job: Job = None,
    session: FromQuery[str] = LATEST,
    functions: FromQuery[bool] = True,  # noqa: FBT002 it comes by name
) -> Progress:
    """Tasks by function: finished, running, waiting, failed, each counted once. With ``functions=false`` the sums alone, which takes a sixth of the time."""
    return services_of(state).jobs.progress(view_of(session, None, None, at, filters), job, functions=functions)


@get("/failures", sync_to_thread=True)
def get_failures(
    state: State, filters: Filters = None, at: At = None, job: Job = None, session: FromQuery[str] = LATEST, limit: FromQuery[int] = 50
) -> Failures:
    """Failed and lost attempts, grouped by type and what they said."""
    return services_of(state).jobs.failures(view_of(session, None, None, at, filters), job, limit)


@get("/jobs/{wanted:str}/progress", sync_to_thread=True)
def get_job_progress(state: State, wanted: FromPath[str], at: At = None, session: FromQuery[str] = LATEST) -> Progress:
    """A job's tasks by function."""
    return services_of(state).jobs.progress(view_of(session, None, None, at, None), wanted)


@get("/jobs/{wanted:str}/answer", sync_to_thread=True)
def get_job_answer(state: State, wanted: FromPath[str], at: At = None, session: FromQuery[str] = LATEST) -> JobAnswer:
    """What became of a job, in a line, with the evidence."""
    return services_of(state).jobs.answer(view_of(session, None, None, at, None), wanted)


@get("/jobs/{wanted:str}/runs", sync_to_thread=True)
def get_job_runs(state: State, wanted: FromPath[str], session: FromQuery[str] = LATEST, limit: FromQuery[int] = 20) -> JobRuns:
    """Runs of the same entrypoint, in all sessions."""
    return services_of(state).jobs.runs(view_of(session, None, None, None, None), wanted, limit)


@get("/jobs/{wanted:str}/compare", sync_to_thread=True)
def compare_job(
    state: State,
    wanted: FromPath[str],
    session: FromQuery[str] = LATEST,
    with_session: FromQuery[str | None] = None,
    with_job: FromQuery[str | None] = None,
) -> Comparison:
    """A job beside another run, by function; without a name beside the run before it."""
    return services_of(state).jobs.compare(view_of(session, None, None, None, None), wanted, with_session, with_job)


progress_router = Router(path="/api/v1", route_handlers=[get_progress, get_failures, get_job_progress, get_job_answer, get_job_runs, compare_job])
