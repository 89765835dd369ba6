"""Findings of a session: the facts gathered from the store and from its metrics, and the rules applied to them."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, structs

from rayscope.errors import LimitExceeded
from rayscope.model.finding import Finding, Findings
from rayscope.model.metrics import NAME, Matcher
from rayscope.query.findings import rules, thresholds
from rayscope.query.findings.facts import Facts, Holder, Job, Process, Running
from rayscope.query.findings.series import Series, join
from rayscope.query.labels import node_label
from rayscope.query.metrics.service import Metrics
from rayscope.query.moment import Moment, View, moment_of
from rayscope.query.sessions import LATEST
from rayscope.store import findings as store
from rayscope.store.database import Connection, Database
from rayscope.store.entity import Row
from rayscope.store.limits import FINDINGS_HOLDERS, FINDINGS_KEPT_S, FINDINGS_SAMPLES

_NS_A_MS: Final = 1_000_000
_SHORTEST_MS: Final = 600_000
_NAMES: Final = [Matcher(NAME, "=~", "|".join(rules.NAMES))]


class _Kept(Struct, frozen=True):
    """What was found, and until when that is fresh enough."""

    found: Findings
    until: float


class FindingsService:
    """Answers what is wrong. What was found is kept for some seconds: pages ask often, and trouble takes longer to come."""

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._metrics = metrics
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def find(self, session: str = LATEST, job: str | None = None, node: str | None = None, actor: str | None = None, task: str | None = None) -> Findings:
        """The findings of a session, the worst first; only those that concern what is named. Raises NotFound, Ambiguous, FilterError.

        A job may be named by its submission id, a node by its address, each of them by the beginning of its id.
        """
        moment = self._database.read(lambda connection: moment_of(connection, View(session=session)))
        whole = self._whole(moment)
        if not any((job, node, actor, task)):
            return whole
        jobs = self._database.read(lambda connection: store.jobs(connection, moment.session_no)) if job else []
        nodes = self._database.read(lambda connection: store.nodes(connection, moment.session_no)) if node else []
        wanted = _Wanted(
            job=_names(job, ((row["job_id"], row["submission_id"]) for row in jobs)),
            node=_names(node, ((row["node_id"], row["node_ip"], row["node_name"]) for row in nodes)),
            actor=actor,
            task=task,
        )
        return _with(whole, [one for one in whole.findings if wanted.fits(one)])

    def _whole(self, moment: Moment) -> Findings:
        with self._lock:
            kept = self._kept.get(moment.session)
            if kept is not None and kept.until > time.monotonic():
                return kept.found
            found = self._look(moment)
            self._kept = {name: one for name, one in self._kept.items() if one.until > time.monotonic()}
            self._kept[moment.session] = _Kept(found, time.monotonic() + FINDINGS_KEPT_S)
            return found

    def _look(self, moment: Moment) -> Findings:
        series, from_ms, to_ms, warnings = self._series(moment)
        if not series:
            return Findings(findings=[], session=moment.session, looked_from_ms=None, looked_to_ms=None, warnings=warnings)
        facts = self._database.read(lambda connection: _facts(connection, moment, (from_ms, to_ms)))
        found = rules.find_all(structs.replace(facts, series=series, running=self._running(moment.session_no)))
        return Findings(findings=found, session=moment.session, looked_from_ms=from_ms, looked_to_ms=to_ms, warnings=warnings)

    def _series(self, moment: Moment) -> tuple[dict[str, list[Series]], int, int, list[str]]:
        """The series that the rules look at, from when to when, and what was left out: of a session with too many samples the last part is looked at."""
        to_ms = -(-moment.now_ns // _NS_A_MS) + (0 if moment.is_live else round(thresholds.FRESH_S * 1000))
        length_ms = round(thresholds.WINDOW_S * 1000)
        warnings: list[str] = []
        while True:
            try:
                frames = self._metrics.select(moment.session, _NAMES, to_ms - length_ms, to_ms, max_samples=FINDINGS_SAMPLES)
                break
            except LimitExceeded:
                length_ms //= 2
                warnings = [f"there are many series: only the last {length_ms // 60_000} min were looked at"]
                if length_ms < _SHORTEST_MS:
                    return {}, to_ms, to_ms, ["there are too many series to look for findings"]
        by_name: defaultdict[str, list[Series]] = defaultdict(list)
        for one in join(frames):
            by_name[one.labels[NAME]].append(one)
        every = [one for found in by_name.values() for one in found]
        first_ms, last_ms = min((int(one.times[0]) for one in every), default=to_ms), max((int(one.times[-1]) for one in every), default=to_ms)
        return dict(by_name), first_ms, to_ms if moment.is_live else last_ms, warnings  # of what lives it counts how old the last word is

    def _running(self, session_no: int) -> Any:
        def running(workers: Collection[str], time_ms: int) -> Mapping[str, Sequence[Running]]:
            rows = self._database.read(lambda connection: store.running(connection, session_no, sorted(workers), time_ms * _NS_A_MS))
            found: defaultdict[str, list[Running]] = defaultdict(list)
            for row in rows:
                found[row["worker_id"]].append(Running(task_id=row["task_id"], name=row["name"] or row["task_id"][:8], job_id=row["job_id"]))
            return found

        return running


class _Wanted(Struct, frozen=True, kw_only=True):
    """Whom findings shall concern: ids, or beginnings of ids; None asks nothing."""

    job: tuple[str, ...] | None
    node: tuple[str, ...] | None
    actor: str | None
    task: str | None

    def fits(self, one: Finding) -> bool:
        """Whether a finding is of all of them."""
        asked = ((self.job, one.job_ids), (self.node, one.node_ids), (_listed(self.actor), one.actor_ids), (_listed(self.task), one.task_ids))
        return all(names is None or any(known.startswith(name) for known in ids for name in names) for names, ids in asked)


def _listed(name: str | None) -> tuple[str, ...] | None:
    return (name,) if name else None


def _names(given: str | None, known: Any) -> tuple[str, ...] | None:
    """The ids that a name stands for: itself, or the first of those that have it as one of their others."""
    if not given:
        return None
    return (given, *(names[0] for names in known if given in names[1:]))


def _with(whole: Findings, chosen: list[Finding]) -> Findings:
    return Findings(findings=chosen, session=whole.session, looked_from_ms=whole.looked_from_ms, looked_to_ms=whole.looked_to_ms, warnings=whole.warnings)


def _facts(connection: Connection, moment: Moment, span: tuple[int, int]) -> Facts:
    number = moment.session_no
    processes: defaultdict[tuple[str, int], list[Process]] = defaultdict(list)
    for row in store.processes(connection, number):
        processes[row["node_id"], row["pid"]].append(_process(row))
    return Facts(
        session=moment.session,
        from_ms=span[0],
        to_ms=span[1],
        is_live=moment.is_live,
        is_whole=moment.first_ns >= moment.now_ns - round(thresholds.WINDOW_S * 1e9),
        series={},
        nodes={row["node_id"]: node_label(row["node_id"], row) for row in store.nodes(connection, number)},
        processes=processes,
        jobs=[_job(row) for row in store.jobs(connection, number)],
        holders=[_holder(row) for row in store.gpu_holders(connection, number, span[0] * _NS_A_MS, span[1] * _NS_A_MS, FINDINGS_HOLDERS)],
    )


def _process(row: Row) -> Process:
    return Process(
        node_id=row["node_id"],
        pid=row["pid"],
        worker_id=row["worker_id"],
        actor_id=row["actor_id"],
        class_name=row["class_name"],
        job_id=row["job_id"],
        is_driver=row["is_driver"],
    )


def _job(row: Row) -> Job:
    return Job(job_id=row["job_id"], name=row["entrypoint"] or row["job_id"], start_ms=row["start_ns"] // _NS_A_MS, end_ms=_ms(row["end_ns"]))


def _holder(row: Row) -> Holder:
    return Holder(
        kind=row["kind"],
        id=row["id"],
        name=row["name"],
        node_id=row["node_id"],
        job_id=row["job_id"],
        start_ms=row["start_ns"] // _NS_A_MS,
        end_ms=_ms(row["end_ns"]),
    )


def _ms(ns: int | None) -> int | None:
    return None if ns is None else ns // _NS_A_MS
