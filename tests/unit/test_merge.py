"""Fragments and rows merge so that neither their order, nor their grouping, nor repeats matter."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayscope.ingest.entities import NODE, PLACEMENT_GROUP, derive_actor, union_transitions
from rayscope.store.attempt import Attempt, merge
from rayscope.store.entity import Row
from support.events import at
from support.fragments import TABLES, attempts, rows


def known(row: Row) -> Row:
    """A row without the columns of which nothing is known."""
    return {name: value for name, value in row.items() if value is not None}


@given(attempts(), attempts(), attempts())
@settings(max_examples=50)
def test_fragments_merge_in_any_order_and_grouping(one: Attempt, two: Attempt, three: Attempt) -> None:
    """The merge of fragments is commutative and associative."""
    assert merge(one, two) == merge(two, one)
    assert merge(merge(one, two), three) == merge(one, merge(two, three))


@given(attempts(), attempts())
@settings(max_examples=50)
def test_a_fragment_twice_is_a_fragment_once(one: Attempt, two: Attempt) -> None:
    """The merge is idempotent, also with what was merged before."""
    assert merge(one, one) == one
    assert merge(merge(one, two), two) == merge(one, two)


@given(attempts())
def test_nothing_known_changes_nothing(one: Attempt) -> None:
    """An empty fragment of the same attempt is neutral but for its time of arrival."""
    empty = Attempt(one.session_no, one.task_id, one.attempt, one.task_key, 0)
    assert merge(one, empty) == one


def test_objects_unite() -> None:
    """What several fragments say by name is kept of all of them, not of the greatest alone."""
    one, two = Attempt(1, "a", 0, 0, 0, profile_extra='{"task:execute":"x"}'), Attempt(1, "a", 0, 0, 0, profile_extra='{"task::f":"y"}')
    assert msgspec.json.decode(merge(one, two).profile_extra or "") == {"task:execute": "x", "task::f": "y"}


@pytest.mark.parametrize("name", sorted(TABLES))
@given(data=st.data())
@settings(max_examples=60)
def test_rows_merge_in_any_order_and_grouping(name: str, data: Any) -> None:
    """The merge of an entity's rows is commutative, associative and idempotent, whatever each of them knows."""
    table = TABLES[name]
    one, two, three = (data.draw(rows(table)) for _ in range(3))
    assert known(table.merge(one, two)) == known(table.merge(two, one))
    assert known(table.merge(table.merge(one, two), three)) == known(table.merge(one, table.merge(two, three)))
    assert known(table.merge(one, one)) == known(one)
    assert known(table.merge(table.merge(one, two), two)) == known(table.merge(one, two))


@given(rows(TABLES["actor"]), rows(TABLES["actor"]))
def test_an_actor_is_what_its_last_transition_says(one: Row, two: Row) -> None:
    """However its transitions came, an actor is in the state of its latest, the later state of two at one time."""
    merged = TABLES["actor"].merge(one, two)
    if merged.get("transitions") is None:
        return
    transitions = msgspec.json.decode(merged["transitions"])
    latest = [item["state"] for item in transitions if item["time_ns"] == max(item["time_ns"] for item in transitions)]
    assert merged["state"] in latest
    assert merged["state"] == "DEAD" or "DEAD" not in latest
    assert (merged["end_ns"] is not None) == (merged["state"] == "DEAD")


def test_transitions_unite_in_order_of_time() -> None:
    """Each transition counts once, in its place."""
    alive, dead = {"time_ns": at(1), "state": "ALIVE", "pid": 7}, {"time_ns": at(2), "state": "DEAD"}
    one, other = (msgspec.json.encode(items).decode() for items in ([dead], [alive, dead]))
    assert msgspec.json.decode(union_transitions(one, other)) == [alive, dead]
    row = derive_actor({"transitions": union_transitions(one, other)})
    assert (row["state"], row["pid"], row["alive_ns"], row["end_ns"]) == ("DEAD", 7, at(1), at(2))


def test_a_dead_node_says_why_it_died() -> None:
    """That a node was draining is no reason any more when its death has one."""
    key = {"session_no": 1, "node_id": "ab"}
    merged = NODE.merge(key | {"state_message": "draining"}, key | {"state_message": "Unexpected termination", "end_ns": at(2)})
    assert merged["state_message"] == "Unexpected termination"


def test_a_placement_group_keeps_its_bundles_when_its_state_changes() -> None:
    """The newest state and the newest bundles come from different words."""
    key = {"session_no": 1, "placement_group_id": "ab"}
    definition = key | {"latest_ns": at(0), "state": "PENDING", "placed_ns": at(0), "bundles": "[1]"}
    snapshot = key | {"latest_ns": at(1), "state": "CREATED", "placed_ns": at(1), "bundles": "[2]", "stats": "{}"}
    removal = key | {"latest_ns": at(2), "state": "REMOVED"}
    merged = PLACEMENT_GROUP.merge(PLACEMENT_GROUP.merge(removal, definition), snapshot)
    assert (merged["state"], merged["bundles"], merged["stats"]) == ("REMOVED", "[2]", "{}")
