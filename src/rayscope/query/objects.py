"""Questions about snapshots of the object table: which there are, summaries, growth, leaks."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import replace

from rayscope.errors import FilterError, NotFound
from rayscope.model.object_answers import Leaks, ObjectGroup, ObjectGrowth, ObjectSnapshotInfo, ObjectSnapshots, ObjectSummary, SiteGrowth, SitePoint
from rayscope.model.page import Page
from rayscope.model.resources import RESOURCES
from rayscope.query.filters import all_conditions
from rayscope.query.leaks import Facts, find_leaks
from rayscope.query.sessions import LATEST, resolve_session
from rayscope.query.values import parse_duration, parse_time
from rayscope.store import limits, object_questions, questions
from rayscope.store.database import CANNOT_EVALUATE, Connection, Database
from rayscope.store.entity import Row

T = TypeVar("T")

CALL_SITES_HINT: Final = (
    "call sites are not recorded: set RAY_record_ref_creation_sites=1 where Ray starts (`rayscope run --call-sites`, `rayscope env --call-sites`)"
)
_RAYS_HINT: Final = "Callsite is not being recorded"
_MAX_POINTS: Final = 100


class ObjectQueries:
    """Answers questions about the object tables of one store. Raises FilterError, NotFound and Ambiguous."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def snapshots(self, session: str = LATEST, at: str | None = None, limit: int = limits.DEFAULT_PAGE) -> ObjectSnapshots:
        """The snapshots of one session, the newest first."""

        def answer(connection: Connection, chosen: tuple[int, str], at_ns: int | None) -> ObjectSnapshots:
            found = object_questions.snapshots(connection, chosen[0], at_ns, min(max(limit, 1), limits.MAX_PAGE))
            return ObjectSnapshots(snapshots=[_info(row) for row in found], dropped=object_questions.dropped(connection, chosen[0]), session=chosen[1])

        return self._ask(session, at, answer)

    def summary(self, session: str = LATEST, by: str = "call-site", filters: Sequence[str] = (), at: str | None = None) -> ObjectSummary:
        """References of the newest snapshot, or the newest at or before ``at``, by call-site, function, node or owner."""
        name = by.replace("_", "-").lower()
        if name not in object_questions.GROUPS:
            raise FilterError(f"objects are not summed up by {by!r}", hint=f"by {', '.join(object_questions.GROUPS)}")
        conditions = all_conditions(RESOURCES["objects"], filters, time.time_ns())

        def answer(connection: Connection, chosen: tuple[int, str], at_ns: int | None) -> ObjectSummary:
            taken_ns, warnings = about(connection, chosen[0], at_ns)
            rows = object_questions.groups(connection, chosen[0], at_ns, name, conditions)
            every = next((row for row in rows if row["name"] is None), None)
            return ObjectSummary(
                by=name,
                groups=[_group(row) for row in rows if row["name"] is not None],
                total_objects=every["objects"] if every else 0,
                total_references=every["references"] if every else 0,
                total_bytes=every["size_bytes"] if every else 0,
                as_of_ns=taken_ns,
                session=chosen[1],
                warnings=warnings,
            )

        return self._ask(session, at, answer)

    def growth(self, session: str = LATEST, points: int = 3, at: str | None = None) -> ObjectGrowth:
        """Bytes by call site in ``points`` snapshots, evenly spread from the first to the last. What grew most comes first."""
        if not 2 <= points <= _MAX_POINTS:  # noqa: PLR2004 growth needs two
            raise FilterError(f"points {points} is not between 2 and {_MAX_POINTS}")

        def answer(connection: Connection, chosen: tuple[int, str], at_ns: int | None) -> ObjectGrowth:
            _, warnings = about(connection, chosen[0], at_ns)
            taken = [row["taken_ns"] for row in reversed(object_questions.snapshots(connection, chosen[0], at_ns, limits.OBJECT_SNAPSHOTS + 1))]
            times = _spread(taken, points)
            sites = _sites(object_questions.site_points(connection, chosen[0], times), times)
            if len(taken) < 2:  # noqa: PLR2004 growth needs two
                warnings = [*warnings, f"growth needs two snapshots, there {'is one' if taken else 'are none'}"]
            return ObjectGrowth(times_ns=times, sites=sites, snapshots=len(taken), session=chosen[1], warnings=warnings)

        return self._ask(session, at, answer)

    def leaks(self, session: str = LATEST, idle: str = "60s", at: str | None = None) -> Leaks:
        """Objects of the snapshot that only a dead or idle process holds, or whose owner or job is gone. ``idle``: for how long nothing was run."""
        idle_ns, now_ns = parse_duration(idle), time.time_ns()

        def answer(connection: Connection, chosen: tuple[int, str], at_ns: int | None) -> Leaks:
            taken_ns, warnings = about(connection, chosen[0], at_ns)
            rows = object_questions.references(connection, chosen[0], at_ns, limits.OBJECT_ROWS)
            facts = _facts(connection, chosen[0], rows, taken_ns or 0, at_ns or now_ns)
            found = find_leaks(rows, facts, idle_ns)
            return Leaks(
                leaks=found,
                total_bytes=sum(leak.size_bytes or 0 for leak in found),
                objects=len({row["object_id"] for row in rows}),
                as_of_ns=taken_ns,
                session=chosen[1],
                warnings=warnings,
            )

        return self._ask(session, at, answer)

    def as_ray_told(self, session: str = LATEST) -> tuple[ObjectSnapshotInfo | None, list[Row]]:
        """The newest snapshot of a session, and its references in Ray's order with Ray's columns and values. None and none where there is no snapshot."""

        def answer(connection: Connection, chosen: tuple[int, str], at_ns: int | None) -> tuple[ObjectSnapshotInfo | None, list[Row]]:
            found = object_questions.chosen(connection, chosen[0], at_ns)
            return (_info(found), object_questions.ray_rows(connection, chosen[0], found["taken_ns"])) if found else (None, [])

        return self._ask(session, None, answer)

    def _ask(self, session: str, at: str | None, answer: Callable[[Connection, tuple[int, str], int | None], T]) -> T:
        at_ns = parse_time(at, time.time_ns()) if at else None

        def ask(connection: Connection) -> T:
            chosen = resolve_session(questions.sessions(connection), session)
            if chosen is None:
                raise NotFound("object tables are of one session each", hint="name one with --session")
            return answer(connection, chosen, at_ns)

        try:
            return self._database.read(ask)
        except CANNOT_EVALUATE as error:
            raise FilterError(f"the filter cannot be evaluated: {str(error).splitlines()[0]}") from error


