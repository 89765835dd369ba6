"""Which metrics there are, and what they say is wrong, from a store that holds states and samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayscope.errors import LimitExceeded, NotFound
from rayscope.model.metrics import Write
from rayscope.query.findings.service import FindingsService
from rayscope.query.metrics.catalogue import Catalogues
from support import events as ev
from support.ids import actor_id, node_id, task_id
from support.metrics import START_MS, AgentBodies, MetricRecording, key

GIB = 1024**3
SESSION = "session_2026-11-24_11-00-00_000001_1"
OTHER = "session_2026-11-24_10-00-00_000001_1"
NODE = node_id(1).hex()
HOUR_NS = 3_600_000_000_000


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetricRecording]:
    """One for the module; tests of findings and of the catalogue use sessions of their own."""
    made = MetricRecording(tmp_path_factory.mktemp("answers") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def catalogues(recording: MetricRecording) -> Catalogues:
    agent = AgentBodies(session=SESSION)
    mine, bucket = key("ray_rows_total", stage="clean"), key("ray_took_bucket", le="1")
    values = {
        mine: 3.0,
        bucket: 1.0,
        key("ray_took_sum"): 0.5,
        key("ray_took_count"): 1.0,
        key("ray_tasks", State="RUNNING"): 2.0,
        key("ray_new", Component="raylet"): 1.0,
    }
    families = [
        ("ray_rows_total", "counter", "Rows cleaned.", ""),
        ("ray_took", "histogram", "How long it took.", "seconds"),
        ("ray_tasks", "gauge", "Tasks.", ""),
        ("ray_gone", "gauge", "Has no series.", ""),
    ]
    recording.ship(agent.body((START_MS, values), families=families))
    recording.ship(agent.body((START_MS, {key("rayscope_node_load1"): 1.0}), job="rayscope"))
    recording.ship(AgentBodies(session=OTHER, epoch="2").body((START_MS, {key("ray_tasks", State="FAILED", Name="f"): 1.0})))
    recording.metrics.append(OTHER, [Write({"__name__": "http_requests_total", "job": "nginx"}, np.array([START_MS]), np.array([1.0]))])
    return Catalogues(recording.metrics)


def test_the_catalogue_of_a_session(catalogues: Catalogues) -> None:
    """Each family once, a histogram's series together, with its labels and whose it is; what no exposition told of is there too."""
    found = {metric.name: metric for metric in catalogues.catalogue(SESSION).metrics}
    assert {name: metric.source for name, metric in found.items()} == {
        "ray_rows_total": "user",
        "ray_took": "user",
        "ray_tasks": "ray",
        "ray_new": "ray",
        "rayscope_node_load1": "node",
    }
    took = found["ray_took"]
    assert (took.type, took.help, took.unit, took.series) == ("histogram", "How long it took.", "seconds", 3)
    assert took.labels == ["instance", "job", "le", "node", "session"]
    assert found["ray_new"].type == "unknown"
    assert [metric.name for metric in catalogues.catalogue(SESSION, "LONG it").metrics] == ["ray_took"]
    budget = catalogues.catalogue(SESSION).budget
    assert budget is not None
    assert budget.series == 7


def test_the_catalogue_of_all_sessions(catalogues: Catalogues) -> None:
    """Series are counted together; there is no budget of all."""
    found = catalogues.catalogue(None)
    metrics = {metric.name: metric for metric in found.metrics}
    assert found.budget is None
    assert (metrics["ray_tasks"].series, metrics["http_requests_total"].source) == (2, "external")
    assert "Name" in metrics["ray_tasks"].labels
    assert catalogues.catalogue("session_nobody").metrics == []


def test_the_catalogue_follows_new_series(catalogues: Catalogues, recording: MetricRecording) -> None:
    """What was kept is told anew when there is more."""
    before = len(catalogues.catalogue(OTHER).metrics)
    recording.metrics.append(OTHER, [Write({"__name__": "fresh", "job": "nginx"}, np.array([START_MS]), np.array([1.0]))])
    assert len(catalogues.catalogue(OTHER).metrics) == before + 1


# findings

SICK = "session_2026-11-25_11-00-00_000001_1"


