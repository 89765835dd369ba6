"""Downloads, trace files and facets: the same rows as the pages."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from rayscope.errors import FilterError, NotFound
from rayscope.model.resources import RESOURCES
from rayscope.query.export import Exports
from rayscope.query.facets import FacetRequest, facets
from rayscope.query.moment import View
from rayscope.query.request import ListRequest
from rayscope.query.trace import Traces
from support import events as ev
from support.cluster import SESSIONS, cluster
from support.events import at
from support.ids import task_id
from support.recording import Recording


@pytest.fixture(scope="module")
def recorded(shared: Recording) -> Recording:
    shared.post(cluster(SESSIONS[0]))
    shared.tidy(60)
    shared.post(cluster(SESSIONS[1]))
    return shared


def export(recording: Recording, kind: str, limit: int | None = None, **asked: Any) -> bytes:
    request = ListRequest(**({"resource": "tasks", "session": "all"} | asked))
    return b"".join(Exports(recording.database, recording.queries).export(request, kind, limit)[1])


def by_key(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: json.dumps([row[key] for key in RESOURCES[name].key]))


@pytest.mark.parametrize("name", sorted(RESOURCES))
@pytest.mark.parametrize("sort", [None, "session"])
def test_jsonl_has_the_rows_of_the_listing(recorded: Recording, name: str, sort: str | None) -> None:
    """All columns, in no order or in one."""
    rows = [json.loads(line) for line in export(recorded, "jsonl", resource=name, detail=True, sort=sort).splitlines()]
    assert by_key(rows, name) == by_key(recorded.rows(name, "all"), name)
    if sort:
        assert [row["session"] for row in rows] == sorted(row["session"] for row in rows)


def test_csv_has_the_columns_asked_for(recorded: Recording) -> None:
    """Nulls are empty, nested values JSON."""
    table = list(csv.reader(io.StringIO(export(recorded, "csv", columns="name,actor_id,required_resources", filters=("name=broken",)).decode())))
    assert table == [["name", "actor_id", "required_resources"], ["broken", "", '{"CPU":1.0}'], ["broken", "", '{"CPU":1.0}']]


def test_limits_and_pages(recorded: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many rows as asked for, also over several pages; of one session, as of then."""
    monkeypatch.setattr("rayscope.query.export.MAX_PAGE", 3)
    every = [json.loads(line) for line in export(recorded, "jsonl", sort="creation_ns", columns="task_id,session,attempt_number").splitlines()]
    assert len(every) == recorded.page("tasks", "all").total
    assert len({json.dumps(row) for row in every}) == len(every)
    assert len(export(recorded, "jsonl", 5, sort="creation_ns").splitlines()) == 5
    assert len(export(recorded, "jsonl", 2).splitlines()) == 2
    then = export(recorded, "jsonl", session=SESSIONS[0], at=str(at(1.5)), columns="state").splitlines()
    assert len(then) == recorded.page("tasks", SESSIONS[0], at=str(at(1.5))).total


@pytest.mark.parametrize(
    ("kind", "asked"),
    [("xml", {}), ("csv", {"filters": ("x=1",)}), ("csv", {"columns": "x"}), ("csv", {"sort": "x"}), ("jsonl", {"filters": ("name~(?=x)",)})],
)
def test_errors_come_before_the_first_byte(recorded: Recording, kind: str, asked: dict[str, Any]) -> None:
    """A download that cannot be made is refused, not cut."""
    with pytest.raises(FilterError):
        Exports(recorded.database, recorded.queries).export(ListRequest(resource="tasks", session="all", **asked), kind, None)
    with pytest.raises(NotFound):
        Exports(recorded.database, recorded.queries).export(ListRequest(resource="nix", session="all"), "csv", None)


def test_an_unfinished_download_leaves_nothing_behind(recorded: Recording) -> None:
    """Who stops reading gives the reader back."""
    pieces = Exports(recorded.database, recorded.queries).export(ListRequest(resource="tasks", session="all"), "csv", None)[1]
    next(pieces)
    del pieces
    assert recorded.database._readers == 0


def test_rows_that_lived_in_a_stretch_of_time(recorded: Recording) -> None:
    """Born before its end, and not gone before its start."""
    for name in ("nodes", "workers", "jobs", "actors", "placement-groups", "events", "runtime-envs", "sessions"):
        assert recorded.page(name, "all", start=str(at(-10)), end=str(at(10**6))).num_filtered == recorded.page(name, "all").total, name
    timed = [row for row in recorded.rows("tasks", "all") if row["creation_ns"] is not None]
    assert recorded.page("tasks", "all", start=str(at(-10)), end=str(at(10**6))).num_filtered == len(timed)  # of the others nobody knows when they lived
    assert {row["name"] for row in recorded.rows("tasks", SESSIONS[0], start=str(at(6.5)), end=str(at(6.6)))} >= {"flaky", "slow"}
    assert "broken" not in {row["name"] for row in recorded.rows("tasks", SESSIONS[0], start=str(at(3.5)))}
    with pytest.raises(FilterError):
        recorded.page("tasks", start=str(at(2)), end=str(at(1)))


