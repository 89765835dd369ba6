"""Overviews against levels counted in Python, and what they find to need attention."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.errors import FilterError
from rayscope.query.moment import View
from rayscope.query.overview import Overviews
from support import events as ev
from support.cluster import SESSIONS, cluster
from support.events import T0, Event, at
from support.ids import task_id
from support.recording import Recording, stored

MS = 1_000_000
_numbers = itertools.count()

TIMES = st.tuples(st.integers(0, 500), st.integers(0, 300), st.one_of(st.none(), st.integers(0, 500)), st.booleans())
"""When submitted, how long it waited, how long it ran (None: it still does), whether it failed."""


def events_of(number: int, times: tuple[int, int, int | None, bool], session: str) -> list[Event]:
    submitted, waited, ran, failed = times
    states = {"PENDING_ARGS_AVAIL": T0 + submitted * MS, "RUNNING": T0 + (submitted + waited) * MS}
    if ran is not None:
        states["FAILED" if failed else "FINISHED"] = T0 + (submitted + waited + ran) * MS
    task = task_id(number + 1)
    return [ev.task_definition(task, session=session, requiredResources={"CPU": 2.0}), ev.task_lifecycle(task, states, worker=1, node=1, session=session)]


def mean_level(spans: list[tuple[int, int]], begin: int, end: int) -> float:
    return sum(max(min(until, end) - max(start, begin), 0) for start, until in spans) / (end - begin)


@stored
@given(runs=st.lists(TIMES, min_size=1, max_size=25), start=st.integers(-50, 600), length=st.integers(1, 900), bins=st.integers(1, 40))
def test_levels_are_exact(shared: Recording, runs: list[tuple[int, int, int | None, bool]], start: int, length: int, bins: int) -> None:
    """The mean of a bin is the time in it by its width; ends add up."""
    session = f"session_overview_{next(_numbers)}"
    shared.post([event for number, times in enumerate(runs) for event in events_of(number, times, session)])
    view = View(session=session, start=str(T0 + start * MS), end=str(T0 + (start + length) * MS))
    found = Overviews(shared.database).overview(view, bins)
    running = [(s + w, 2**40 if r is None else s + w + r) for s, w, r, _ in runs]
    waiting = [(s, s + w) for s, w, _, _ in runs]
    for at_bin, t_ns in enumerate(found.counts.t_ns):
        begin, end = (t_ns - T0) / MS, (min(t_ns + found.bin_ns, found.to_ns) - T0) / MS
        part = (end - begin) * MS / found.bin_ns
        assert found.counts.running[at_bin] == pytest.approx(mean_level(running, begin, end) * part, abs=0.002)
        assert found.counts.pending[at_bin] == pytest.approx(mean_level(waiting, begin, end) * part, abs=0.002)
        used = next(series for series in found.resources if series.name == "CPU").used if found.resources else [0.0] * len(found.counts.t_ns)
        assert used[at_bin] == pytest.approx(2 * found.counts.running[at_bin], abs=0.002)
    ended = [s + w + r for s, w, r, _ in runs if r is not None and start <= s + w + r < start + length]
    assert sum(found.counts.finished) + sum(found.counts.failed) == len(ended)


def kinds(recording: Recording, **asked: Any) -> dict[str, Any]:
    found = Overviews(recording.database).overview(View(**asked), 100)
    return {one.kind: one for one in found.attention}


def test_what_needs_attention(recording: Recording) -> None:
    """Failures, a lost node, a dead actor, a worker that died, tasks that wait long; each with where to look."""
    recording.post(cluster(SESSIONS[0]))
    found = kinds(recording)
    assert {"failures", "node_lost", "actor_dead", "worker_died", "pending_long"} <= found.keys()
    assert found["node_lost"].detail == "no heartbeat"
    assert "waiting" in found["pending_long"].text
    for one in found.values():
        if one.link and one.link.view in {"tasks", "actors", "workers"} and "filter" in one.link.params:
            assert recording.page(one.link.view, filters=tuple(one.link.params["filter"])).num_filtered


def test_totals_are_those_of_the_listing(recording: Recording) -> None:
    """Tasks once; nodes, actors and jobs by state."""
    recording.post(cluster(SESSIONS[0]))
    totals = Overviews(recording.database).overview(View(), 10).totals
    assert totals.tasks == recording.rows("sessions")[0]["tasks"]
    assert totals.attempts == recording.page("tasks").total
    assert totals.nodes == recording.page("nodes").total
    assert totals.nodes_alive == recording.page("nodes", filters=("state=ALIVE",)).num_filtered
    assert totals.tasks == totals.finished + totals.running + totals.pending + totals.failed + totals.lost


def test_a_resource_that_no_node_has_is_named(recording: Recording) -> None:
    """Tasks that wait for what the cluster has not."""
    task = task_id(1)
    recording.post(
        [
            ev.node_definition(1),
            ev.node_alive(1, at(0), head=True),
            ev.task_definition(task, name="train", requiredResources={"GPU": 1.0}),
            ev.task_lifecycle(task, {"PENDING_ARGS_AVAIL": at(1), "PENDING_NODE_ASSIGNMENT": at(1)}),
        ]
    )
    text = kinds(recording)["pending_long"].text
    assert text == "1 task of train wait for 1 GPU, and the cluster has no more than 0 GPU"


def test_the_past(recording: Recording) -> None:
    """As of then, what failed later is not known."""
    recording.post(cluster(SESSIONS[0]))
    then = Overviews(recording.database).overview(View(at=str(at(1.9))), 10)
    assert then.totals.failed == 0
    assert then.to_ns == at(1.9)
    assert "failures" not in {one.kind for one in then.attention}


@pytest.mark.parametrize("bins", [0, 2001])
def test_bins_are_bounded(recording: Recording, bins: int) -> None:
    with pytest.raises(FilterError):
        Overviews(recording.database).overview(View(), bins)


def test_nothing_recorded_of_tasks(recording: Recording) -> None:
    """A session without tasks has an overview too."""
    recording.post([ev.node_definition(1), ev.node_alive(1, at(0), head=True)])
    found = Overviews(recording.database).overview(View(), 10)
    assert found.totals.tasks == 0
    assert found.totals.nodes_alive == 1
