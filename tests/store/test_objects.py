"""Snapshots of object tables: whatever order they come in, each reads as it was taken, and what did not change is stored once."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.errors import FilterError, NotFound
from rayscope.ingest.reports import fold_run
from rayscope.model.report import RunReport
from rayscope.store import limits
from support import events as ev
from support.events import SECOND, at
from support.ids import actor_id, method_id, task_id
from support.objects import put_id, reference, report, return_id
from support.recording import Recording, stored

_sessions = (f"session_o{number}" for number in itertools.count(1))
_ROWS = [
    reference(put_id(1)),
    reference(put_id(1), reference_type="PINNED_IN_MEMORY"),
    reference(put_id(2), object_size=-1, task_status="NIL", pid=9001, type="WORKER"),
    reference(return_id(), object_size=5, call_site="disabled"),
]
TABLES = st.lists(st.sets(st.integers(0, len(_ROWS) - 1)), min_size=1, max_size=6)


def read(recording: Recording, session: str, taken_ns: int) -> list[Any]:
    """The references at a time, as what tells them apart."""
    columns = "object_id,reference_type,size_bytes,pid"
    rows = recording.rows("objects", session, at=str(taken_ns / SECOND), columns=columns, detail=False)
    return sorted((row["object_id"], row["reference_type"], row["size_bytes"] or -1, row["pid"]) for row in rows)


def told(indexes: set[int]) -> list[Any]:
    """The same of what was posted."""
    return sorted((row["object_id"], row["reference_type"], row["object_size"], row["pid"]) for row in (_ROWS[index] for index in indexes))


def spans(recording: Recording, session: str) -> list[Any]:
    """The stored spans of a session."""
    query = "SELECT o.* EXCLUDE (session_no) FROM object_span o JOIN session USING (session_no) WHERE session = '{}' ORDER BY ALL"
    return recording.fetch(query.format(session))


@given(tables=TABLES, data=st.data())
@stored
def test_any_order_and_repeats_give_the_same_spans(shared: Recording, tables: list[set[int]], data: Any) -> None:
    """Snapshots in any order, some of them twice: each reads as it was taken, and the spans are those of the order in time."""
    in_order, mixed = next(_sessions), next(_sessions)
    order = data.draw(st.permutations(range(len(tables))))
    again = data.draw(st.lists(st.sampled_from(order), max_size=3))
    for number, indexes in enumerate(tables):
        report(shared, at(number), [_ROWS[index] for index in indexes], in_order)
    for number in [*order, *again]:
        report(shared, at(number), [_ROWS[index] for index in tables[number]], mixed)
    assert spans(shared, mixed) == spans(shared, in_order)
    for number, indexes in enumerate(tables):
        assert read(shared, mixed, at(number)) == told(indexes)
        assert read(shared, mixed, at(number + 0.5)) == told(indexes)


def test_what_stays_is_stored_once(recording: Recording) -> None:
    """A hundred snapshots of the same references are as many spans as references."""
    for number in range(100):
        report(recording, at(number), _ROWS)
    assert recording.counted("SELECT count(*) FROM object_span") == len(_ROWS)
    assert recording.page("objects").total == len(_ROWS)


def test_a_snapshot_survives_a_restart(recording: Recording, open_recording: Any) -> None:
    """What was acknowledged is there after closing and opening."""
    report(recording, at(1), _ROWS, store_stats=[{"ip": "10.0.0.1", "used_bytes": 7}])
    before = recording.rows("objects")
    recording.close()
    again = open_recording(recording.folder)
    assert again.rows("objects") == before
    assert again.queries.objects.snapshots().snapshots[0].store_stats == [{"ip": "10.0.0.1", "used_bytes": 7}]


def test_bad_rows_are_counted_and_stop_no_others(recording: Recording) -> None:
    """Rows without an id, of other types or with numbers that do not fit are left out, and said."""
    bad = [{}, 7, reference(""), reference(put_id(3), pid="x"), reference(put_id(3), object_size=2**70), reference(put_id(4), call_site=None)]
    report(recording, at(1), [_ROWS[0], *bad])
    assert [row["object_id"] for row in recording.rows("objects")] == [put_id(1)]
    assert "6 rows of it could not be read" in recording.page("objects").warnings


def test_hostile_text_is_kept_as_it_is(recording: Recording) -> None:
    """Quotes, control characters and ids of no form are only text; a call site that is endless is cut."""
    report(recording, at(1), [reference("'; DROP TABLE session; --", call_site="\x1b[31m\n'" + "x" * 100_000, ip="☃", reference_type="NEW_ONE")])
    row = recording.rows("objects")[0]
    assert row["object_id"] == "'; DROP TABLE session; --"
    assert row["origin"] is None
    assert row["task_id"] is None
    assert len(row["call_site"]) < limits.CALL_SITE_BYTES + 20


def test_of_too_many_the_largest_stay(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows over the limit are cut from the small end, and the answer says so."""
    monkeypatch.setattr(limits, "OBJECT_ROWS", 3)
    report(recording, at(1), [reference(put_id(number), object_size=number) for number in range(1, 10)])
    page = recording.page("objects")
    assert [row["size_bytes"] for row in page.rows] == [9, 8, 7]
    assert "the snapshot is cut: 3 of 9 references are known" in page.warnings


