"""A job whose driver's node died is lost with it, until somebody says how it ended."""

from __future__ import annotations

from rayscope.ingest.reports import fold_snapshot
from rayscope.model.report import StateSnapshot
from support import events as ev
from support.ids import node_id
from support.recording import Recording


def snapshot(recording: Recording, taken: int, **more: object) -> None:
    row = {"submission_id": "sub", "status": "RUNNING", "entrypoint": "x", "start_time": ev.at(1) // 10**6, "driver_node_id": node_id(2).hex()}
    report = StateSnapshot(session=ev.SESSION, taken_ns=ev.at(taken), submissions=[row | more])
    recording.report(lambda changes: fold_snapshot(changes, report))


def test_a_dead_node_takes_its_driver_along(recording: Recording) -> None:
    """LOST, with the reason; FAILED once Ray has said so."""
    recording.post([ev.node_definition(1), ev.node_alive(1, ev.at(0), head=True), ev.node_definition(2), ev.node_alive(2, ev.at(0))])
    snapshot(recording, 5)
    (job,) = recording.rows("jobs")
    assert (job["status"], job["end_ns"]) == ("RUNNING", None)
    recording.post([ev.node_dead(2, ev.at(60))])
    (job,) = recording.rows("jobs")
    assert (job["status"], job["end_ns"]) == ("LOST", ev.at(60))
    assert job["message"].startswith("its driver's node died")
    snapshot(recording, 90, status="FAILED", end_time=ev.at(80) // 10**6, message="supervisor died")
    (job,) = recording.rows("jobs")
    assert (job["status"], job["message"]) == ("FAILED", "supervisor died")
