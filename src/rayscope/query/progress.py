"""How far jobs and sessions have come, what failed in them, and what the runs before did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import structs

from rayscope.errors import FilterError
from rayscope.model.progress import (
    Comparison,
    FailureExample,
    FailureGroup,
    Failures,
    FunctionComparison,
    FunctionCount,
    FunctionFigures,
    FunctionProgress,
    JobAnswer,
    JobRun,
    JobRuns,
    Progress,
)
from rayscope.model.resources import RESOURCES
from rayscope.query.answer import job_answer
from rayscope.query.lookup import check_one_id, lookup
from rayscope.query.moment import Moment, View, ask, moment_of, task_scope
from rayscope.store import progress as store
from rayscope.store.conditions import Condition, Order
from rayscope.store.database import Connection, Database
from rayscope.store.entity import Row
from rayscope.store.limits import FAILURE_GROUPS
from rayscope.store.select import Scope, page, relation

_COUNTS: Final = ("tasks", "finished", "running", "waiting", "failed", "lost", "retries", "attempts")
_RUNS: Final = 200
_EXAMPLE: Final = 4000


class Jobs:
    """Answers how jobs went, over one store. Raises NotFound, Ambiguous and FilterError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def progress(self, view: View, job: str | None = None, *, functions: bool = True) -> Progress:
        """Of a job or of a whole session, in all and by function; the sums alone cost a sixth."""
        return ask(self._database, lambda connection: _progress(connection, view, job, functions=functions))

    def failures(self, view: View, job: str | None, limit: int) -> Failures:
        """Failed and lost attempts, grouped by what they said."""
        if not 1 <= limit <= FAILURE_GROUPS:
            raise FilterError(f"limit {limit} is not between 1 and {FAILURE_GROUPS}")
        return ask(self._database, lambda connection: _failures(connection, view, job, limit))

    def answer(self, view: View, job: str) -> JobAnswer:
        """What became of a job, in a line, from what is known of it."""
        return ask(self._database, lambda connection: _answer(connection, view, job))

    def runs(self, view: View, job: str, limit: int) -> JobRuns:
        """Runs of the same entrypoint in all sessions."""
        return ask(self._database, lambda connection: _runs(connection, view, job, max(1, min(limit, _RUNS))))

    def compare(self, view: View, job: str, with_session: str | None, with_job: str | None) -> Comparison:
        """A job beside another, or beside the run before it."""
        return ask(self._database, lambda connection: _compare(connection, view, job, with_session, with_job))


def find_job(connection: Connection, moment: Moment, wanted: str) -> Row:
    """A job's row, by its id, its submission's, or a prefix that fits only one."""
    resource = RESOURCES["jobs"]
    scope = Scope(relation=relation("jobs", moment.at_ns), sessions=(moment.session_no,))
    found = lookup(connection, resource, scope, wanted)
    check_one_id(resource, found, wanted, (moment.session_no, moment.session))
    return found[0]


def job_scope(connection: Connection, moment: Moment, view: View, job: Row | None) -> Scope:
    """The attempts of a job, or of a session."""
    return task_scope(connection, moment, view.filters, *([] if job is None else [Condition("job_id", "=", (job["job_id"] or "",))]))


def _progress(connection: Connection, view: View, wanted: str | None, *, functions: bool) -> Progress:
    moment = moment_of(connection, view)
    job = find_job(connection, moment, wanted) if wanted else None
    scope = job_scope(connection, moment, view, job)
    rows = store.progress(connection, scope) if functions else []
    totals = {name: sum(row[name] for row in rows) for name in _COUNTS} if functions else store.progress_totals(connection, scope)
    return Progress(
        session=moment.session,
        job_id=job["job_id"] if job else None,
        functions=[FunctionProgress(**row) for row in rows],
        **totals,
        as_of_ns=moment.at_ns,
    )


def _failures(connection: Connection, view: View, wanted: str | None, limit: int) -> Failures:
    moment = moment_of(connection, view)
    job = find_job(connection, moment, wanted) if wanted else None
    scope = job_scope(connection, moment, view, job)
    rows = store.failures(connection, scope, limit)
    examples = store.examples(connection, scope, [(row["latest"]["part"], row["latest"]["place"]) for row in rows if row["latest"]])
    return Failures(
        session=moment.session,
        groups=[_group(row, examples) for row in rows],
        groups_total=rows[0]["groups_total"] if rows else 0,
        attempts=rows[0]["attempts_total"] if rows else 0,
        as_of_ns=moment.at_ns,
    )


def _group(row: Row, examples: dict[tuple[int, int], Row]) -> FailureGroup:
    latest = row["latest"] or {}
    example = examples.get((latest.get("part", -1), latest.get("place", -1)))
    return FailureGroup(
        error_type=row["error_type"],
        first_line=row["folded"],
        latest_line=latest.get("line", ""),
        name=row["functions"][0]["name"],
        **{name: row[name] for name in ("count", "tasks", "first_ns", "last_ns", "nodes", "workers")},
        example=FailureExample(**(example | {"error_message": (example["error_message"] or "")[:_EXAMPLE] or None})) if example else None,
        functions=[FunctionCount(**function) for function in row["functions"]],
    )


