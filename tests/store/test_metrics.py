"""Samples in and out of a store: exactly once, exactly as they were, before and after flushes and crashes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayscope.errors import Conflict, PayloadError
from rayscope.ingest.logs import LogIngest
from rayscope.ingest.reports import fold_run
from rayscope.ingest.retention import Retainer
from rayscope.model.metrics import Family, Matcher, Write
from rayscope.model.report import RunReport
from rayscope.query.metrics.frames import is_stale
from rayscope.query.retention import parse_retention
from rayscope.store.limits import METRIC_RAW_S
from rayscope.store.metrics.head import Part, matrices_of, sample_count
from rayscope.store.metrics.index import old_blocks
from rayscope.store.retention import deletions
from support.metrics import SESSION, START_MS, AgentBodies, MemoryMetrics, MetricRecording, key
from support.recording import stored


def test_memory_metrics_answer() -> None:
    """The evaluator's stand-in."""
    metrics = MemoryMetrics()
    metrics.put({"__name__": "up", "job": "ray", "instance": "a"}, [(START_MS, 1.0), (START_MS + 15_000, 0.0), (START_MS + 30_000, None)])
    metrics.put({"__name__": "up", "job": "ray", "instance": "b"}, [(START_MS, 2.0)])
    (frame,) = metrics.select(SESSION, [Matcher("__name__", "=", "up"), Matcher("instance", "=~", "a|c")], START_MS, START_MS + 60_000)
    assert frame.labels == [{"__name__": "up", "instance": "a", "job": "ray", "session": SESSION}]
    assert frame.times.tolist() == [START_MS, START_MS + 15_000, START_MS + 30_000]
    assert is_stale(frame.values).tolist() == [[False, False, True]]
    assert metrics.label_values(None, "instance") == ["a", "b"]
    assert metrics.label_names(SESSION) == ["__name__", "instance", "job", "session"]
    cursor, frames = metrics.tail(0, 1000)
    assert sum(int(np.isfinite(one.values).sum()) for one in frames) == 3
    assert metrics.tail(cursor, 1000) == (cursor, [])
    metrics.close()


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[MetricRecording]:
    """An empty store."""
    made = MetricRecording(tmp_path / "data")
    yield made
    made.close()


def test_samples_come_back(recording: MetricRecording, tmp_path: Path) -> None:
    """Of two scrapes, with a series that ends; and again after a crash."""
    agent = AgentBodies()
    a, b = key("x_total", k="1"), key("x_total", k="2")
    recording.ship(agent.body((START_MS, {a: 1.0, b: 2.0}), families=[("x_total", "counter", "So many.", "")]))
    recording.ship(agent.body((START_MS + 5000, {a: 3.0}), stale=[b]))
    expected = {
        "__name__=x_total,instance=10.0.0.1:8080,job=ray,k=1": [(START_MS, 1.0), (START_MS + 5000, 3.0)],
        "__name__=x_total,instance=10.0.0.1:8080,job=ray,k=2": [(START_MS, 2.0), (START_MS + 5000, pytest.approx(np.nan, nan_ok=True))],
    }
    assert recording.samples() == expected
    assert recording.metrics.families(None) == [Family("x_total", "counter", "So many.", "")]
    recording.crash()
    again = MetricRecording(tmp_path / "data")
    assert again.samples() == expected
    again.close()


def test_bodies_count_once(recording: MetricRecording) -> None:
    """Repeats are acknowledged and ignored; a gap and an unknown epoch are a conflict; what is malformed is refused alone."""
    agent = AgentBodies()
    first, second, third = (agent.body((START_MS + at * 1000, {key("x"): float(at)})) for at in range(3))
    recording.ship(first)
    recording.ship(first)
    with pytest.raises(Conflict, match="body 2 of epoch 'epoch-1' comes where 1 is expected"):
        recording.ship(third)
    broken = msgspec.msgpack.decode(second)
    broken["scrapes"][0]["ids"] = b"\x07\0\0\0"
    with pytest.raises(PayloadError, match="a series that is not defined: the epoch has 1"):
        recording.ship(msgspec.msgpack.encode(broken))
    recording.ship(second)
    recording.ship(third)
    ((_, samples),) = recording.samples().items()
    assert samples == [(START_MS + at * 1000, float(at)) for at in range(3)]
    with pytest.raises(Conflict):
        recording.ship(msgspec.msgpack.encode(msgspec.msgpack.decode(second) | {"epoch": "other"}))


SERIES = [key("a_total", k=str(number)) for number in range(4)] + [key("b", quote='"x\n')]


