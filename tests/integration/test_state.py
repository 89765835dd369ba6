"""The Python API, on a recorded run."""

from __future__ import annotations

import itertools

import pytest

from rayscope import state
from rayscope.errors import FilterError, NotFound, ServerUnreachable
from rayscope.model.task import Task
from support.commands import Commands


@pytest.fixture(autouse=True)
def _address(rayscope: Commands, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the tests' server, as a program with RAYSCOPE_ADDRESS does."""
    monkeypatch.setenv("RAYSCOPE_ADDRESS", rayscope.url)


def test_rows_are_typed(session: str) -> None:
    """A listing gives the model's own types; without detail the detail fields are None."""
    (task,) = state.list_tasks(filters=[("name", "=", "broken")], session=session)
    assert isinstance(task, Task)
    assert (task.state, task.error_type, task.session) == ("FAILED", "TASK_EXECUTION_EXCEPTION", session)
    assert task.error_message is None
    (actor,) = state.list_actors(None, [("class_name", "=", "Counter")], 5, 10.0, session=session)
    assert (actor.num_restarts, actor.transitions) == (0, None)
    (whole,) = state.list_tasks(filters=["name=broken"], session=session, detail=True)
    assert whole.error_message is not None
    assert "bad row 17" in whole.error_message


def test_pages_come_as_they_are_asked_for(session: str) -> None:
    """Without a limit the rows behind the first page are fetched by the iterator, each once."""
    rows = state.list_tasks(limit=None, session=session)
    assert len({(row.task_id, row.attempt_number) for row in rows}) == len(rows) == rows.num_filtered
    first = list(itertools.islice(state.list_tasks(limit=7, session=session), 100))
    assert first == rows[:7]


def test_length_does_not_depend_on_the_page(session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing that needs several pages is the same as one in a single page."""
    whole = list(state.list_tasks(limit=None, session=session))
    monkeypatch.setattr(state, "MAX_PAGE", 50)
    assert list(state.list_tasks(limit=None, session=session)) == whole
    assert list(state.list_tasks(limit=120, session=session)) == whole[:120]


@pytest.mark.parametrize("frame", ["to_arrow", "to_pandas", "to_polars"])
def test_frames_hold_every_row(session: str, frame: str) -> None:
    """Each kind of frame has a row a row, and the columns in order."""
    rows = state.list_tasks(limit=None, session=session, detail=True)
    table = getattr(rows, frame)()
    names = table.column_names if frame == "to_arrow" else list(table.columns)
    assert names == list(Task.__struct_fields__)
    assert len(table) == len(rows)


def test_empty_frame_has_its_columns(session: str) -> None:
    """A listing without rows makes a table with columns and no rows."""
    table = state.list_tasks(filters=["name=nobody"], session=session).to_arrow()
    assert table.num_rows == 0
    assert "task_id" in table.column_names


def test_every_listing_answers(session: str) -> None:
    """Ray's listings are all there, under Ray's names."""
    listings = (state.list_nodes, state.list_workers, state.list_jobs, state.list_actors, state.list_placement_groups, state.list_cluster_events)
    for listing in listings:
        assert len(listing(session=session)) > 0, listing.__name__
    assert len(state.list_runtime_envs(session=session)) >= 0
    assert session in {row.session for row in state.list_sessions()}


def test_get_finds_one_or_none(session: str) -> None:
    """An id gives its row, a retried task all its attempts, an unknown id None."""
    (actor,) = state.list_actors(filters=["class_name=Counter"], session=session)
    found = state.get_actor(actor.actor_id, session=session)
    assert found is not None
    assert found.name == "the counter"
    flaky = state.list_tasks(filters=["name=flaky"], session=session)[0]
    attempts = state.get_task(flaky.task_id, session=session)
    assert isinstance(attempts, list)
    assert [attempt.state for attempt in attempts] == ["FAILED", "FINISHED"]
    assert state.get_node("feedfeed", session=session) is None
    assert state.get_session(session).cluster == "tests"


def test_summaries_count(session: str) -> None:
    """Tasks by name, actors by class."""
    summary = state.summarize_tasks(session=session)
    assert summary.retries == 1
    assert {group.name: group.tasks for group in summary.groups}["double"] == 301
    actors = state.summarize_actors(session=session)
    assert {group.class_name: group.state_counts for group in actors.groups} == {"Counter": {"DEAD": 1}, "Mortal": {"DEAD": 1}}


def test_states_as_they_were(session: str) -> None:
    """`at` asks for a time that has passed."""
    (counter,) = state.list_actors(filters=["class_name=Counter"], session=session, detail=True)
    assert counter.alive_ns is not None
    (then,) = state.list_actors(filters=["class_name=Counter"], session=session, at=str(counter.alive_ns))
    assert (then.state, counter.state) == ("ALIVE", "DEAD")


def test_errors_are_the_servers(session: str) -> None:
    """What the server refuses is raised as the error that it names."""
    with pytest.raises(FilterError, match="no column 'colour'"):
        state.list_tasks(filters=["colour=red"], session=session)
    with pytest.raises(NotFound, match="no session 'nobody'"):
        state.list_tasks(session="nobody")
    with pytest.raises(ServerUnreachable, match="nothing listens there"):
        state.list_tasks(address="http://127.0.0.1:9")