def _answer(connection: Connection, view: View, wanted: str) -> JobAnswer:
    moment = moment_of(connection, view)
    job = find_job(connection, moment, wanted)
    scope = job_scope(connection, moment, view, job)
    return job_answer(moment, job, store.progress(connection, scope), store.last_failed(connection, scope))


def _run(row: Row, this: Row | None = None) -> JobRun:
    fields = {name: row[name] for name in JobRun.__struct_fields__ if name not in {"is_this", "cluster"}}
    is_this = this is not None and all(row[name] == this[name] for name in ("session", "job_id", "submission_id"))
    return JobRun(**fields, cluster=row.get("cluster"), is_this=is_this)


def _same_entrypoint(connection: Connection, job: Row, limit: int) -> list[Row]:
    """Jobs of the same entrypoint, the newest first, with their clusters' names."""
    if not job["entrypoint"]:
        return []
    scope = Scope(relation=relation("jobs", None), conditions=(Condition("entrypoint", "=", (job["entrypoint"],)),))
    columns = [column.name for column in RESOURCES["jobs"].columns]
    order = (Order("start_ns", descending=True), Order("session"), Order("job_id"), Order("submission_id"))
    found = page(connection, scope, columns, order, limit, None)
    names = page(connection, Scope(relation=relation("sessions", None)), ["session", "cluster"], [Order("session")], 10_000, None)
    clusters = {row["session"]: row["cluster"] for row in names}
    return [row | {"cluster": clusters.get(row["session"])} for row in found]


def _runs(connection: Connection, view: View, wanted: str, limit: int) -> JobRuns:
    job = find_job(connection, moment_of(connection, view), wanted)
    found = _same_entrypoint(connection, job, limit) or [job]
    return JobRuns(entrypoint=job["entrypoint"], runs=[_run(row, job) for row in found])


def _compare(connection: Connection, view: View, wanted: str, with_session: str | None, with_job: str | None) -> Comparison:
    moment = moment_of(connection, view)
    this = find_job(connection, moment, wanted)
    other = _other(connection, this, with_session or (moment.session if with_job else None), with_job)
    warnings = [] if other else ["there is no earlier run of this entrypoint"]
    theirs = _figures(connection, View(session=other["session"]), other) if other else {}
    if other and other["entrypoint"] != this["entrypoint"]:
        warnings.append(f"the other run has another entrypoint: {other['entrypoint']}")
    ours = _figures(connection, view, this)
    compared = [_comparison(name, kind, ours.get((name, kind)), theirs.get((name, kind))) for name, kind in dict.fromkeys([*ours, *theirs])]
    compared.sort(key=_difference, reverse=True)
    return Comparison(this=_run(this, this), other=_run(other) if other else None, functions=compared, warnings=warnings)


def _other(connection: Connection, this: Row, session: str | None, job: str | None) -> Row | None:
    """The job to compare with: the one named, else the run of the same entrypoint before this one."""
    if session is not None and job is not None:
        return find_job(connection, moment_of(connection, View(session=session)), job)
    runs = [row for row in _same_entrypoint(connection, this, _RUNS) if _is_before(row, this)]
    if session is not None:
        chosen = moment_of(connection, View(session=session)).session
        runs = [row for row in runs if row["session"] == chosen]
    return runs[0] if runs else None


def _is_before(row: Row, this: Row) -> bool:
    return bool(row["start_ns"] is not None and this["start_ns"] is not None and row["start_ns"] < this["start_ns"])


def _figures(connection: Connection, view: View, job: Row) -> dict[tuple[str, str], FunctionFigures]:
    moment = moment_of(connection, view)
    rows: Sequence[dict[str, Any]] = store.progress(connection, job_scope(connection, moment, structs.replace(view, filters=()), job))
    return {
        (row["name"], row["type"]): FunctionFigures(
            failed=row["failed"] + row["lost"], **{name: row[name] for name in ("tasks", "retries", "p50_ns", "p99_ns", "total_ns")}
        )
        for row in rows
    }


def _comparison(name: str, kind: str, this: FunctionFigures | None, other: FunctionFigures | None) -> FunctionComparison:
    return FunctionComparison(
        name=name,
        type=kind,
        this=this,
        other=other,
        p50_ratio=_ratio(this.p50_ns, other.p50_ns) if this and other else None,
        total_ratio=_ratio(this.total_ns, other.total_ns) if this and other else None,
    )


def _ratio(this: int | None, other: int | None) -> float | None:
    return round(this / other, 4) if this is not None and other else None


def _difference(one: FunctionComparison) -> tuple[int, int]:
    """By how many failures more or less, then by how much time."""
    failed = abs((one.this.failed if one.this else 0) - (one.other.failed if one.other else 0))
    return failed, abs((one.this.total_ns if one.this else 0) - (one.other.total_ns if one.other else 0))
