"""What counts as a leak: by facts, made up one by one."""

from __future__ import annotations

from typing import Any

import pytest

from rayscope.query.leaks import Facts, find_leaks
from support.events import SECOND, at
from support.ids import actor_id, method_id, task_id, worker_id
from support.objects import DRIVER

TAKEN = at(1000)
MINUTE = 60 * SECOND
TASK, METHOD = task_id(5).hex(), method_id(6, 2).hex()
ACTOR, WORKER, HOLDER = actor_id(2).hex(), worker_id(1).hex(), worker_id(2).hex()


def ref(**known: Any) -> dict[str, Any]:
    """A reference that a worker borrows to what a normal task put."""
    row = {
        "session": "session_1", "object_id": "aa", "size_bytes": 10, "origin": "PUT", "is_owner": False, "task_id": TASK, "job_id": "01000000",
        "worker_id": HOLDER, "type": "WORKER", "pid": 1, "ip": "10.0.0.1", "function": None, "call_site": None, "first_seen_ns": TAKEN - 10 * MINUTE,
    }  # fmt: skip
    return row | known


def worker(**known: Any) -> dict[str, Any]:
    return {"end_ns": None, "exit_type": None, "job_id": "01000000", "actor_id": None, "class_name": None, "node_end_ns": None, "is_driver": False} | known


def facts(**known: Any) -> Facts:
    """Nothing is known, but for what is given. Asked ten minutes after the snapshot."""
    empty: dict[str, Any] = {"tasks": {}, "actors": {}, "workers": {}, "activity": {}, "job_ends": {}}
    return Facts(taken_ns=TAKEN, until_ns=TAKEN + 10 * MINUTE, **(empty | known))


def reasons(rows: list[dict[str, Any]], known: Facts, idle_ns: int = MINUTE) -> list[str]:
    return [leak.reason for leak in find_leaks(rows, known, idle_ns)]


def test_of_what_nothing_is_known_nothing_is_concluded() -> None:
    """No task, no actor, no worker, no activity."""
    assert reasons([ref(), ref(object_id="bb", origin=None, task_id=None, job_id=None, worker_id=None)], facts()) == []


@pytest.mark.parametrize(
    ("row", "known"),
    [
        ({}, {"tasks": {TASK: {"worker_id": WORKER, "parent_task_id": None, "end_ns": None}}, "workers": {WORKER: worker(end_ns=TAKEN - 1)}}),
        ({}, {"tasks": {TASK: {"worker_id": WORKER, "parent_task_id": None, "end_ns": None}}, "workers": {WORKER: worker(node_end_ns=TAKEN - 1)}}),
        ({"task_id": METHOD}, {"actors": {ACTOR: {"class_name": "Cache", "end_ns": TAKEN - 1}}}),
        (
            {"origin": "RETURN"},
            {"tasks": {TASK: {"worker_id": None, "parent_task_id": METHOD, "end_ns": None}}, "actors": {ACTOR: {"class_name": None, "end_ns": TAKEN - 1}}},
        ),
    ],
    ids=["worker", "node", "actor", "caller"],
)
def test_an_owner_that_is_reported_dead(row: dict[str, Any], known: dict[str, Any]) -> None:
    """The process that put it, or that asked for it; but not if somebody who lives owns it, or it died only later."""
    assert reasons([ref(**row)], facts(**known)) == ["OWNER_DEAD"]
    assert reasons([ref(**row), ref(**row, is_owner=True, pid=2)], facts(**known)) == []
    later = {
        name: {key: {**row, **{part: TAKEN + 1 for part in ("end_ns", "node_end_ns") if row.get(part)}} for key, row in rows.items()}
        for name, rows in known.items()
    }
    assert reasons([ref(**row)], facts(**later)) == []


def test_a_job_that_ended_while_its_object_is_held() -> None:
    """By a detached actor, say."""
    assert reasons([ref(is_owner=True)], facts(job_ends={"01000000": TAKEN - 5})) == ["JOB_ENDED"]
    assert reasons([ref(is_owner=True)], facts(job_ends={"01000000": TAKEN + 5})) == []


def test_holders_that_died_since() -> None:
    """All of them, while their job went on; one that went with its job, or lives, is none."""
    dead = worker(end_ns=TAKEN + MINUTE)
    assert reasons([ref(is_owner=True)], facts(workers={HOLDER: dead})) == ["HOLDERS_DEAD"]
    assert reasons([ref(is_owner=True), ref(worker_id=WORKER)], facts(workers={HOLDER: dead, WORKER: worker()})) == []
    assert reasons([ref(is_owner=True)], facts(workers={HOLDER: dead}, job_ends={"01000000": TAKEN + MINUTE + SECOND})) == []
    assert reasons([ref(is_owner=True)], facts(workers={HOLDER: worker(end_ns=TAKEN + MINUTE, is_driver=True)})) == []
    assert reasons([ref(is_owner=True)], facts(workers={HOLDER: worker(end_ns=TAKEN + 20 * MINUTE)})) == []


def test_holders_that_are_idle() -> None:
    """All of them, for as long as was asked, and it was held for as long."""
    idle = {"last_ns": TAKEN - 5 * MINUTE, "is_busy": False}
    assert reasons([ref(is_owner=True)], facts(activity={HOLDER: idle})) == ["HOLDERS_IDLE"]
    assert reasons([ref(is_owner=True)], facts(activity={HOLDER: idle}), 6 * MINUTE) == []
    assert reasons([ref(is_owner=True)], facts(activity={HOLDER: idle | {"is_busy": True}})) == []
    assert reasons([ref(is_owner=True), ref(worker_id=WORKER)], facts(activity={HOLDER: idle})) == []
    assert reasons([ref(is_owner=True, first_seen_ns=TAKEN - SECOND)], facts(activity={HOLDER: idle})) == []


def test_handles_are_no_leaks_and_the_largest_comes_first() -> None:
    """An actor handle has no bytes to leak."""
    known = facts(job_ends={"01000000": TAKEN - 5})
    rows = [ref(object_id="aa"), ref(object_id="bb", size_bytes=None), ref(object_id="cc", size_bytes=99), ref(object_id="dd", origin="HANDLE")]
    assert [leak.object_id for leak in find_leaks(rows, known, MINUTE)] == ["cc", "aa", "bb"]


def test_evidence_names_who_and_when() -> None:
    """So that a person can look there."""
    known = facts(job_ends={"01000000": TAKEN - 5}, workers={HOLDER: worker(actor_id=ACTOR, class_name="Cache")})
    leak = find_leaks([ref(task_id=DRIVER.hex())], known, MINUTE)[0]
    assert leak.reason == "OWNER_DEAD"
    assert "driver of job 01000000 ended at" in leak.evidence
    assert leak.holders == ["actor Cache pid 1 on 10.0.0.1"]
