"""What the rules look at: series by name, and what is known of the session's nodes, processes, jobs and holders of GPUs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

from rayscope.model.finding import About
from rayscope.query.findings.series import NODE, PID, Series, last_before
from rayscope.query.findings.thresholds import FRESH_S, HOLDERS

UNIQUE, RESIDENT = "rayscope_process_unique_bytes", "rayscope_process_resident_bytes"
CPU_SECONDS = "rayscope_process_cpu_seconds_total"


class Process(Struct, frozen=True, kw_only=True):
    """One of Ray's processes on a node, as far as it is known: a worker, of an actor or not, or a driver."""

    node_id: str
    pid: int
    worker_id: str | None = None
    actor_id: str | None = None
    class_name: str | None = None
    job_id: str | None = None
    is_driver: bool = False


class Job(Struct, frozen=True, kw_only=True):
    """A job, from when to when; ``end_ms`` None while it runs."""

    job_id: str
    name: str
    start_ms: int
    end_ms: int | None = None


class Running(Struct, frozen=True, kw_only=True):
    """A task that ran in a worker at some time."""

    task_id: str
    name: str
    job_id: str | None = None


class Holder(Struct, frozen=True, kw_only=True):
    """An actor or a task that holds GPUs of a node."""

    kind: str
    id: str
    name: str
    node_id: str
    job_id: str | None
    start_ms: int
    end_ms: int | None = None


class Share(Struct, frozen=True, kw_only=True):
    """What one process has of something at a time, and whose it is: in words, and the ids that are known."""

    value: float
    words: str
    pid: int
    process: Process | None
    tasks: Sequence[Running]


def _nothing_runs(_workers: Collection[str], _time_ms: int) -> Mapping[str, Sequence[Running]]:
    return {}


class Facts(Struct, frozen=True, kw_only=True):
    """A session, the stretch that is looked at (ms), and what is known of it. ``running`` tells what ran in workers at a time.

    ``is_whole``: the session began within the stretch, so whatever a series shows came to be in it.
    """

    session: str
    from_ms: int
    to_ms: int
    is_live: bool
    is_whole: bool = False
    series: Mapping[str, Sequence[Series]]
    nodes: Mapping[str, str] = {}
    processes: Mapping[tuple[str, int], Sequence[Process]] = {}
    jobs: Sequence[Job] = ()
    holders: Sequence[Holder] = ()
    running: Callable[[Collection[str], int], Mapping[str, Sequence[Running]]] = _nothing_runs

    def of(self, name: str) -> Sequence[Series]:
        """The series of a name."""
        return self.series.get(name, ())

    def node(self, node_id: str) -> About:
        """A node, by what people call it."""
        return About(kind="node", id=node_id, name=self.nodes.get(node_id, node_id[:8]))

    def process(self, node_id: str, pid: int, worker_id: str = "") -> Process | None:
        """The process with a pid on a node; None where it is not known, or a pid was used twice and it is not said whose."""
        found = self.processes.get((node_id, pid), ())
        return found[0] if len(found) == 1 else next((one for one in found if worker_id and one.worker_id == worker_id), None)

    def until(self, last_ms: int) -> int | None:
        """When something ended that was last seen then: None where it goes on."""
        return None if self.is_live and self.to_ms - last_ms <= FRESH_S * 1000 else last_ms

    def jobs_between(self, since_ms: int, until_ms: int) -> list[Job]:
        """The jobs that ran in a stretch of time."""
        return [job for job in self.jobs if job.start_ms <= until_ms and (job.end_ms is None or job.end_ms >= since_ms)]

    def memory(self, node_id: str, time_ms: int) -> list[Share]:
        """The processes of a node that have most memory to themselves at a time, the largest first."""
        return self._shares(self.of(UNIQUE) or self.of(RESIDENT), node_id, time_ms)

    def shares(self, every: Sequence[Series], node_id: str, time_ms: int) -> list[Share]:
        """The processes of a node with most of what the series say, at a time."""
        return self._shares(every, node_id, time_ms)

    def _shares(self, every: Sequence[Series], node_id: str, time_ms: int) -> list[Share]:
        values = [
            (value, int(one.labels[PID]), one.labels.get("name", ""), one.labels.get("worker_id", ""))
            for one in every
            if one.labels.get(NODE) == node_id and one.labels.get(PID, "").isdigit() and (value := last_before(one, time_ms, FRESH_S))
        ]
        largest = sorted(values, reverse=True)[:HOLDERS]
        known = {pid: self.process(node_id, pid, worker_id) for _, pid, _, worker_id in largest}
        running = self.running([process.worker_id for process in known.values() if process and process.worker_id], time_ms)
        return [
            Share(value=value, pid=pid, process=known[pid], tasks=(tasks := _tasks(known[pid], running)), words=process_words(known[pid], pid, title, tasks))
            for value, pid, title, _ in largest
        ]


def _tasks(process: Process | None, running: Mapping[str, Sequence[Running]]) -> Sequence[Running]:
    return running.get(process.worker_id, ()) if process and process.worker_id else ()


def process_words(process: Process | None, pid: int, title: str, tasks: Sequence[Running] = ()) -> str:
    """``actor Cache (pid 18)``, ``task load (pid 19)``, ``the driver of job 01000000 (pid 17)``, ``raylet (pid 12)``."""
    if process and process.is_driver:
        return f"the driver of job {process.job_id} (pid {pid})"
    if process and process.actor_id:
        return f"actor {process.class_name or process.actor_id[:8]} (pid {pid})"
    if len(tasks) == 1:
        return f"task {tasks[0].name} (pid {pid})"
    name = title.removeprefix("ray::") or "process"
    return f"{name} (pid {pid})"
