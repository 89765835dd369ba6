"""`rayscope metrics`, `rayscope findings`, `rayscope top --once` and `rayscope.metrics`, against answers that are written down."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from rayscope import metrics as api
from rayscope.cli.main import run
from rayscope.errors import PromqlError, ServerUnreachable, UsageError
from support.canned import Query, canned, matrix, page, vector

SESSION = "session_2026-11-24_12-00-00_000001_1"
START_S = 1_795_521_600
NODE = "ab" * 28
GIB = 1024**3


def metric(name: str, source: str, **more: Any) -> dict[str, Any]:
    help_ = f"What {name} says of itself, at some length."
    return {"name": name, "type": "gauge", "help": help_, "unit": "", "series": 3, "source": source, "labels": []} | more


def summary(*groups: dict[str, Any]) -> dict[str, Any]:
    counts = {"total_tasks": len(groups), "total_actor_tasks": 0, "total_actor_scheduled": 0, "retries": 0}
    return {"groups": list(groups), "session": SESSION, "warnings": []} | counts


CATALOGUE = {
    "metrics": [metric("ray_tasks", "ray", series=1234), metric("ray_rows_total", "user", type="counter"), metric("rayscope_node_load1", "node")],
    "budget": {
        "limit": 100,
        "series": 100,
        "dropped_series": 7,
        "dropped_samples": 70,
        "offenders": [{"name": "x", "series": 50}],
        "rejected": {"future": 2},
    },
    "session": SESSION,
    "warnings": [],
}
FINDING = {
    "id": "node-near-oom:ab",
    "kind": "node-near-oom",
    "severity": "error",
    "title": "node head 10.0.0.1 is at 97% of its memory; actor Cache (pid 18) holds most: 60 GiB",
    "about": {"kind": "node", "id": NODE, "name": "head 10.0.0.1"},
    "since_ms": START_S * 1000,
    "until_ms": None,
    "evidence": [
        {"text": "62 GiB of 64 GiB were in use at the peak", "query": "ray_node_mem_used", "value": 0.97},
        {"text": "actor Cache (pid 18) holds 60 GiB"},
    ],
    "advice": "have fewer such tasks at once",
    "doc": "findings.md#node-near-oom",
    "node_ids": [NODE],
}
FOUND = {"findings": [FINDING], "session": SESSION, "looked_from_ms": START_S * 1000, "looked_to_ms": START_S * 1000 + 600_000, "warnings": []}


STATES = (("RUNNING", 3), ("FAILED", "NaN"), ("PENDING", 12))
TASKS = vector(*(({"__name__": "ray_tasks", "job": "ray", "State": state, "node": NODE}, value) for state, value in STATES))
INSTANT: dict[str, Any] = {
    "sum(": (400, {"status": "error", "errorType": "bad_data", "error": "parse error: unexpected end of input"}),
    "too_much": (422, {"status": "error", "errorType": "execution", "error": "the question would touch some 9,000,000 samples"}),
    "slow": (503, {"status": "error", "errorType": "timeout", "error": "the query took longer than 10 s"}),
    "one": vector(({"__name__": "one", "job": "ray"}, 2.5)),
    "none": vector(),
    "1": {"status": "success", "data": {"resultType": "scalar", "result": [START_S, "1"]}},
}


def instant(query: Query) -> Any:
    return INSTANT.get(query["query"][0], TASKS)


def ranged(query: Query) -> Any:
    if query["query"] == ["none"]:
        return matrix()
    start, end, step = (float(query[name][0]) for name in ("start", "end", "step"))
    times = [start + at * step for at in range(int((end - start) / step) + 1)]
    return matrix(*(({"__name__": "x", "worker": f"w{number}"}, [(time, number * at) for at, time in enumerate(times)]) for number in range(200)))


def gauges(query: Query) -> Any:
    """Figures for the live screen."""
    if query["query"][0].startswith("rate("):
        return vector(({"node": NODE, "pid": "18", "name": "ray::Cache", "worker_id": "w"}, 2.5)) if "process" in query["query"][0] else vector()
    named = {"ray_node_cpu_utilization": 97.0, "ray_node_cpu_count": 8, "ray_node_mem_used": 60 * GIB, "ray_node_mem_total": 64 * GIB}
    of_process = {"__name__": "rayscope_process_resident_bytes", "node": NODE, "pid": "18", "name": "ray::Cache", "worker_id": "w"}
    return vector(*(({"__name__": name, "node": NODE}, value) for name, value in named.items()), (of_process, GIB))


@pytest.fixture
def server() -> Iterator[tuple[str, list[tuple[str, Query]]]]:
    answers = {
        "/api/v1/metrics": CATALOGUE,
        "/api/v1/findings": FOUND,
        "/api/v1/sessions": page({"session": SESSION, "ended_ns": START_S * 10**9}),
        f"/api/v1/sessions/{SESSION}": {"rows": [{"session": SESSION, "ended_ns": None}]},
        "/prometheus/latest/api/v1/query": instant,
        "/prometheus/latest/api/v1/query_range": ranged,
        f"/prometheus/{SESSION}/api/v1/query": gauges,
        "/api/v1/nodes": page({"node_id": NODE, "node_ip": "10.0.0.1", "node_name": "10.0.0.1", "is_head_node": True, "state": "ALIVE"}),
        "/api/v1/jobs": page(
            {"job_id": "01000000", "submission_id": None, "status": "RUNNING", "entrypoint": "train.py", "start_ns": START_S * 10**9, "end_ns": None}
        ),
        "/api/v1/tasks/summary": summary(),
    }
    with canned(answers) as (address, asked):
        yield address, asked


@pytest.fixture
def address(server: tuple[str, list[tuple[str, Query]]]) -> str:
    return server[0]


def test_list_groups_by_source(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The user's own first; the budget is told where something was dropped."""
    assert run(["metrics", "list", "--address", address]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "--- Your own (ray.util.metrics): 1 ---"
    assert lines[2].split()[:3] == ["ray_rows_total", "counter", "3"]
    assert out.index("ray_rows_total") < out.index("ray_tasks") < out.index("rayscope_node_load1")
    assert "7 series are over the session's limit of 100" in err
    assert "2 future" in err


def test_list_of_one_source_as_json(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With all that is known."""
    assert run(["metrics", "list", "rows", "--source", "user", "--format", "json", "--address", address]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["source"], row["type"], row["series"]) == ("ray_rows_total", "user", "counter", 3)
    assert run(["metrics", "list", "--source", "mine", "--address", address]) == 2
    assert "there are user, ray, node, external" in capsys.readouterr().err


def test_query_shows_a_table(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What all share above it, the largest first, what is no number last."""
    assert run(["metrics", "query", "ray_tasks", "--address", address]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "======== 3 series: 2026-11-24 12:00:00.000 UTC ========"
    assert out[1] == f"node={NODE[:8]}"
    assert [line.split() for line in out[2:]] == [["STATE", "VALUE"], ["PENDING", "12"], ["RUNNING", "3"], ["FAILED", "NaN"]]


def test_query_of_one_series_and_of_a_number(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Are a line."""
    assert run(["metrics", "query", "one", "--address", address]) == 0
    assert capsys.readouterr().out == 'one{job="ray"}  2.5  at 2026-11-24 12:00:00.000 UTC\n'
    assert run(["metrics", "query", "1", "--address", address]) == 0
    assert capsys.readouterr().out == "1  at 2026-11-24 12:00:00.000 UTC\n"


def test_query_is_asked_at_the_end_of_a_session_that_ended(server: tuple[str, list[tuple[str, Query]]], capsys: pytest.CaptureFixture[str]) -> None:
    """Not at a time when all of it is gone; and a relative time is relative to that."""
    address, asked = server
    run(["metrics", "query", "one", "--address", address])
    run(["metrics", "query", "one", "--at", "-60s", "--address", address])
    run(["metrics", "query", "none", "--address", address])
    times = [query["time"] for path, query in asked if path.endswith("/query")]
    assert times == [[f"{START_S}.000"], [f"{START_S - 60}.000"], [f"{START_S}.000"]]
    assert "No series fit." in capsys.readouterr().err


def test_query_of_a_range_draws_a_chart(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In eighty columns, with a legend, and the rest of two hundred series counted."""
    assert run(["metrics", "query", "x", "--range", "10m", "--top", "3", "--address", address]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "11:50:00" in out
    assert "12:00:00" in out
    assert [line.split()[1] for line in lines if line.startswith("━")] == ["w199", "w198", "w197"]
    assert "… 197 more series" in out
    assert "--top 200 draws all" in err


def test_query_as_csv_has_a_row_a_value(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Labels are columns."""
    run(["metrics", "query", "x", "--since", "-20s", "--step", "10s", "--format", "csv", "--address", address])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 600
    assert rows[4] == {"__name__": "x", "worker": "w1", "time_ms": str((START_S - 10) * 1000), "value": "1.0"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sum("], "error: parse error: unexpected end of input\n  sum(\n      ^"),
        (["too_much"], "error: the question would touch some 9,000,000 samples"),
        (["slow"], "error: the query took longer than 10 s\nhint: ask for less"),
        (["x", "--range", "1h", "--since", "-1h"], "error: --range 1h and --since -1h exclude each other"),
        (["x", "--until", "-1h"], "error: --until needs --since"),
        (["x", "--since", "-1m", "--until", "-2m"], "error: the stretch of time from -1m to -2m has no length"),
        (["x", "--range", "1h", "--step", "0s"], "error: step 0s is not positive"),
        (["x", "--range", "soon"], "error: not a time: '-soon'"),
        (["x", "--format", "xml"], "error: no format 'xml'"),
    ],
)
def test_errors_say_what_and_where(address: str, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    """With the place under the question."""
    assert run(["metrics", "query", *arguments, "--address", address]) in {2, 3}
    assert message in capsys.readouterr().err


def test_findings_with_evidence(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What, since when, what shows it, what to do, and where to read on."""
    assert run(["findings", "--job", "01000000", "--address", address]) == 0
    out = capsys.readouterr().out
    assert "error: node head 10.0.0.1 is at 97% of its memory" in out
    assert "since 2026-11-24 12:00:00 UTC, still so" in out
    assert "  · 62 GiB of 64 GiB were in use at the peak" in out
    assert "  → have fewer such tasks at once" in out
    assert "docs/findings.md#node-near-oom" in out
    assert run(["findings", "--format", "jsonl", "--address", address]) == 0
    assert json.loads(capsys.readouterr().out)["evidence"][0]["value"] == 0.97


def test_no_findings(capsys: pytest.CaptureFixture[str]) -> None:
    """Says whether there was anything to look at."""
    nothing = FOUND | {"findings": []}
    with canned({"/api/v1/findings": nothing}) as (address, _):
        assert run(["findings", "--address", address]) == 0
    assert "Nothing found in 10 m 0 s of metrics" in capsys.readouterr().err
    with canned({"/api/v1/findings": nothing | {"looked_from_ms": None, "looked_to_ms": None}}) as (address, _):
        assert run(["findings", "--address", address]) == 0
    assert "has no metrics to look at" in capsys.readouterr().err


def test_top_once(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A frame for scripts, from several questions."""
    assert run(["top", "--once", "--session", SESSION, "--address", address]) == 0
    out, err = capsys.readouterr()
    assert "head 10.0.0.1" in out
    assert "███████▊  97%" in out
    assert "18  Cache" in out
    assert "250%" in out
    assert "train.py" in out
    assert "is at 97% of its memory" in err
    assert run(["top", "--view", "disks", "--address", address]) == 2
    assert run(["top", "--interval", "0.1s", "--once", "--address", "http://127.0.0.1:1"]) in {2, 3}


def test_top_without_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    """Shows states all the same, and what to do."""
    answers = {
        f"/api/v1/sessions/{SESSION}": {"rows": [{"session": SESSION, "ended_ns": None}]},
        f"/prometheus/{SESSION}/api/v1/query": vector(),
        "/api/v1/nodes": page({"node_id": NODE, "node_ip": "10.0.0.1", "node_name": None, "is_head_node": False, "state": "ALIVE"}),
        "/api/v1/jobs": page(),
        "/api/v1/tasks/summary": summary(
            {"name": "f", "type": "NORMAL_TASK", "state_counts": {"RUNNING": 2}, "tasks": 2, "retries": 0, "p50_ns": None, "p99_ns": None, "total_ns": 0}
        ),
    }
    with canned(answers) as (address, _):
        assert run(["top", "--once", "--session", SESSION, "--address", address]) == 0
    out, err = capsys.readouterr()
    assert "1 nodes, 2 tasks running" in out
    assert "no process is sampled" in out
    assert "an agent scrapes them" in err


def test_the_python_api(address: str) -> None:
    """Typed answers, and frames with a column a label."""
    metrics = api.list_metrics(source="user", address=address)
    assert [one.name for one in metrics] == ["ray_rows_total"]
    assert metrics.budget is not None
    assert metrics.budget.dropped_series == 7
    assert metrics.to_pandas()["type"].tolist() == ["counter"]
    samples = api.query("ray_tasks", address=address)
    assert (samples[0].labels["State"], samples[0].value, samples[0].time_ms) == ("RUNNING", 3.0, START_S * 1000)
    assert samples.to_pandas().columns.tolist() == ["__name__", "State", "job", "node", "time", "value"]
    ranges = api.query_range("x", since="-20s", step="10s", address=address)
    assert (len(ranges), ranges[1].values, ranges[-1].labels["worker"]) == (200, [0.0, 1.0, 2.0], "w199")
    frame = ranges.to_polars()
    assert frame.shape == (600, 4)
    assert str(frame["time"][0]) == "2026-11-24 11:59:40+00:00"
    assert api.list_findings(address=address)[0].about.name == "head 10.0.0.1"
    assert api.list_findings(address=address).dicts()[0]["node_ids"] == [NODE]


def test_the_errors_of_the_python_api(address: str) -> None:
    """Are those of rayscope.errors."""
    with pytest.raises(PromqlError, match="unexpected end"):
        api.query("sum(", address=address)
    with pytest.raises(UsageError, match="no source 'mine'"):
        api.list_metrics(source="mine", address=address)
    with pytest.raises(ServerUnreachable):
        api.query("x", address="http://127.0.0.1:1")