@settings(stored, max_examples=12)  # each opens a store several times
@given(data=st.data())
def test_what_was_acknowledged_is_there(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Scrapes of any series in any bodies, with flushes, crashes and new epochs in between, give the samples that went in."""
    folder = tmp_path_factory.mktemp("metrics")
    recording, agent = MetricRecording(folder), AgentBodies()
    expected: dict[str, list[tuple[int, float]]] = {}
    at = START_MS
    for turn in range(data.draw(st.integers(1, 12))):
        found = data.draw(st.dictionaries(st.sampled_from(SERIES), st.floats(allow_nan=False), max_size=5))
        at += data.draw(st.integers(1, 20_000))
        recording.ship(agent.body((at, found)))
        for (name, labels), value in found.items():
            text = ",".join(f"{label}={one}" for label, one in sorted({"__name__": name, "instance": "10.0.0.1:8080", "job": "ray", **labels}.items()))
            expected.setdefault(text, []).append((at, value))
        match data.draw(st.sampled_from(["", "", "flush", "crash", "close", "epoch"])):
            case "flush":
                recording.ingest.flush()
            case "crash" | "close" as how:
                recording.crash() if how == "crash" else recording.close()
                recording = MetricRecording(folder)
            case "epoch":
                agent = AgentBodies(epoch=f"epoch-{turn + 2}")
    assert recording.samples() == expected
    recording.close()


def test_tail_goes_on_where_it_was(recording: MetricRecording) -> None:
    """In steps, through a flush; each sample at least once, in order of arrival."""
    agent = AgentBodies()
    for at in range(10):
        recording.ship(agent.body((START_MS + at * 1000, {key("x"): float(at), key("y"): 0.0})))
        if at == 6:
            recording.ingest.flush()
    cursor, seen = 0, []
    while True:
        after, frames = recording.metrics.tail(cursor, 5)
        if after == cursor:
            break
        cursor = after
        seen += [int(time) for frame in frames for time in frame.times]
    assert seen == [START_MS + at * 1000 for at in range(10)]


def test_blocks_are_merged_and_thinned(recording: MetricRecording) -> None:
    """What was merged reads as before; what is thinned keeps a sample a minute; the segments that nothing is left in go."""
    agent = AgentBodies()
    begin = int(time.time() * 1000) - 3_600_000
    for at in range(40):
        recording.ship(agent.body((begin + at * 10_000, {key("x_total", n=str(number)): float(at * number) for number in range(5)})))
        if at % 4 == 3:
            recording.ingest.flush()
    before, upkeep, store = recording.samples(), recording.ingest.upkeep, recording.ingest.store
    (session,) = store.known(SESSION)
    assert len(store.directory.of(session.session_no)) == 10
    assert upkeep.compact(begin + 401_000, 60) == 1
    assert len(store.directory.of(session.session_no)) == 1
    assert recording.samples() == before
    far_ms = begin + int(METRIC_RAW_S * 1000) + 500_000
    upkeep.tidy(far_ms, 60)
    thin = recording.samples()
    assert all(set(samples) <= set(before[text]) and len(samples) in {7, 8, 9} for text, samples in thin.items())
    assert [samples[-1] for samples in thin.values()] == [samples[-1] for samples in before.values()]
    store.directory._empty = dict.fromkeys(store.directory._empty, -100.0)
    upkeep.tidy(far_ms, 60)
    assert sum(path.stat().st_size for path in store.folder.glob("*/[012]/*.seg")) <= 2 * 64_000
    recording.close()
    again = MetricRecording(recording.folder)
    assert again.samples() == thin
    again.close()


def test_the_budget_drops_new_series_by_rule(tmp_path: Path) -> None:
    """Known series go on; the last tenth is for metrics with few; what is left out is counted, with the offenders, also after a restart."""
    recording, agent = MetricRecording(tmp_path, series=100), AgentBodies()
    many = {key("grows", n=str(number)): 1.0 for number in range(200)}
    recording.ship(agent.body((START_MS, {key("calm"): 1.0} | many)))
    recording.ship(agent.body((START_MS + 1000, {key("calm"): 2.0, key("new"): 1.0} | many)))
    for _ in range(2):
        budget = recording.metrics.budget(SESSION)
        assert (budget.limit, budget.series, budget.dropped_series, budget.dropped_samples) == (100, 91, 111, 222)
        assert budget.offenders[0] == ("grows", 200)
        assert len(recording.samples(Matcher("__name__", "=", "new"))) == 1
        assert all(len(samples) == 2 for samples in recording.samples(Matcher("__name__", "=", "grows")).values())
        recording.close()
        recording = MetricRecording(tmp_path, series=100)
    recording.close()


def test_what_cannot_be_is_refused_and_counted(recording: MetricRecording) -> None:
    """Samples from the future, of the past, twice; labels without bound; NaN and infinities are samples."""
    agent, now = AgentBodies(), int(time.time() * 1000)
    odd = {key("x", k="nan"): float("nan"), key("x", k="inf"): float("-inf"), key("x", k="v" * 5000): 1.0}
    recording.ship(agent.body((now, odd), (now, odd), (now - 1, odd), (now + 700_000, odd), (now + 500_000, odd)))
    budget = recording.metrics.budget(SESSION)
    assert budget.rejected == {"oversized labels": 1, "duplicate": 3, "out of order": 3, "future": 3}
    assert budget.dropped_samples == 2
    assert {text[-5:]: len(samples) for text, samples in recording.samples().items()} == {"k=nan": 2, "k=inf": 2}


def test_samples_from_outside(recording: MetricRecording, tmp_path: Path) -> None:
    """Each series by its own times; a label `session` is kept under another name; what is refused is told; all of it outlives a kill."""
    times = np.array([START_MS, START_MS + 1000, START_MS + 500, START_MS + 1000, START_MS + 2000])
    labels = {"__name__": "x", "job": "j", "session": "theirs"}
    rejected = recording.metrics.append("outside", [Write(labels, times, np.arange(5.0)), Write({"job": "j"}, times[:2], np.arange(2.0))])
    assert rejected.reasons == {"out of order": 1, "duplicate": 1, "malformed": 2}
    assert recording.metrics.append("outside", [Write(labels, times[:1], np.zeros(1))]).reasons == {"out of order": 1}
    expected = {"__name__=x,exported_session=theirs,job=j": [(START_MS, 0.0), (START_MS + 1000, 1.0), (START_MS + 2000, 4.0)]}
    assert recording.samples(session="outside") == expected
    recording.crash()
    again = MetricRecording(tmp_path / "data")
    assert again.samples(session="outside") == expected
    again.close()


def test_secrets_in_labels_are_masked(recording: MetricRecording) -> None:
    """Before the journal; two different ones stay two series."""
    agent = AgentBodies()
    secret = "ghp_" + "a1B2" * 10
    recording.ship(agent.body((START_MS, {key("x", url=secret): 1.0, key("x", url="ghp_" + "c3D4" * 10): 2.0, key("x", url="plain"): 3.0})))
    values = recording.metrics.label_values(None, "url")
    assert len(values) == 3
    assert sum("[redacted]" in value for value in values) == 2
    assert secret.encode() not in b"".join(path.read_bytes() for path in recording.folder.rglob("*") if path.is_file())


def test_series_that_come_alone_are_kept_without_holes(recording: MetricRecording) -> None:
    """Each at its own times: as many blocks of one row, not one of holes. Those that come together share one."""
    for at in range(3):
        writes = [
            Write({"__name__": "x", "job": "j", "n": str(number)}, np.array([START_MS + at * 1000 + number]), np.array([float(at)])) for number in range(20)
        ]
        together = [Write({"__name__": "y", "job": "j", "n": str(number)}, np.array([START_MS + at * 1000]), np.array([float(at)])) for number in range(1, 20)]
        assert recording.metrics.append(SESSION, writes + together).samples == 0
    expected = recording.samples()
    assert len(expected) == 39
    assert all([value for _, value in samples] == [0.0, 1.0, 2.0] for samples in expected.values())
    recording.ingest.flush()
    assert recording.samples() == expected
    (session,) = recording.ingest.store.known(SESSION)
    assert sorted(row.series for row in recording.ingest.store.directory.of(session.session_no))[-2:] in ([1, 19], [1, 20])
    assert recording.samples(Matcher("n", "=", "7")).keys() == {"__name__=x,job=j,n=7", "__name__=y,job=j,n=7"}


def test_many_times_of_many_series_become_several_blocks() -> None:
    """Rather than a matrix of holes."""
    parts = [Part(1, np.array([number], np.int64), np.array([number], np.int32), np.array([[1.0]])) for number in range(1000)]
    matrices = list(matrices_of(parts))
    assert sum(sample_count(matrix) for matrix in matrices) == 1000
    assert sum(matrix.values.size for matrix in matrices) <= 100_000


def test_retention_deletes_blocks_and_sessions(recording: MetricRecording) -> None:
    """By age, then by size, the oldest first, and what went is written down; a whole session when asked, for good."""
    logs = LogIngest(recording.database, recording.folder / "logs", recording.committer.number)
    now_ms = int(time.time() * 1000)
    agent = AgentBodies()
    for hours in (9, 6, 3, 0):
        recording.ship(agent.body((now_ms - hours * 3_600_000, {key("x", n=str(number)): float(hours) for number in range(50)})))
        recording.ingest.flush()

    def retain(words: str) -> set[float]:
        Retainer(recording.database, logs.store, parse_retention(words), recording.ingest.upkeep).apply(now_ms * 1_000_000, 30)
        return {value for samples in recording.samples().values() for _, value in samples}

    assert retain("logs=1h") == {9.0, 6.0, 3.0, 0.0}
    assert retain("metrics=8h") == {6.0, 3.0, 0.0}
    rows = recording.database.read(lambda connection: old_blocks(connection, None, 10))
    assert retain(f"metrics-size={sum(row.size_bytes for row in rows) - 1}B") == {3.0, 0.0}
    assert {row["cause"] for row in recording.database.read(lambda connection: deletions(connection, kind="metrics"))} == {"age", "size"}
    report = RunReport(session=SESSION, job_id="01000000", ended_ns=now_ms * 1_000_000, cluster_ended=True, started_ns=1)
    recording.committer.submit_report(lambda changes: fold_run(changes, report)).result(30)
    freed = Retainer(recording.database, logs.store, parse_retention(""), recording.ingest.upkeep).delete_session(SESSION)
    assert freed["metrics"] > 0
    logs.close()
    recording.crash()
    again = MetricRecording(recording.folder)
    assert again.samples() == {}
    assert again.metrics.label_names(None) == []
    again.close()
