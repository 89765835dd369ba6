"""Sums made in the store against the series themselves: the same rates, and the same newest values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.model.metrics import Matcher
from rayscope.query.metrics.frames import Frame, is_absent, is_stale
from support.metrics import SESSION, START_MS, AgentBodies, MetricRecording, key
from support.recording import stored

STEP_MS = 15_000
NUMBERS = count()


def rate(times: Sequence[int], values: Sequence[float], start: int, end: int) -> float | None:
    """Prometheus's `increase`, of one series and window."""
    inside = [(time, value) for time, value in zip(times, values, strict=True) if start <= time <= end]
    if len(inside) < 2:
        return None
    increase = inside[-1][1] - inside[0][1] + sum(before for (_, before), (_, after) in pairwise(inside) if after < before)
    sampled, to_start, to_end = inside[-1][0] - inside[0][0], inside[0][0] - start, end - inside[-1][0]
    average = sampled / (len(inside) - 1)
    if increase > 0 and inside[0][1] >= 0:
        to_start = min(to_start, sampled * inside[0][1] / increase)
    length = sampled + (to_start if to_start < 1.1 * average else average / 2) + (to_end if to_end < 1.1 * average else average / 2)
    return increase * length / sampled


def newest(times: Sequence[int], values: Sequence[float], _: int, end: int) -> float | None:
    """The newest value, within five minutes."""
    inside = [value for time, value in zip(times, values, strict=True) if end - 300_000 <= time <= end]
    return inside[-1] if inside and not is_stale(np.array(inside[-1:]))[0] else None


def totals(frames: Sequence[Frame], counters: bool) -> dict[tuple[str, int], float]:
    """By the label g and the end of a window: the sum over all series of the frames."""
    found: dict[tuple[str, int], float] = {}
    for frame in frames:
        for labels, values in zip(frame.labels, frame.values, strict=True):
            there = ~is_absent(values) & ~(is_stale(values) if counters else False)
            for end in range(START_MS, START_MS + 20 * STEP_MS, STEP_MS):
                value = (rate if counters else newest)(frame.times[there].tolist(), values[there], end - 60_000, end)
                if value is not None:
                    found[labels.get("g", ""), end] = found.get((labels.get("g", ""), end), 0.0) + value
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetricRecording]:
    recording = MetricRecording(tmp_path_factory.mktemp("sums"))
    yield recording
    recording.close()


CHANGES = st.one_of(st.just(0.0), st.integers(0, 50).map(float), st.sampled_from([0.25, 1e6, 1 / 3, 3e9]), st.sampled_from([-5.0, -1e9]))


@stored
@given(data=st.data(), counters=st.booleans())
def test_sums_are_those_of_the_series(folder: MetricRecording, data: st.DataObject, counters: bool) -> None:
    """Counters that fall, begin, end and have holes, through flushes, in groups: what is summed in the store changes no rate."""
    session = f"session_{next(NUMBERS)}"
    agent = AgentBodies(session=session)
    series = [key("x_total", g=str(number % 3), n=str(number)) for number in range(data.draw(st.integers(1, 8)))]
    rough = data.draw(st.booleans())
    values = {one: data.draw(st.sampled_from([0.0, 10.0, 1e4, 1e10])) for one in series}
    for at in range(data.draw(st.integers(2, 14))):
        found = {}
        for one in series:
            values[one] = max(values[one] + data.draw(CHANGES if rough else st.integers(0, 90).map(float)), 0.0)
            if not rough or data.draw(st.integers(0, 15)):
                found[one] = values[one]
        gone = [one for one in series if one not in found]
        folder.ship(agent.body((START_MS + at * STEP_MS, found), stale=gone))
        if data.draw(st.integers(0, 4)) == 0:
            folder.ingest.flush()
    if data.draw(st.booleans()):
        folder.ship(agent.body((START_MS + 14 * STEP_MS, {}), stale=series))
    matchers = [Matcher("__name__", "=", "x_total")]
    plain = folder.metrics.select(session, matchers, 0, 1 << 60, max_samples=10_000)
    summed = folder.metrics.select_sums(session, matchers, 0, 1 << 60, names=["g"], counters=counters, max_samples=10_000)
    expected = totals(plain, counters)
    assert totals(summed, counters) == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_steady_counters_become_one_row(folder: MetricRecording) -> None:
    """By group; and without a label, too."""
    agent = AgentBodies(session=SESSION)
    for at in range(6):
        folder.ship(agent.body((START_MS + at * STEP_MS, {key("y", g=str(number % 2), n=str(number)): 1000.0 + at * number for number in range(10)})))
        if at == 3:
            folder.ingest.flush()
    matchers = [Matcher("__name__", "=", "y")]
    (frame,) = folder.metrics.select_sums(SESSION, matchers, 0, 1 << 60, names=["g"])
    assert frame.labels == [{"g": "0"}, {"g": "1"}]
    assert frame.values[:, 5].tolist() == [5000 + 5 * 20, 5000 + 5 * 25]
    (frame,) = folder.metrics.select_sums(SESSION, matchers, 0, 1 << 60, names=["n", "node", "session"], without=True)
    assert [labels["g"] for labels in frame.labels] == ["0", "1"]
    assert "n" not in frame.labels[0]
    assert frame.labels[0]["job"] == "ray"
