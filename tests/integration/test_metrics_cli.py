"""Metrics of a real Ray on the command line, in Python and over HTTP, when its cluster is gone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rayscope import metrics as api
from support.commands import Commands, ask

PROGRAMS = Path(__file__).parents[1] / "programs"
OWN = {
    "ray_demo_tasks_total": "counter",
    "ray_demo_actor_total": "counter",
    "ray_demo_driver_total": "counter",
    "ray_demo_seconds": "histogram",
    "ray_demo_level": "gauge",
}


@pytest.fixture(scope="module")
def counted(rayscope: Commands, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The session of a run that counts something itself."""
    told = tmp_path_factory.mktemp("counted") / "told"
    ran = rayscope("run", "--cluster", "counted-cli", str(PROGRAMS / "counted.py"), COUNTED_TO=str(told))
    assert ran.returncode == 0, ran.stderr
    return str(rayscope.rows("list", "sessions", "-f", "cluster=counted-cli")[0]["session"])


def test_the_users_metrics_are_told_from_rays(rayscope: Commands, counted: str) -> None:
    """Exactly those that the program made, with type, help and series; Ray's and the agent's are there too."""
    rows = rayscope.rows("metrics", "list", "--session", counted)
    by_source = {source: {row["name"]: row for row in rows if row["source"] == source} for source in ("user", "ray", "node", "external")}
    assert {name: row["type"] for name, row in by_source["user"].items()} == OWN
    assert by_source["user"]["ray_demo_tasks_total"]["help"] == "What the task counted."
    assert "kind" in by_source["user"]["ray_demo_tasks_total"]["labels"]
    assert {"ray_tasks", "ray_node_mem_used", "ray_resources"} <= by_source["ray"].keys()
    assert {"rayscope_process_resident_bytes", "up"} <= by_source["node"].keys()
    assert not by_source["external"]
    shown = rayscope.in_terminal("metrics", "list", "--source", "user", "--session", counted)
    assert max(map(len, shown.splitlines())) <= 80
    assert "What the task counted." in shown


def test_questions_of_a_cluster_that_is_gone(rayscope: Commands, counted: str) -> None:
    """Are asked at its end: the last values, as a table, as a chart, and as rows."""
    (row,) = rayscope.rows("metrics", "query", "sum(ray_demo_tasks_total)", "--session", counted)
    assert row["value"] > 0
    chart = rayscope.in_terminal("metrics", "query", "sum by (State) (ray_tasks)", "--range", "2m", "--session", counted)
    assert max(map(len, chart.splitlines())) <= 80
    assert "━ FINISHED" in chart
    assert re.search("[\u2801-\u28ff]", chart)
    wrong = rayscope("metrics", "query", "sum(ray_tasks", "--session", counted)
    assert wrong.returncode == 2
    assert "  sum(ray_tasks\n               ^" in wrong.stderr


def test_the_last_moment_on_the_live_screen(rayscope: Commands, counted: str) -> None:
    """Figures of the node, its processes by what they ran, the job, the tasks."""
    once = rayscope("top", "--once", "--session", counted)
    assert once.returncode == 0, once.stderr
    assert "ENDED" in once.stdout
    assert re.search(r"head 127\.0\.0\.1|head \S+ +[█▏▎▍▌▋▊▉]", once.stdout)
    assert "--- Workers: " in once.stdout
    assert re.search(r"\d+ +raylet +system", rayscope("top", "--once", "--view", "workers", "--session", counted).stdout)
    assert "counted.py" in once.stdout


def test_a_healthy_run_has_no_findings(rayscope: Commands, counted: str) -> None:
    """Its metrics were looked at."""
    assert rayscope.rows("findings", "--session", counted) == []
    _, answer = ask(f"{rayscope.url}/api/v1/findings?session={counted}")
    assert answer["looked_to_ms"] > answer["looked_from_ms"]
    assert ask(f"{rayscope.url}/api/v1/findings?session=nobody")[0] == 404
    assert ask(f"{rayscope.url}/api/v1/metrics?session={counted}&q=DEMO_level")[1]["metrics"][0]["name"] == "ray_demo_level"
    status, problem = ask(f"{rayscope.url}/api/v1/metrics?session=nobody")
    assert (status, problem["error"]) == (404, "NotFound")


def test_the_python_api_on_a_cluster_that_is_gone(rayscope: Commands, counted: str) -> None:
    """Frames with a column a label."""
    names = [metric.name for metric in api.list_metrics(source="user", session=counted, address=rayscope.url)]
    assert names == sorted(OWN)
    frame = api.query_range("ray_node_mem_used", since="-2m", session=counted, address=rayscope.url).to_pandas()
    assert {"node", "time", "value"} <= set(frame.columns)
    assert (frame["value"] > 0).all()
    assert json.dumps(api.list_findings(session=counted, address=rayscope.url).dicts()) == "[]"
