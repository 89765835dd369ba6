"""Retention: what is old or too much goes, what lives stays, room comes back, and what went is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from rayscope.errors import NotFound, UsageError
from rayscope.ingest.housekeeping import Housekeeper
from rayscope.ingest.logs import LogIngest, decode_chunks
from rayscope.ingest.reports import fold_run
from rayscope.ingest.retention import Retainer
from rayscope.model.report import RunReport
from rayscope.query.logs.request import LogQuery
from rayscope.query.logs.service import Logs
from rayscope.query.retention import parse_retention
from rayscope.store import limits
from rayscope.store import retention as stored
from support import events as ev
from support.ids import task_id
from support.recording import Recording

SECOND = 10**9
OLD, NEWER, LIVE = "session_a_old", "session_b_newer", "session_c_live"


class Kept:
    """A store with logs; `retain` makes it keep only so much."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.ingest = LogIngest(recording.database, recording.folder / "logs", recording.committer.number)
        self.logs = Logs(recording.database, self.ingest.store)

    def retain(self, words: str, now_ns: int) -> int:
        return Retainer(self.recording.database, self.ingest.store, parse_retention(words)).apply(now_ns, 60)

    def session(self, name: str, tasks: int, ended_ns: int | None) -> None:
        """Tasks and lines; ended then, or live."""
        self.recording.post([ev.task_definition(number.to_bytes(24, "big"), session=name) for number in range(1, tasks + 1)])
        self.ship(name, ended_ns or time.time_ns())
        self.ingest.flush()
        if ended_ns is not None:
            self.end(name, ended_ns)

    def ship(self, name: str, at: int) -> None:
        """A hundred lines of that time."""
        chunk = {"file": f"1-{name}", "path": "raylet.out", "offset": 0, "data": b"a line of %s\n" % name.encode() * 100, "observed_ns": at, "ended": False}
        body = msgspec.msgpack.encode({"session": name, "node_id": "n", "agent_id": "a", "chunks": [chunk]})
        self.ingest.submit(body, decode_chunks(body)).result(30)

    def end(self, name: str, ended_ns: int) -> None:
        report = RunReport(session=name, job_id="01000000", ended_ns=ended_ns, cluster_ended=True, started_ns=ended_ns - SECOND)
        self.recording.report(lambda changes: fold_run(changes, report))

    def names(self) -> set[str]:
        return {row["session"] for row in self.recording.rows("sessions")}


@pytest.fixture
def kept(recording: Recording) -> Iterator[Kept]:
    kept = Kept(recording)
    kept.session(OLD, 30, ended_ns=ev.at(0))
    kept.session(NEWER, 20, ended_ns=ev.at(1000))
    kept.session(LIVE, 10, ended_ns=None)
    yield kept
    kept.ingest.close()


def test_logs_of_an_ended_session_are_in_segments(recording: Recording) -> None:
    """At once, so that `rayscope storage` counts them and retention can take them; those of a live one wait for more."""
    kept = Kept(recording)
    housekeeper = Housekeeper(recording.database, recording.committer, 1e9, logs=kept.ingest)
    kept.ship(LIVE, ev.at(0))
    kept.ship(OLD, ev.at(0))
    housekeeper.tidy(ev.at(1))
    assert kept.ingest.store.sizes().get(OLD, 0) == 0
    kept.end(OLD, ev.at(0))
    housekeeper.tidy(ev.at(2))
    assert kept.ingest.store.sizes()[OLD] > 0
    assert not kept.ingest.store.waiting_sessions
    assert kept.retain("logs=500s", ev.at(1000)) > 0
    assert kept.ingest.store.sizes().get(OLD, 0) == 0
    housekeeper.close()
    kept.ingest.close()


def tasks(kept: Kept, session: str) -> int:
    return kept.recording.page("tasks", session).total


def test_states_go_by_age(kept: Kept) -> None:
    """Of sessions that ended long enough ago, whole; logs stay."""
    assert kept.retain("states=500s", ev.at(1100)) == 1
    assert (tasks(kept, OLD), tasks(kept, NEWER), tasks(kept, LIVE)) == (0, 20, 10)
    assert kept.logs.search(LogQuery(session=OLD, source="all")).lines
    (row,) = kept.recording.database.read(stored.deletions)
    assert (row["session"], row["kind"], row["cause"], row["before_ns"]) == (OLD, "states", "age", ev.at(0))
    assert row["amount"] >= 30


def test_a_live_session_keeps_its_states(kept: Kept) -> None:
    """However old, and however little is to be kept."""
    kept.retain("states=1s,states-size=1KB", time.time_ns() + 10**18)
    assert tasks(kept, LIVE) == 10