@pytest.fixture(scope="module")
def now_ns(recording: MetricRecording) -> int:
    """A live session with a node, a worker with an actor and a task that runs; and an hour of metrics in which memory runs out at the end."""
    clock = time.time_ns()
    start = clock - HOUR_NS
    events = [
        ev.node_definition(1, ns=start, session=SICK),
        ev.node_alive(1, start, head=True, session=SICK),
        ev.worker_definition(1, session=SICK),
        ev.worker_alive(1, start, session=SICK),
        ev.job_definition(1, session=SICK, metadata={"job_submission_id": "raysubmit_1"}),
        ev.job_lifecycle(1, {"CREATED": start}, session=SICK),
        ev.actor_definition(actor_id(1), session=SICK),
        ev.actor_lifecycle(actor_id(1), [ev.actor_transition("ALIVE", start, worker=1, node=1, pid=9001)], session=SICK),
        ev.task_definition(task_id(1), name="train", session=SICK),
        ev.task_lifecycle(task_id(1), {"RUNNING": start}, worker=1, node=1, pid=9001, session=SICK),
    ]
    recording.committer.submit_events(ev.body(events), None).result(30)
    recording.committer.submit_report(lambda _: None).result(30)
    times = np.arange(start // 1_000_000, clock // 1_000_000, 10_000)
    grown = np.linspace(1 * GIB, 60 * GIB, len(times))

    def write(metric: str, values: object, job: str = "ray", /, **labels: str) -> Write:
        return Write({"__name__": metric, "job": job, "instance": "10.0.0.1:1", "session": SICK, "node": NODE} | labels, times, np.asarray(values, np.float64))

    process = {"pid": "9001", "name": "ray::Counter", "kind": "worker"}
    refused = recording.metrics.append(
        SICK,
        [
            write("ray_node_mem_used", grown + 2 * GIB),
            write("ray_node_mem_total", np.full(len(times), 64.0 * GIB)),
            write("rayscope_process_unique_bytes", grown, "rayscope", **process),
        ],
    )
    assert not refused.samples
    return clock


@pytest.fixture
def find(recording: MetricRecording, now_ns: int) -> Callable[..., list[str]]:
    service = FindingsService(recording.database, recording.metrics)
    return lambda **about: [one.kind for one in service.find(SICK[:24], **about).findings]


def test_findings_are_about_what_the_store_knows(recording: MetricRecording, now_ns: int) -> None:
    """The process is the actor's, the task that ran then is named, and it goes on."""
    found = FindingsService(recording.database, recording.metrics).find(SICK)
    oom, growth = found.findings
    assert (oom.kind, growth.kind) == ("node-near-oom", "memory-growth")
    assert "actor Counter (pid 9001) holds most: 60 GiB" in oom.title
    assert oom.evidence[1].text.endswith("running train")
    assert (oom.actor_ids, oom.task_ids, oom.job_ids) == ([actor_id(1).hex()], [task_id(1).hex()], ["01000000"])
    assert (growth.about.kind, growth.about.id, growth.until_ms) == ("actor", actor_id(1).hex(), None)
    assert growth.evidence[0].value == pytest.approx(59 * GIB / 3600, rel=0.05)
    assert found.looked_to_ms is not None
    assert found.warnings == []


def test_findings_of_one_thing(find: Callable[..., list[str]]) -> None:
    """By a job's either id, a node's id or address, a beginning of an id; of others there is nothing."""
    both = ["node-near-oom", "memory-growth"]
    assert find(job="01000000") == both
    assert find(job="raysubmit_1") == both
    assert find(node=NODE[:8]) == both
    assert find(actor=actor_id(1).hex()[:6], node=NODE) == both
    assert find(task=task_id(1).hex()) == ["node-near-oom"]
    assert find(job="02000000") == find(node="10.9.9.9") == find(actor="ff") == []


@pytest.mark.parametrize(("minutes", "kinds"), [(20, ["node-near-oom"]), (5, [])])
def test_a_session_with_too_many_samples_is_looked_at_in_part(
    recording: MetricRecording, now_ns: int, monkeypatch: pytest.MonkeyPatch, minutes: int, kinds: list[str]
) -> None:
    """As much of its end as may be read, and that is said."""
    select = recording.metrics.select

    def narrow(session: str, matchers: Any, start_ms: int, end_ms: int, *, max_samples: int) -> Any:
        if end_ms - start_ms > minutes * 60_000:
            raise LimitExceeded(f"more than {max_samples:,}")
        return select(session, matchers, start_ms, end_ms, max_samples=max_samples)

    monkeypatch.setattr(recording.metrics, "select", narrow)
    found = FindingsService(recording.database, recording.metrics).find(SICK)
    said = "only the last 11 min were looked at" if kinds else "there are too many series to look for findings"
    assert said in found.warnings[0]
    assert [one.kind for one in found.findings] == kinds
    with pytest.raises(NotFound):
        FindingsService(recording.database, recording.metrics).find("session_nobody")


def test_without_metrics_nothing_was_looked_at(tmp_path: Path) -> None:
    """Which is not the same as nothing found."""
    made = MetricRecording(tmp_path / "data")
    made.committer.submit_events(ev.body([ev.node_definition(1, session="session_bare")]), None).result(30)
    made.committer.submit_report(lambda _: None).result(30)
    found = FindingsService(made.database, made.metrics).find("session_bare")
    assert (found.findings, found.looked_from_ms) == ([], None)
    made.close()
