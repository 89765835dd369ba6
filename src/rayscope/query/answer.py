"""What became of a job, in a line: put together from its status, its tasks and its driver's end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rayscope.model.progress import JobAnswer, Link, Part
from rayscope.query.moment import Moment
from rayscope.store.entity import Row

_SECOND: Final = 1_000_000_000
_MINUTE: Final = 60
_LINE: Final = 160
_LISTED: Final = 2
_ENDS: Final = {
    "SUCCEEDED": "it succeeded",
    "STOPPED": "it was stopped",
    "FINISHED": "its driver ended, its exit code unknown,",
    "LOST": "how it ended is not known",
}
_UNKNOWN: Final = frozenset({"FINISHED", "LOST"})


def job_answer(moment: Moment, job: Row, functions: Sequence[Row], failed: Sequence[tuple[Any, ...]]) -> JobAnswer:
    """The answer, of a job's row, its progress by function, and its failed tasks by function and line."""
    pieces = [*_failed_parts(job, functions, failed), *_course(moment, job, functions), *_end_parts(job)]
    parts = [part if at == 0 else Part(text=f"; {part.text}", link=part.link, evidence=part.evidence) for at, part in enumerate(pieces)]
    return JobAnswer(
        session=moment.session,
        job_id=job["job_id"],
        submission_id=job["submission_id"],
        status=job["status"],
        text="".join(part.text for part in parts),
        parts=parts,
        certain=job["status"] not in _UNKNOWN and not any(row["lost"] for row in functions),
        entrypoint=job["entrypoint"],
        start_ns=job["start_ns"],
        end_ns=job["end_ns"],
        duration_ns=job["duration_ns"],
        driver_exit_code=job["driver_exit_code"],
    )


def _failed_parts(job: Row, functions: Sequence[Row], failed: Sequence[tuple[Any, ...]]) -> list[Part]:
    """What failed, most first: of so many of which function, and what it said."""
    totals: dict[str, int] = {}
    for row in functions:
        totals[row["name"]] = totals.get(row["name"], 0) + row["tasks"]
    parts = [_failed_part(job, totals.get(row[0], row[1]), row) for row in failed[:_LISTED]]
    if rest := sum(row[1] for row in failed[_LISTED:]):
        parts.append(Part(text=f"{_count(rest, 'more task')} failed otherwise", link=_tasks(job, "state in FAILED,LOST")))
    return parts


def _failed_part(job: Row, total: int, row: tuple[Any, ...]) -> Part:
    name, tasks, line, error_type, state = row
    verb = "failed" if state == "FAILED" else "lost: nobody said how they ended" if tasks > 1 else "lost: nobody said how it ended"
    said = (line or error_type) if state == "FAILED" else line
    text = f"{_of(tasks, total)} {name or 'unnamed'} {'task' if total == 1 else 'tasks'} {verb}"
    return Part(text=f"{text}: {_short(said)}" if said else text, link=_tasks(job, f"name={name}", f"state={state}"), evidence=line or None)


def _of(some: int, total: int) -> str:
    if some == total:
        return "the only" if total == 1 else f"all {total:,}"
    return f"{some:,} of {total:,}"


def _course(moment: Moment, job: Row, functions: Sequence[Row]) -> list[Part]:
    """How far it has come, or what it did."""
    tasks, finished, running, waiting = (sum(row[name] for row in functions) for name in ("tasks", "finished", "running", "waiting"))
    retries = sum(row["retries"] for row in functions)
    again = f", {_count(retries, 'retry', 'retries')}" if retries else ""
    if job["status"] == "PENDING":
        return [Part(text="its driver has not started", evidence=job["message"])]
    if job["status"] == "RUNNING":
        since = f"running for {_length(moment.now_ns - job['start_ns'])}" if job["start_ns"] else "running"
        if not tasks:
            return [Part(text=f"{since}; no task yet")]
        return [Part(text=f"{since}: {finished:,} of {_count(tasks, 'task')} finished, {running:,} running, {waiting:,} waiting{again}", link=_tasks(job))]
    if not tasks:
        return [Part(text="it ran no tasks")]
    if finished == tasks:
        return [Part(text=f"{'its only task' if tasks == 1 else f'all {tasks:,} tasks'} finished{again}", link=_tasks(job))]
    left = tasks - finished - sum(row["failed"] + row["lost"] for row in functions)
    return [Part(text=f"{_count(left, 'task')} never ended", link=_tasks(job, "state!=FINISHED"))] if left else []


def _end_parts(job: Row) -> list[Part]:
    """How it ended, from whoever said so."""
    if job["end_ns"] is None:
        return []
    lasted = f" after {_length(job['duration_ns'])}" if job["duration_ns"] is not None else ""
    link = Link(view="logs", params={"job": job["job_id"], "source": "driver"}) if job["job_id"] else None
    code = job["driver_exit_code"]
    if code is not None and (code or job["status"] == "FAILED"):
        return [Part(text=f"the driver exited with code {code}{lasted}", link=link, evidence=job["message"])]
    if job["status"] == "FAILED":
        return [
            Part(text=f"{_short(job['message'])}{lasted}" if job["message"] else f"it failed{lasted}, and nobody said why", link=link, evidence=job["message"])
        ]
    text = _ENDS.get(job["status"], f"it ended as {job['status']}")
    why = f": {_short(job['message'])}" if job["status"] == "LOST" and job["message"] else ""
    return [Part(text=f"{text}{lasted}{why}", link=link, evidence=job["message"])]


def _tasks(job: Row, *filters: str) -> Link | None:
    return Link(view="tasks", params={"filter": [f"job_id={job['job_id']}", *filters]}) if job["job_id"] else None


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _short(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else ""
    return line if len(line) <= _LINE else f"{line[: _LINE - 1]}…"


def _length(ns: int) -> str:
    """A length of time as people say it: 310 ms, 4.2 s, 4 m 12 s, 2 h 5 m."""
    seconds = ns / _SECOND
    if seconds < 1:
        return f"{ns / 1e6:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if minutes < _MINUTE:
        return f"{minutes} m {rest} s"
    return f"{minutes // _MINUTE} h {minutes % _MINUTE} m"
