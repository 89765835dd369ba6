"""Bodies become durable rows: what is acknowledged goes in, what cannot go in is set aside, and nothing takes its neighbours along."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rayscope.errors import DiskFull, PayloadError, Unavailable
from rayscope.ingest import committer as committer_module
from rayscope.store import changes as store_changes
from rayscope.store import limits
from rayscope.store.applied import applied_position
from rayscope.store.journal import Journal
from support import events as ev
from support.events import at, body
from support.ids import NIL, task_id
from support.recording import WAIT_S, Recording

GOOD = [ev.task_definition(task_id(number)) for number in range(1, 9)]
TOO_LARGE = ev.task_lifecycle(task_id(99), {"RUNNING": at(1)}, pid=10**30)


def names(recording: Recording) -> list[str]:
    """The numbers of the tasks that are there."""
    return sorted(str(int(row["task_id"][:16], 16)) for row in recording.rows("tasks", "all"))


def numbers(*wanted: int) -> list[str]:
    return sorted(map(str, wanted))


def test_an_empty_batch_is_taken(recording: Recording) -> None:
    """A POST of nothing is acknowledged and changes nothing."""
    recording.post([])
    assert recording.queries.totals() == {"sessions": 0, "events": 0, "quarantined": 0}


def test_a_body_that_is_no_array_is_refused(recording: Recording) -> None:
    """Its sender is told; those beside it are not disturbed."""
    with pytest.raises(PayloadError):
        recording.post_body(b'{"not": "an array"}')
    recording.post(GOOD)
    assert len(names(recording)) == 8


def test_events_are_counted_by_type(recording: Recording) -> None:
    """What was received is counted: known types, unknown types, unknown fields, unreadable events."""
    event = ev.task_definition(task_id(1), later=1)
    recording.post([event, ev.task_definition(task_id(2)), ev.event("OBJECT_EVENT", "", None), {"sessionName": ev.SESSION}])
    assert recording.queries.received() == {
        "events_by_type": {"TASK_DEFINITION_EVENT": 2},
        "unknown_event_types": {"OBJECT_EVENT": 1},
        "unknown_fields": {"taskDefinitionEvent.later": 1},
        "redacted": {},
        "quarantined": 1,
    }
    (session,) = recording.rows("sessions")
    assert (session["events"], session["quarantined"]) == (3, 1)


def test_unknown_types_and_fields_are_kept(recording: Recording) -> None:
    """An event of a type that nobody knows yet can be read among the events, with all that it says."""
    recording.post([ev.event("OBJECT_EVENT", "objectEvent", {"size": 7})])
    (event,) = recording.rows("events")
    assert (event["event_type"], event["custom_fields"]) == ("OBJECT_EVENT", {"unknown_fields": {"objectEvent": {"size": 7}}})


def test_unknown_fields_of_tasks_are_kept_across_batches(recording: Recording) -> None:
    """A newer Ray's fields of an attempt stay with it, from whichever batch they came, without secrets."""
    recording.post([ev.task_definition(task_id(1), gpu=1)], [ev.task_lifecycle(task_id(1), {"RUNNING": at(1)}, apiToken="hunter2")])
    ((extra,),) = recording.fetch("SELECT extra FROM attempt_hot")
    assert json.loads(extra) == {"taskDefinitionEvent.gpu": 1, "taskLifecycleEvent.apiToken": "[redacted]"}


def test_spans_outside_any_task_make_no_attempt(recording: Recording) -> None:
    """A profile of the nil task is no attempt, also when a newer Ray adds a field to it."""
    recording.post([ev.task_profile(NIL[:24], [("ray.get", at(1), at(2))]), ev.task_profile(NIL[:24], [("ray.get", at(1), at(2))], later=1)])
    assert recording.rows("tasks", exclude_driver=False) == []


