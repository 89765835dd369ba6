"""Search: ids, names, entrypoints and errors, wherever they are, the best first."""

from __future__ import annotations

import pytest

from rayscope.errors import FilterError, NotFound
from rayscope.model.search import Hit
from rayscope.query.search import Search
from rayscope.store import limits
from support import events as ev
from support.cluster import SESSIONS, cluster
from support.events import at
from support.ids import actor_id, node_id, placement_group_id, task_id, worker_id
from support.recording import Recording


@pytest.fixture(scope="module")
def recorded(shared: Recording) -> Recording:
    """One session settled, the other not."""
    shared.post(cluster(SESSIONS[0]))
    shared.tidy(60)
    shared.post(cluster(SESSIONS[1]))
    return shared


def hits(recording: Recording, text: str, session: str = "all", limit: int = 20) -> list[Hit]:
    return Search(recording.database).find(text, session, limit).hits


@pytest.mark.parametrize(
    ("text", "kind", "label"),
    [
        (task_id(2).hex(), "task", "flaky"),
        (task_id(2).hex()[:16], "task", "flaky"),
        (actor_id(1).hex(), "actor", "counter"),
        (actor_id(1).hex()[:20], "actor", "counter"),
        (node_id(2).hex(), "node", None),
        (worker_id(1).hex(), "worker", None),
        (placement_group_id(1).hex(), "placement-group", None),
        ("raysubmit_1", "job", None),
        ("flaky", "function", "flaky"),
        ("FLAKY", "function", "flaky"),
        ("fla", "function", "flaky"),
        ("pool", "class", "Pool"),
        ("valueerror no", "error", "ValueError: no"),
        ("app.py", "job", None),
        (SESSIONS[1], "session", None),
        ("2026-11-19", "session", None),
    ],
)
def test_everything_is_found(recorded: Recording, text: str, kind: str, label: str | None) -> None:
    """In its own kind, with a link that shows it."""
    found = [hit for hit in hits(recorded, text, limit=100) if hit.kind == kind]
    assert found, hits(recorded, text)
    assert label is None or found[0].label == label
    for hit in found:
        filters, wanted = hit.link.params.get("filter"), hit.link.params.get("id")
        if filters:
            assert recorded.page(hit.link.view, hit.session, filters=tuple(filters)).num_filtered
        if wanted:
            assert recorded.queries.get(hit.link.view, wanted, hit.session)


def test_both_parts_of_the_store_are_searched(recorded: Recording) -> None:
    """Settled attempts and those that are not; or of one session alone."""
    assert [hit.session for hit in hits(recorded, "flaky")] == [SESSIONS[1], SESSIONS[0]]
    assert [hit.count for hit in hits(recorded, "flaky")] == [3, 3]
    assert [hit.session for hit in hits(recorded, "flaky", SESSIONS[0])] == [SESSIONS[0]]


def test_the_best_come_first(recording: Recording) -> None:
    """Equal, then what begins so, then what has a word that does, then what holds it; what was cut is said."""
    names = ["unload", "load", "pre load", "loader"]
    recording.post([event for at_, name in enumerate(names) for event in ev.whole_task(task_id(at_ + 1), name=name, start=at(1), end=at(2))])
    assert [hit.label for hit in hits(recording, "load")] == ["load", "loader", "pre load", "unload"]
    answer = Search(recording.database).find("load", "all", 2)
    assert ([hit.label for hit in answer.hits], answer.complete) == (["load", "loader"], False)
    assert Search(recording.database).find("load", "all", 4).complete


def test_the_dictionary_grows_and_survives_revival(recording: Recording) -> None:
    """What settles after the first search is found; a late word that takes an attempt back changes nothing."""
    search = Search(recording.database)
    recording.post(ev.whole_task(task_id(1), name="first", start=at(1), end=at(2)))
    recording.tidy(60)
    assert [hit.label for hit in search.find("first", "all", 5).hits] == ["first"]
    recording.post(ev.whole_task(task_id(2), name="second", start=at(1), end=at(2)))
    recording.tidy(60)
    assert [hit.label for hit in search.find("second", "all", 5).hits] == ["second"]
    recording.post([ev.task_lifecycle(task_id(1), {"RUNNING_IN_RAY_GET": at(1.5)})])
    assert [(hit.label, hit.count) for hit in search.find("first", "all", 5).hits] == [("first", 1)]


def test_places_that_were_given_anew(recording: Recording) -> None:
    """Rows that were taken away make room for others: nothing of these is missed."""
    search = Search(recording.database)
    recording.post(ev.whole_task(task_id(1), name="first", start=at(1), end=at(2)))
    recording.tidy(60)
    assert search.find("first", "all", 5).hits
    recording.database.write(lambda connection: connection.execute("TRUNCATE attempt_cold"))
    recording.database.checkpoint()
    recording.post([event for number in (2, 3) for event in ev.whole_task(task_id(number), name=f"later {number}", start=at(1), end=at(2))])
    recording.tidy(60)
    assert [hit.label for hit in search.find("later", "all", 5).hits] == ["later 2", "later 3"]
    assert not search.find("first", "all", 5).hits


def test_dictionaries_are_bounded(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound a search says that it may miss something."""
    monkeypatch.setattr("rayscope.query.names.SEARCH_NAMES", 2)
    recording.post([event for number in range(5) for event in ev.whole_task(task_id(number + 1), name=f"task {number}", start=at(1), end=at(2))])
    recording.tidy(60)
    answer = Search(recording.database).find("task", "all", 20)
    assert (len(answer.hits), answer.complete) == (2, False)


def test_what_cannot_be_searched(recorded: Recording) -> None:
    """Nothing, too much, a session that is not there; strange characters find nothing."""
    for text, session, limit in (("  ", "all", 20), ("x", "all", 0), ("x", "all", limits.SEARCH_HITS + 1)):
        with pytest.raises(FilterError):
            Search(recorded.database).find(text, session, limit)
    with pytest.raises(NotFound):
        Search(recorded.database).find("x", "no such session", 20)
    for text in ("%", "'; DROP TABLE x", "\\", "é\0", "[", "a" * 5000):
        assert hits(recorded, text) == []
