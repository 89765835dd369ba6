"""Call graphs against the same counted in Python."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.errors import FilterError
from rayscope.model.callgraph import CallGraph
from rayscope.query.callgraph import call_graph
from rayscope.query.moment import View
from support import events as ev
from support.cluster import SESSIONS, cluster
from support.events import at
from support.ids import actor_id, constructor_id, method_id, task_id, wire
from support.recording import Recording, stored

_numbers = itertools.count()

CALLS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-2, 10), st.booleans()), min_size=1, max_size=25)
"""Tasks: which function, called by which task before it (-1: the driver, -2: one that is not recorded), and whether it failed."""


def record(recording: Recording, calls: list[tuple[str, int, bool]]) -> tuple[str, list[str]]:
    """A session of its own, and the caller of each task."""
    session, events, callers = f"session_graph_{next(_numbers)}", [], []
    for number, (name, parent, failed) in enumerate(calls):
        known = 0 <= parent < number
        callers.append(f"function:{calls[parent][0]}" if known else "unknown" if parent == -2 else "driver")
        parent_id = task_id(parent + 1) if known else task_id(9999) if parent == -2 else b"\xff" * 20 + b"\x01\0\0\0"
        state = "FAILED" if failed else "FINISHED"
        events += ev.whole_task(task_id(number + 1), name=name, start=at(1), end=at(2), state=state, session=session, parentTaskId=wire(parent_id))
    recording.post(events)
    return session, callers


def graph(recording: Recording, session: str, top: int = 40, **asked: Any) -> CallGraph:
    return call_graph(recording.database, View(session=session, **asked), None, top)


@stored
@given(calls=CALLS, top=st.integers(1, 5))
def test_every_call_is_an_edge(shared: Recording, calls: list[tuple[str, int, bool]], top: int) -> None:
    """Counts of edges and nodes add up, also where most is folded."""
    session, callers = record(shared, calls)
    found = graph(shared, session, top)
    kept = {node.id for node in found.nodes if node.kind == "function"}
    expected = Counter(
        (caller if caller in kept or not caller.startswith("function:") else "other", target if target in kept else "other")
        for caller, target in zip(callers, (f"function:{name}" for name, _, _ in calls), strict=True)
    )
    assert {(edge.source, edge.target): edge.calls for edge in found.edges} == expected
    assert sum(edge.failed for edge in found.edges) == sum(failed for _, _, failed in calls)
    assert sum(node.attempts for node in found.nodes) == found.attempts == len(calls)
    assert len(kept) == min(top, len({name for name, _, _ in calls}))
    assert found.unknown_parents == callers.count("unknown")
    ids = {node.id for node in found.nodes}
    assert all(edge.source in ids and edge.target in ids for edge in found.edges)


def test_an_actor_is_one_node(recording: Recording) -> None:
    """Its constructor and its methods together, with the methods listed; who calls from a method calls from its class."""
    inner = ev.whole_task(task_id(1), name="inner", start=at(3), end=at(4), parentTaskId=wire(method_id(1, 1)))
    recording.post(
        [
            *ev.whole_task(constructor_id(1), name="Counter.__init__", taskType="ACTOR_CREATION_TASK", start=at(1), end=at(2)),
            ev.actor_task_definition(method_id(1, 1), actor_id(1)),
            ev.task_lifecycle(method_id(1, 1), {"RUNNING": at(2.5), "FINISHED": at(5)}, worker=2, node=2),
            *inner,
        ]
    )
    found = graph(recording, "latest")
    (actor,) = (node for node in found.nodes if node.kind == "actor")
    assert actor.label == "Counter"
    assert {method.name for method in actor.methods} == {"__init__", "add"}
    assert ("actor:Counter", "function:inner", 1) in {(edge.source, edge.target, edge.calls) for edge in found.edges}
    assert ("driver", "actor:Counter", 2) in {(edge.source, edge.target, edge.calls) for edge in found.edges}


def test_callers_outside_the_filter_are_found(recording: Recording) -> None:
    """A filter chooses the calls, not the callers; the links of nodes show the attempts that were counted."""
    recording.post(
        [
            *ev.whole_task(task_id(1), name="outer", start=at(1), end=at(4)),
            *ev.whole_task(task_id(2), name="inner", start=at(2), end=at(3), parentTaskId=wire(task_id(1))),
        ]
    )
    found = graph(recording, "latest", filters=("name=inner",))
    assert [(edge.source, edge.target) for edge in found.edges] == [("other", "function:inner")]
    assert {node.label for node in found.nodes} == {"inner", "callers outside the filter"}
    for node in graph(recording, "latest").nodes:
        if node.kind == "function":
            assert node.link is not None
            assert recording.page("tasks", filters=tuple(node.link.params["filter"])).num_filtered == node.attempts


def test_of_a_job_of_the_past_and_of_nothing(recording: Recording) -> None:
    """Only its calls; only what was then; an empty graph where nothing is."""
    recording.post(cluster(SESSIONS[0]))
    of_two = call_graph(recording.database, View(), "02000000", 40)
    assert {node.label for node in of_two.nodes if node.kind == "function"} == {"slow", "waiting"}
    assert graph(recording, "latest", at=str(at(0))).nodes == []
    assert graph(recording, "latest", filters=("name=nothing",)).edges == []
    with pytest.raises(FilterError):
        graph(recording, "latest", top=0)