BROKEN: dict[str, dict[str, Any]] = {
    "no session": ev.task_definition(task_id(99), session=""),
    "no payload": ev.event("TASK_DEFINITION_EVENT", "", None),
    "an unknown state": ev.task_lifecycle(task_id(99), {"DANCING": at(1)}),
    "a state by number": ev.task_lifecycle(task_id(99), {}, stateTransitions=[{"state": 77, "timestamp": ev.stamp(at(1))}]),
    "a time that is none": ev.task_lifecycle(task_id(99), {}, stateTransitions=[{"state": "RUNNING", "timestamp": "soon"}]),
    "an event's time that is none": ev.task_definition(task_id(99)) | {"timestamp": "soon"},
    "a debugger's time that is none": ev.task_lifecycle(task_id(99), {"RUNNING": at(1)}, isDebuggerPaused=True) | {"timestamp": "soon"},
    "a pid over 64 bits": TOO_LARGE,
    "an attempt over 32 bits": ev.task_definition(task_id(99), attempt=2**40),
    "a time before all times": ev.task_lifecycle(task_id(99), {"RUNNING": 0}) | {"timestamp": "0001-01-01T00:00:00Z"},
    "no task": ev.task_definition(b""),
    "a node's time that is none": ev.node_definition(1, startTimestamp="soon"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_an_event_that_makes_no_sense_is_set_aside(recording: Recording, broken: dict[str, Any]) -> None:
    """It is kept with the reason and counted; all others of its batch and of the batches beside it go in."""
    recording.committer.submit_events(body(GOOD[:2]))
    recording.post([*GOOD[2:4], broken, *GOOD[4:6]], GOOD[6:])
    assert names(recording) == numbers(*range(1, 9))
    kept = recording.queries.quarantine(None, 10)
    assert kept["total"] == 1
    assert kept["rows"][0]["reason"]
    assert recording.rows("nodes", "all") == []


def test_a_malformed_neighbour_of_a_poisonous_event_is_not_forgotten(recording: Recording) -> None:
    """Both are set aside when the one event that decodes cannot be written."""
    recording.post([TOO_LARGE, {"sessionName": ev.SESSION}])
    assert recording.queries.quarantine(None, 10)["total"] == 2
    assert recording.queries.totals()["quarantined"] == 2


def test_secrets_are_masked_wherever_they_are_kept(recording: Recording) -> None:
    """A password in a runtime env is in no table, neither of tasks, nor of events, nor of what was set aside."""
    env: dict[str, Any] = {"serializedRuntimeEnv": json.dumps({"env_vars": {"DB_PASSWORD": "hunter2"}})}
    broken = ev.task_lifecycle(task_id(3), {"DANCING": at(1)}, token="hunter2")
    unreadable = ev.task_definition(task_id(4), **env) | {"nodeId": 7}
    definition = ev.job_definition(1, config={**env, "metadata": {"api_key": "hunter2"}})
    recording.post(
        [ev.task_definition(task_id(1), **env), ev.actor_definition(b"\x01" * 16, **env), definition, broken, unreadable, ev.task_definition(b"", **env)]
    )
    assert recording.queries.quarantine(None, 10)["total"] == 3
    tables = ("attempt_hot", "actor", "driver_job", "runtime_env", "event", "quarantine")
    for table in tables:
        rows = recording.fetch(f"SELECT * FROM {table}")
        assert rows
        assert "hunter2" not in repr(rows), table


def test_a_large_event_can_still_be_read(recording: Recording) -> None:
    """An event whose payload is over the limit is cut with a mark, and listing events goes on."""
    recording.post([ev.platform_event("big", customFields={"words": "x" * 100_000})])
    (event,) = recording.rows("events")
    assert "cut" in str(event["custom_fields"])[-200:]
    assert len(str(event["custom_fields"])) < 80_000


def test_an_event_with_urls_and_addresses_stays_json(recording: Recording) -> None:
    """Masking URLs never runs from one value into the next."""
    fields = {"a": "http://host", "b": "c:d@e", "z": "http://me:hunter2@host"}
    recording.post([ev.platform_event("x", customFields=fields)])
    (event,) = recording.rows("events")
    assert event["custom_fields"]["customFields"] == {"a": "http://host", "b": "c:d@e", "z": "http://[redacted]@host"}


def test_the_quarantine_is_bounded(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest unreadable events are kept up to a limit, cut to a size; all are counted."""
    monkeypatch.setattr(store_changes, "QUARANTINE_ROWS", 5)
    for number in range(4):
        recording.post([{"sessionName": ev.SESSION, "n": f"{number}-{item}", "long": "x" * 100_000} for item in range(3)])
    kept = recording.queries.quarantine(None, 100)
    assert kept["total"] == 5
    assert {row["event"].split('"n": "')[1][:1] for row in kept["rows"]} == {"2", "3"}
    assert all(len(row["event"]) <= limits.QUARANTINE_EVENT_BYTES + 100 for row in kept["rows"])
    assert recording.queries.totals()["quarantined"] == 12


def test_the_quarantine_of_one_session(recording: Recording) -> None:
    """Unreadable events can be asked for by their session."""
    recording.post([{"sessionName": "one"}, {"sessionName": "two"}, 17])
    assert recording.queries.quarantine("one", 10)["total"] == 1
    assert recording.queries.quarantine(None, 10)["total"] == 3


def test_a_failed_transaction_is_halved_in_order(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between the pieces of a batch loses nothing: the journal counts as applied only with the last piece."""
    seen: list[tuple[int, int]] = []
    write = recording.database.write

    def watch(change: Callable[[Any], Any]) -> Any:
        result = write(change)
        position = recording.database.read(applied_position)
        seen.append((position.offset, len(names(recording))))
        return result

    monkeypatch.setattr(recording.database, "write", watch)
    recording.post([*GOOD[:3], TOO_LARGE, *GOOD[3:]])
    assert all(count == 8 for offset, count in seen if offset > 0)
    assert names(recording) == numbers(*range(1, 9))


def test_a_sender_that_went_away_stops_nobody(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request cancelled while it waits is dropped or taken, and the next one is served."""
    gate, reached = threading.Event(), threading.Event()
    is_full = recording.database.is_full

    def wait() -> bool:
        reached.set()
        gate.wait(WAIT_S)
        return is_full()

    monkeypatch.setattr(recording.database, "is_full", wait)
    first = recording.committer.submit_events(body(GOOD[:1]))
    assert reached.wait(WAIT_S)
    waiting = recording.committer.submit_events(body(GOOD[1:2]))
    first.cancel()
    waiting.cancel()
    gate.set()
    recording.post(GOOD[2:])
    assert set(names(recording)) >= set(numbers(*range(3, 9)))


def test_a_report_that_nobody_waits_for_stops_nobody(recording: Recording) -> None:
    """A cancelled report does not end the applier."""
    gate, reached = threading.Event(), threading.Event()

    def hold(_: Any) -> None:
        reached.set()
        gate.wait(WAIT_S)

    first = recording.committer.submit_report(hold)
    assert reached.wait(WAIT_S)
    second = recording.committer.submit_report(lambda _: None)
    first.cancel()
    second.cancel()
    gate.set()
    recording.post(GOOD)
    assert len(names(recording)) == 8


def test_a_report_that_fails_tells_its_sender_alone(recording: Recording) -> None:
    """Events and other reports of the same group go in."""

    def fail(_: Any) -> None:
        raise KeyError("state")

    recording.post_body(body(GOOD))
    failed = recording.committer.submit_report(fail)
    recording.wait_applied()
    with pytest.raises(KeyError):
        failed.result(WAIT_S)
    assert len(names(recording)) == 8


def test_too_much_waiting_is_refused(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies beyond the limit are refused for now, and taken again when those before them are through."""
    monkeypatch.setattr(limits, "QUEUE_BYTES", 10)
    with pytest.raises(Unavailable, match="wait to be accepted"):
        recording.committer.submit_events(body(GOOD))
    monkeypatch.setattr(limits, "QUEUE_BYTES", 10**9)
    recording.post(GOOD)
    assert len(names(recording)) == 8


def test_many_senders_leave_no_weight_behind(recording: Recording) -> None:
    """However many send at once, an idle committer has nothing that waits."""
    content = body(GOOD)

    def send() -> None:
        for _ in range(5):
            recording.post_body(content)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    recording.wait_applied()
    assert recording.committer.waiting_bytes == 0
    assert recording.queries.totals()["events"] == 8 * 5 * 8
    assert len(names(recording)) == 8


def test_what_was_acknowledged_survives(open_recording: Callable[[Path], Recording], tmp_path: Path) -> None:
    """Batches that were in the journal but in no table when the server was killed are there after the next start, each once."""
    recording = open_recording(tmp_path)
    recording.post(GOOD[:4])
    recording.close()
    journal = Journal(tmp_path / "journal")
    journal.append([("blue", body(GOOD[4:6])), ("", body(GOOD[6:]))])
    journal.close()
    for _ in range(2):
        again = open_recording(tmp_path)
        assert names(again) == numbers(*range(1, 9))
        assert again.queries.totals()["events"] == 8
        assert again.rows("sessions")[0]["cluster"] == "blue"
        again.close()


def test_applied_journals_are_deleted(open_recording: Callable[[Path], Recording], tmp_path: Path) -> None:
    """A restart leaves one journal file, however many there were."""
    for number in range(3):
        recording = open_recording(tmp_path)
        recording.post([GOOD[number]])
        recording.close()
    assert len(list((tmp_path / "journal").glob("*.log"))) == 1


def test_a_full_disk_is_told_and_waited_out(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without room, senders get DiskFull and reads go on; with room again, recording goes on by itself."""
    recording.post(GOOD[:1])
    with monkeypatch.context() as full:
        full.setattr(recording.database, "free_bytes", lambda: 1000)
        with pytest.raises(DiskFull):
            recording.post_body(body(GOOD[1:2]))
        with pytest.raises(DiskFull):
            recording.wait_applied()
        assert names(recording) == numbers(1)
    recording.post(GOOD[2:])
    assert names(recording) == numbers(1, *range(3, 9))


def test_a_disk_that_fills_after_the_acknowledgement(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was acknowledged is not lost when there is no room to apply it: it goes in as soon as there is."""
    monkeypatch.setattr(committer_module, "_RETRY_S", 0.01)
    refused = threading.Event()

    def no_room() -> None:
        refused.set()
        raise DiskFull("full")

    with monkeypatch.context() as full:
        full.setattr(recording.database, "_refuse_when_full", no_room)
        recording.post_body(body(GOOD))
        assert refused.wait(WAIT_S)
    recording.wait_applied()
    assert len(names(recording)) == 8


def test_a_journal_that_cannot_be_written(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed fsync is never acknowledged; the next POST is taken when the disk works again."""

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fdatasync", fail)
        with pytest.raises(DiskFull, match="No space left"):
            recording.post_body(body(GOOD[:1]))
    recording.post(GOOD[1:])
    assert names(recording) == numbers(*range(2, 9))


def test_an_invalidated_database_is_opened_anew(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """When DuckDB gives up on a failed write of its log, the store comes back by itself and says the disk is full."""

    def invalidate(_: Any) -> None:
        raise duckdb.FatalException("Failed to write: No space left on device; database has been invalidated")

    recording.post(GOOD[:1])
    with pytest.raises(DiskFull):
        recording.database.write(invalidate)
    recording.post(GOOD[1:])
    assert len(names(recording)) == 8