def about(connection: Connection, session_no: int, at_ns: int | None) -> tuple[int | None, list[str]]:
    """When the snapshot was taken that answers a question, and what must be said of it."""
    found = object_questions.chosen(connection, session_no, at_ns)
    if found is None:
        return None, [f"no snapshot of the object table was taken{' by then' if at_ns is not None else ''}"]
    info = _info(found)
    warnings = [text for text in info.warnings if not text.startswith(_RAYS_HINT)]
    if not info.kept and (fuller := object_questions.last_with_references(connection, session_no, info.taken_ns)):
        warnings.append(f"nothing was held any more; {fuller['kept']:,} references were shortly before: --at {fuller['taken_ns']}")
    if info.truncated:
        warnings.append(f"the snapshot is cut: {info.kept:,} of {info.total:,} references are known")
    if info.partial_failure_warning:
        warnings.append(info.partial_failure_warning)
    if any(text.startswith(_RAYS_HINT) for text in info.warnings):
        warnings.append(CALL_SITES_HINT)
    return info.taken_ns, warnings


def with_snapshot(connection: Connection, page: Page, chosen: tuple[int, str] | None, at_ns: int | None) -> Page:
    """A page of references that says of when it is, and what was cut."""
    if chosen is None:
        return page
    taken_ns, warnings = about(connection, chosen[0], at_ns)
    return replace(page, as_of_ns=taken_ns or at_ns, warnings=[*page.warnings, *warnings])


def _info(row: Row) -> ObjectSnapshotInfo:
    return ObjectSnapshotInfo(
        taken_ns=row["taken_ns"],
        trigger=row["trigger"],
        total=row["total"],
        listed=row["listed"],
        kept=row["kept"],
        truncated=row["truncated"],
        duration_ns=row["duration_ns"],
        warnings=msgspec.json.decode(row["warnings"]),
        partial_failure_warning=row["partial"],
        store_stats=msgspec.json.decode(row["store_stats"]),
    )


def _group(row: Row) -> ObjectGroup:
    return msgspec.convert({**row, "reference_types": dict(sorted(row["reference_types"].items()))}, ObjectGroup)


def _spread(taken: Sequence[int], points: int) -> list[int]:
    """So many of the times, evenly, with the first and the last."""
    if len(taken) <= points:
        return list(taken)
    return [taken[round(at * (len(taken) - 1) / (points - 1))] for at in range(points)]


def _sites(rows: Sequence[Row], times: Sequence[int]) -> list[SiteGrowth]:
    by_site: defaultdict[str, dict[int, Row]] = defaultdict(dict)
    for row in rows:
        by_site[row["call_site"]][row["taken_ns"]] = row
    sites = [_site(name, [_point(known.get(at), at) for at in times]) for name, known in by_site.items()]
    return sorted(sites, key=lambda site: (-site.growth_bytes, -site.growth_objects, site.call_site))


def _point(row: Row | None, at_ns: int) -> SitePoint:
    return SitePoint(taken_ns=at_ns, objects=row["objects"] if row else 0, size_bytes=row["size_bytes"] if row else 0)


def _site(name: str, points: list[SitePoint]) -> SiteGrowth:
    sizes = [(point.size_bytes, point.objects) for point in points]
    return SiteGrowth(
        call_site=name,
        points=points,
        growth_bytes=points[-1].size_bytes - points[0].size_bytes,
        growth_objects=points[-1].objects - points[0].objects,
        trend=_trend(sizes),
    )


def _trend(sizes: Sequence[tuple[int, int]]) -> str:
    if len(set(sizes)) == 1:
        return "steady"
    if list(sizes) == sorted(sizes):
        return "growing"
    return "shrinking" if list(sizes) == sorted(sizes, reverse=True) else "mixed"


def _facts(connection: Connection, session_no: int, rows: Sequence[Row], taken_ns: int, until_ns: int) -> Facts:
    """What is known of the references' makers, of those who asked for them, and of their holders."""
    tasks = object_questions.tasks_by_id(connection, session_no, _named(rows, "task_id"))
    parents = _named(tasks.values(), "parent_task_id") - tasks.keys()
    tasks |= object_questions.tasks_by_id(connection, session_no, parents)
    holders = _named(rows, "worker_id")
    makers = _named(tasks.values(), "worker_id")
    actor_ids = _named(rows, "actor_id") | {task_id[16:] for task_id in tasks | dict.fromkeys(parents)}
    return Facts(
        taken_ns=taken_ns,
        until_ns=until_ns,
        tasks=tasks,
        actors=object_questions.actors_by_id(connection, session_no, actor_ids),
        workers=object_questions.processes_by_worker(connection, session_no, holders | makers),
        activity=object_questions.activity(connection, session_no, holders, taken_ns),
        job_ends=object_questions.job_ends(connection, session_no),
    )


def _named(rows: Any, name: str) -> set[str]:
    return {row[name] for row in rows if row[name]}