def test_over_the_limit_the_oldest_snapshots_go(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are counted; what remains reads as before, and a late one from before the bound does not come back."""
    monkeypatch.setattr(limits, "OBJECT_SNAPSHOTS", 4)
    for number in range(6):
        report(recording, at(number), [_ROWS[0], reference(put_id(10 + number))])
    left = recording.queries.objects.snapshots()
    assert len(left.snapshots) + left.dropped == 6
    assert len(left.snapshots) <= 4
    oldest = left.snapshots[-1].taken_ns
    assert len(recording.rows("objects", at=str(oldest / SECOND))) == 2
    report(recording, at(0), _ROWS)
    assert recording.queries.objects.snapshots() == left
    assert recording.counted("SELECT count(*) FROM object_span WHERE first_ns < (SELECT min(taken_ns) FROM object_snapshot)") == 0


def test_a_put_finds_its_task(recording: Recording) -> None:
    """The first byte of its task's id is lost in a put's id; the store knows it."""
    worker_task, method = task_id(0x77_00_00_00_00_00_00_05), method_id(0x88_00_00_00_00_00_00_06, 3)
    recording.post(
        ev.whole_task(worker_task, start=at(1), end=at(2), name="produce", session="session_1"),
        [ev.actor_task_definition(method, actor_id(3), name="Cache.fill", session="session_1")],
    )
    report(recording, at(3), [reference(put_id(1, worker_task)), reference(put_id(1, method)), reference(return_id(worker_task)), reference(put_id(1))])
    rows = {row["object_id"]: row for row in recording.rows("objects")}
    put, filled, returned, driver = (rows[name] for name in (put_id(1, worker_task), put_id(1, method), return_id(worker_task), put_id(1)))
    assert (put["task_id"], put["function"], put["origin"]) == (worker_task.hex(), "produce", "PUT")
    assert (filled["task_id"], filled["function"], filled["actor_id"]) == (method.hex(), "Cache.fill", actor_id(3).hex())
    assert (returned["task_id"], returned["function"], returned["origin"]) == (worker_task.hex(), "produce", "RETURN")
    assert (driver["function"], driver["actor_id"], driver["job_id"]) == ("(driver)", None, "01000000")


def test_references_know_their_worker_and_node(recording: Recording) -> None:
    """By address and process id, also a driver's."""
    recording.post(
        [ev.node_definition(1, session="session_1"), ev.worker_definition(4, session="session_1"), ev.worker_alive(4, at(0), session="session_1")],
        [ev.job_definition(1, session="session_1"), ev.job_lifecycle(1, {"CREATED": at(0)}, session="session_1")],
    )
    report(recording, at(3), [reference(put_id(1), pid=9004, type="WORKER"), reference(put_id(2), pid=4001), reference(put_id(3), pid=77)])
    workers = {row["pid"]: row["worker_id"] for row in recording.rows("objects")}
    assert workers[9004][-2:] == "04"
    assert workers[4001] == "01000000" + "f" * 48
    assert workers[77] is None


def test_of_an_ended_session_the_last_that_held_anything_counts(recording: Recording) -> None:
    """While it lives, an empty snapshot is the answer, with a word on the one before; at a time it is always the one of that time."""
    report(recording, at(1), _ROWS)
    report(recording, at(2), [])
    page = recording.page("objects")
    assert (page.total, page.as_of_ns) == (0, at(2))
    assert f"--at {at(1)}" in page.warnings[0]
    recording.report(lambda changes: fold_run(changes, RunReport(session="session_1", ended_ns=at(3), cluster_ended=True)))
    page = recording.page("objects")
    assert (page.total, page.as_of_ns, page.warnings) == (len(_ROWS), at(1), [])
    assert len(recording.queries.objects.as_ray_told()[1]) == len(_ROWS)
    assert recording.page("objects", at=str(at(2))).total == 0


def test_a_summary_counts_each_object_once(recording: Recording) -> None:
    """Two processes that hold one object: two references, one object, its bytes once."""
    borrowed = reference(put_id(1), object_size=-1, task_status="NIL", call_site="(deserialize task arg) f", pid=1, type="WORKER")
    report(recording, at(1), [reference(put_id(1)), borrowed, reference(put_id(2), object_size=50)])
    summary = recording.queries.objects.summary()
    assert (summary.total_objects, summary.total_references, summary.total_bytes) == (2, 3, 150)
    assert [(group.name, group.objects, group.size_bytes, group.unknown) for group in summary.groups] == [
        ("(put object) | main.py:main:7", 2, 150, 0),
        ("(deserialize task arg) f", 1, 0, 1),
    ]
    assert [group.name for group in recording.queries.objects.summary(by="function").groups] == ["(driver)"]
    assert recording.queries.objects.summary(by="owner", filters=["pid=1"]).groups[0].name == "driver of job 01000000"
    assert recording.queries.objects.summary(by="node").groups[0].processes == 2
    with pytest.raises(FilterError):
        recording.queries.objects.summary(by="colour")


def test_growth_compares_first_middle_and_last(recording: Recording) -> None:
    """What grew most comes first; a borrower's call site does not count an object again."""
    for number in range(5):
        grown = [reference(put_id(index), call_site="grow.py") for index in range(number)]
        borrowed = [reference(put_id(index), call_site="(deserialize)", task_status="NIL", pid=5) for index in range(number)]
        report(recording, at(number), [*grown, *borrowed, reference(put_id(99), call_site="stay.py"), *([] if number else [_ROWS[3]])])
    growth = recording.queries.objects.growth()
    assert growth.times_ns == [at(0), at(2), at(4)]
    assert [(site.call_site, [point.size_bytes for point in site.points], site.trend) for site in growth.sites] == [
        ("grow.py", [0, 200, 400], "growing"),
        ("stay.py", [100, 100, 100], "steady"),
        ("disabled", [5, 0, 0], "shrinking"),
    ]
    assert recording.queries.objects.growth(points=50).snapshots == 5


def test_questions_without_a_snapshot(recording: Recording) -> None:
    """Nothing was taken: the answers are empty, and say why. A session that is not there is an error."""
    recording.post([ev.node_definition(1, session="session_1")])
    objects = recording.queries.objects
    assert recording.page("objects").warnings == ["no snapshot of the object table was taken"]
    assert objects.summary().groups == []
    assert objects.growth().sites == []
    assert objects.leaks().leaks == []
    assert objects.as_ray_told() == (None, [])
    with pytest.raises(NotFound):
        objects.summary("session_9")


def test_an_object_whose_owner_died_is_a_leak(recording: Recording) -> None:
    """A dead actor's put that the driver still borrows; what the actor returned is the driver's own."""
    actor, maker = actor_id(3), method_id(5, 3)
    recording.post(
        [ev.actor_definition(actor, session="session_1"), ev.actor_lifecycle(actor, [ev.actor_death(at(5))], session="session_1")],
        [ev.actor_task_definition(maker, actor, session="session_1")],
    )
    report(recording, at(4), [reference(put_id(1, maker), task_status="NIL")])
    assert recording.queries.objects.leaks().leaks == []
    report(recording, at(6), [reference(put_id(1, maker), task_status="NIL"), reference(return_id(maker))])
    leaks = recording.queries.objects.leaks()
    assert [(leak.object_id, leak.reason) for leak in leaks.leaks] == [(put_id(1, maker), "OWNER_DEAD")]
    assert "Counter" in leaks.leaks[0].evidence
    assert leaks.objects == 2


def test_an_object_of_an_idle_driver_is_a_leak(recording: Recording) -> None:
    """Its job has run nothing for a minute; one that was put just now, or is held by someone busy too, is none."""
    session = "session_1"
    recording.post(
        [ev.node_definition(1, session=session), ev.job_definition(1, session=session), ev.job_lifecycle(1, {"CREATED": at(0)}, session=session)],
        [ev.worker_definition(1, session=session), ev.worker_alive(1, at(0), session=session)],
        ev.whole_task(task_id(1), start=at(1), end=at(2), session=session),
    )
    held = reference(put_id(1), pid=4001)
    report(recording, at(3), [held])
    report(recording, at(90), [held, reference(put_id(2), pid=4001), reference(put_id(3), pid=12345)])
    leaks = recording.queries.objects.leaks().leaks
    assert [(leak.object_id, leak.reason) for leak in leaks] == [(put_id(1), "HOLDERS_IDLE")]
    assert "idle since" in leaks[0].evidence
    assert recording.queries.objects.leaks(idle="10m").leaks == []
    recording.post([ev.task_definition(task_id(2), session=session), ev.task_lifecycle(task_id(2), {"PENDING_ARGS_AVAIL": at(89)}, session=session)])
    assert recording.queries.objects.leaks().leaks == []