def test_logs_go_by_age_and_it_is_said(kept: Kept) -> None:
    """Their segments are files no more; an answer says what may be missing."""
    before = kept.ingest.store.sizes()[OLD]
    assert before > 0
    assert kept.retain("logs=500s", ev.at(1100)) == 1
    assert OLD not in kept.ingest.store.sizes()
    assert not list((kept.recording.folder / "logs").glob(f"{OLD}/*.seg"))
    page = kept.logs.search(LogQuery(session=OLD, source="all"))
    assert page.lines == []
    assert any("logs deleted by retention before" in note for note in page.notes)
    assert kept.logs.search(LogQuery(session=NEWER, source="all")).lines


def test_logs_go_by_size_the_oldest_first(kept: Kept) -> None:
    """Until what is left fits."""
    sizes = kept.ingest.store.sizes()
    kept.retain(f"logs-size={sizes[NEWER] + sizes[LIVE]}", ev.at(1100))
    assert set(kept.ingest.store.sizes()) == {NEWER, LIVE}


def test_states_go_by_size_the_oldest_first(kept: Kept) -> None:
    """Ended sessions, one after the other; those that live stay, though it is still too much."""
    kept.retain("states-size=1KB", ev.at(1100))
    assert (tasks(kept, OLD), tasks(kept, NEWER), tasks(kept, LIVE)) == (0, 0, 10)


def test_events_go_by_age(kept: Kept) -> None:
    """By their own time."""
    kept.recording.post([ev.event("OBJECT_EVENT", "", None, ns=ev.at(seconds), session=OLD) for seconds in (0, 1090)])
    kept.retain("events=500s", ev.at(1100))
    assert kept.recording.counted("SELECT count(*) FROM event") == 1


def test_a_session_of_which_nothing_is_left_is_forgotten(kept: Kept) -> None:
    """But for what was deleted of it."""
    kept.retain("logs=500s,states=500s,events=500s", ev.at(1100))
    assert kept.names() == {NEWER, LIVE}
    assert {row["kind"] for row in kept.recording.database.read(stored.deletions)} >= {"states", "logs"}


def test_a_session_is_deleted_when_asked(kept: Kept) -> None:
    """All of it; not one that lives, nor one that is not there."""
    retainer = Retainer(kept.recording.database, kept.ingest.store, parse_retention(""))
    freed = retainer.delete_session(OLD)
    assert freed["states"] >= 30
    assert freed["logs"] > 0
    assert kept.names() == {NEWER, LIVE}
    with pytest.raises(UsageError, match="lives"):
        retainer.delete_session(LIVE)
    with pytest.raises(NotFound):
        retainer.delete_session(OLD)


def test_a_session_that_speaks_again_is_there_again(kept: Kept) -> None:
    """A late word makes it anew."""
    kept.retain("logs=500s,states=500s", ev.at(1100))
    kept.recording.post([ev.task_definition(task_id(77), session=OLD)])
    assert tasks(kept, OLD) == 1


def test_disk_comes_back(open_recording: Callable[[Path], Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After deleting most rows the file is written anew, with all that is left, while a reader reads; and opens again."""
    monkeypatch.setattr("rayscope.ingest.retention.COMPACT_FREE_BYTES", 1)
    recording = open_recording(tmp_path / "data")
    kept = Kept(recording)
    kept.session(OLD, 10, ended_ns=ev.at(0))
    kept.session(LIVE, 10, ended_ns=None)
    number = recording.counted(f"SELECT session_no FROM session WHERE session = '{OLD}'")
    fill = f"INSERT INTO profile_span SELECT {number}, i, md5(i::VARCHAR) || md5((i + 7)::VARCHAR), 0, 'x', i, i, md5((i * 3)::VARCHAR) FROM range(200000) t(i)"
    recording.database.write(lambda connection: connection.execute(fill))
    recording.database.checkpoint()
    path = recording.database.path
    before = path.stat().st_size
    Retainer(recording.database, kept.ingest.store, parse_retention("")).delete_session(OLD)
    assert path.stat().st_size < before / 2
    assert tasks(kept, LIVE) == 10
    recording.post([ev.task_definition(task_id(99), session=LIVE)])
    kept.ingest.close()
    recording.close()
    assert open_recording(tmp_path / "data").page("tasks", LIVE).total == 11
    assert not list((tmp_path / "data").glob("*.fresh*"))
    assert limits.COMPACT_FREE_BYTES > 1
