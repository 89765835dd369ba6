"""Snapshots of object tables for tests: rows in Ray's shape, and ids that say what they should."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rayscope.ingest.objects import fold_objects
from rayscope.model.report import ObjectReport
from support.ids import constructor_id, method_id, task_id
from support.recording import Recording

DRIVER = b"\xff" * 20 + b"\x01\x00\x00\x00"
FIRST_PUT = 100_000_001


def put_id(number: int, task: bytes = DRIVER, attempt: int = 0) -> str:
    """The id of a task's n-th put: the attempt takes the place of the task's first byte."""
    return (bytes([attempt]) + task[1:]).hex() + (FIRST_PUT + number).to_bytes(4, "little").hex()


def return_id(task: bytes | None = None, index: int = 1) -> str:
    """The id of what a task returns."""
    return (task or task_id(1)).hex() + index.to_bytes(4, "little").hex()


def reference(object_id: str, **columns: Any) -> dict[str, Any]:
    """A row of /api/v0/objects: a driver's own put of 100 bytes, unless told otherwise."""
    row = {
        "object_id": object_id,
        "object_size": 100,
        "task_status": "FINISHED",
        "attempt_number": 1,
        "reference_type": "LOCAL_REFERENCE",
        "call_site": "(put object) | main.py:main:7",
        "type": "DRIVER",
        "pid": 9000,
        "ip": "10.0.0.1",
    }
    return row | columns


def report(recording: Recording, taken_ns: int, rows: Sequence[Any], session: str = "session_1", **known: Any) -> None:
    """Post a snapshot, and wait until it can be read."""
    body = ObjectReport(session=session, taken_ns=taken_ns, rows=list(rows), **known)
    recording.report(lambda changes: fold_objects(changes, body))


def object_table() -> list[dict[str, Any]]:
    """References with something in every column and every column empty somewhere, of the cluster of `support.cluster`."""
    return [
        reference(put_id(1)),
        reference(put_id(1), object_size=-1, task_status="NIL", pid=9001, type="WORKER", call_site="disabled", reference_type="PINNED_IN_MEMORY"),
        reference(return_id(task_id(1)), object_size=2**40, pid=9001),
        reference(put_id(2, method_id(1, 1)), pid=1, ip="10.0.0.9"),
        reference(return_id(constructor_id(1)), object_size=-1, reference_type="ACTOR_HANDLE"),
        reference("no id of Ray's", object_size=0),
    ]
