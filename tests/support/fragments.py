"""Strategies for fragments of attempts and rows of entities: any columns known, any unknown."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

from rayscope.ingest.entities import ENTITIES, union_transitions
from rayscope.ray.ids import task_key
from rayscope.store.attempt import COLUMNS, KEY, NUMBERS, UNIONS, Attempt
from rayscope.store.entity import EntityTable, Row
from support.events import at
from support.ids import task_id

TIMES = st.integers(min_value=at(0), max_value=at(3))
WORDS = st.text(alphabet="ab.(é", max_size=3)
OBJECTS = st.dictionaries(st.sampled_from(["task:execute", "task::f", 'a"b']), WORDS, min_size=1, max_size=2).map(
    lambda value: msgspec.json.encode(value, order="deterministic").decode()
)


def _value(column: str) -> st.SearchStrategy[Any]:
    if column in UNIONS:
        return OBJECTS
    return TIMES if column in NUMBERS else WORDS


def attempts(session_no: int = 1, task: bytes = task_id(1), attempt: int = 0) -> st.SearchStrategy[Attempt]:
    """Fragments of one attempt."""
    fixed = {"session_no": session_no, "task_id": task.hex(), "attempt": attempt, "task_key": task_key(task.hex())}
    free = {column: st.none() | _value(column) for column in COLUMNS if column not in {*KEY, "task_key", "word_ns"}}
    return st.builds(Attempt, word_ns=TIMES, **{name: st.just(value) for name, value in fixed.items()}, **free)


_TRANSITION = st.fixed_dictionaries(
    {"time_ns": TIMES, "state": st.sampled_from(["PENDING_CREATION", "ALIVE", "RESTARTING", "DEAD"])},
    optional={"node_id": WORDS, "worker_id": WORDS, "pid": st.integers(1, 3), "death_cause": st.just({"why": "x"})},
)
_TRANSITIONS = st.lists(_TRANSITION, min_size=1, max_size=3).map(lambda items: union_transitions(msgspec.json.encode(items).decode(), "[]"))


def _entity_value(table: EntityTable, column: str) -> st.SearchStrategy[Any]:
    if column == "transitions":
        return _TRANSITIONS
    return TIMES if column.endswith("_ns") else WORDS


_COLUMNS = {
    "node": ["node_ip", "state_message", "start_ns", "end_ns"],
    "worker": ["worker_type", "exit_detail", "launch_ns", "start_ns", "end_ns"],
    "driver_job": ["entrypoint", "start_ns", "end_ns"],
    "submission": ["entrypoint", "pending_ns", "latest_ns", "end_ns", "end_status", "message"],
    "actor": ["class_name", "transitions"],
    "placement_group": ["name", "created_ns", "ready_ns", "latest_ns", "state", "placed_ns", "bundles", "stats"],
    "runtime_env": ["runtime_env", "first_seen_ns", "latest_ns", "error"],
    "run": ["command", "started_ns", "ended_ns"],
    "cluster_road": ["heard_ns", "dashboard"],
}


def rows(table: EntityTable) -> st.SearchStrategy[Row]:
    """Words on one entity, each of some columns, as they wait to be written."""
    key = {name: st.just(1 if name == "session_no" else "k") for name in table.key}
    optional = {column: st.none() | _entity_value(table, column) for column in _COLUMNS[table.name]}
    return st.fixed_dictionaries(key, optional=optional).map(lambda row: table.derive(row) if table.derive else row)


TABLES = {table.name: table for table in ENTITIES}