def facet(recording: Recording, resource: str, column: str, part: str = "", **view: Any) -> dict[str | None, int | None]:
    request = FacetRequest(resource=resource, column=column, view=View(**({"session": "all"} | view)), part=part, limit=100)
    return {one.value: one.count for one in facets(recording.database, request).values}


def test_facets_count_the_values_of_a_column(recorded: Recording) -> None:
    """Those of the rows that fit; some ids where each row has its own."""
    names = facet(recorded, "tasks", "name")
    assert names["flaky"] == 6
    assert facet(recorded, "tasks", "name", "FLA") == {"flaky": 6}
    assert facet(recorded, "tasks", "state", filters=("name=flaky",)) == {"FAILED": 4, "FINISHED": 2}
    assert facet(recorded, "nodes", "state", session=SESSIONS[0]) == {"ALIVE": 2, "DEAD": 1}
    assert facet(recorded, "tasks", "task_id", task_id(2).hex()[:16]) == {task_id(2).hex(): None}
    assert facet(recorded, "tasks", "is_retry")["true"] == 4
    for resource, column in (("tasks", "state_times_ns"), ("sessions", "tasks"), ("tasks", "nix")):
        with pytest.raises(FilterError):
            facet(recorded, resource, column)


def trace(recording: Recording, kind: str, **view: Any) -> Any:
    return json.loads(b"".join(Traces(recording.database).trace(View(**({"session": SESSIONS[0]} | view)), kind)[1]))


def test_chrome_traces_have_every_attempt_that_ran(recorded: Recording) -> None:
    """Each once, nested on threads that never overlap, with names for processes and threads."""
    events = trace(recorded, "chrome")["traceEvents"]
    slices = [event for event in events if event["ph"] == "X" and "args" in event]
    ran = [row for row in recorded.rows("tasks", SESSIONS[0]) if row["start_ns"] is not None]
    assert {(one["args"]["task_id"], one["args"]["attempt_number"]) for one in slices} == {(row["task_id"], row["attempt_number"]) for row in ran}
    assert len(slices) == len(ran)
    last: dict[int, float] = {}
    for one in slices:
        assert one["ts"] >= last.get(one["tid"], 0)
        last[one["tid"]] = one["ts"] + one["dur"]
    named = {(event["name"], event["pid"], event.get("tid")) for event in events if event["ph"] == "M"}
    assert all(("process_name", one["pid"], None) in named and ("thread_name", one["pid"], one["tid"]) in named for one in slices)


def test_ray_traces_have_rays_shape(recorded: Recording) -> None:
    """The keys of ray.timeline, spans of all attempts, names at the end."""
    events = trace(recorded, "ray")
    spans = [event for event in events if event["ph"] == "X"]
    assert set(spans[0]) == {"cat", "name", "pid", "tid", "ts", "dur", "cname", "args", "ph"}
    assert {"task_id", "job_id", "attempt_number", "func_or_class_name", "actor_id"} <= set(spans[0]["args"])
    assert len(spans) == sum(len(row["profile_events"] or ()) for row in recorded.rows("tasks", SESSIONS[0], exclude_driver=False))
    assert {event["name"] for event in events if event["ph"] == "M"} == {"process_name", "thread_name"}


def test_traces_are_narrowed(recorded: Recording, tmp_path: Path) -> None:
    """By filter and by time; an empty one is a file too; unknown formats are refused."""
    assert {one["name"] for one in trace(recorded, "chrome", filters=("name=flaky",))["traceEvents"] if "args" in one and one["ph"] == "X"} == {"flaky"}
    late = trace(recorded, "chrome", start=str(at(6.5)), end=str(at(20)))["traceEvents"]
    assert "broken" not in {one["name"] for one in late}
    assert trace(recorded, "chrome", filters=("name=nix",))["traceEvents"] == []
    assert trace(recorded, "ray", filters=("name=nix",)) == []
    with pytest.raises(FilterError):
        trace(recorded, "xml")


def test_windows_of_a_trace_lose_nothing(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts that begin at the same time on the border of two windows."""
    monkeypatch.setattr("rayscope.store.stream._WINDOW", 3)
    starts = [1, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3, 4]
    recording.post([event for number, start in enumerate(starts) for event in ev.whole_task(task_id(number + 1), start=at(start), end=at(start + 1))])
    names = [one["args"]["task_id"] for one in trace(recording, "chrome", session="latest")["traceEvents"] if one["ph"] == "X" and "args" in one]
    assert sorted(names) == [task_id(number + 1).hex() for number in range(len(starts))]
