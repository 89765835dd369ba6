"""Samples in and out of a store: exactly once, exactly as they were, before and after flushes and crashes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.errors import Conflict, PayloadError
from rayscope.model.metrics import Family, Matcher
from rayscope.query.metrics.frames import is_stale
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


@stored
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
