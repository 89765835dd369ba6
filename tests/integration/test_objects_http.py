"""Objects over HTTP and on the command line, of snapshots that are posted; no Ray is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rayscope.errors import FilterError, NotFound
from rayscope.state import get_objects, list_objects, object_growth, object_leaks, summarize_objects
from support.commands import Commands, ask
from support.objects import object_table, put_id, reference

SESSION = "session_2026-11-18_10-26-40_000000_4242"


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """A server with two snapshots of one session."""
    commands = Commands(tmp_path_factory.mktemp("data"))
    assert commands("server", "start", "--port", "0").returncode == 0
    assert post(commands, {"session": SESSION, "taken_ns": 10**18, "rows": [reference(put_id(1))]})[0] == 204
    answer = {"data": {"result": {"total": 12_013, "num_after_truncation": 10_001, "num_filtered": 10_001, "result": object_table(), "warnings": []}}}
    assert post(commands, {"session": SESSION, "taken_ns": 2 * 10**18, "trigger": "interval", "answer": answer})[0] == 204
    yield commands
    commands("server", "stop")


def post(commands: Commands, content: Any) -> tuple[int, Any]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return ask(commands.ingest_url.replace("/ray/events", "/ray/objects"), body)


def get(commands: Commands, path: str) -> Any:
    status, answer = ask(f"{commands.url}{path}")
    assert status == 200, answer
    return answer


def test_a_cut_snapshot_says_so_everywhere(commands: Commands) -> None:
    """In pages, in summaries, in the list of snapshots, on the command line."""
    warning = "the snapshot is cut: 6 of 12,013 references are known"
    page = get(commands, "/api/v1/objects")
    assert warning in page["warnings"]
    assert page["as_of_ns"] == 2 * 10**18
    assert warning in get(commands, "/api/v1/objects/summary?by=function")["warnings"]
    assert [info["truncated"] for info in get(commands, "/api/v1/objects/snapshots")["snapshots"]] == [True, False]
    for words in (("list", "objects"), ("summary", "objects"), ("memory",), ("memory", "--growth"), ("memory", "--leaks")):
        assert warning in commands(*words).stderr, words


def test_the_past_is_there(commands: Commands) -> None:
    """By the time of the first snapshot."""
    rows = get(commands, f"/api/v1/objects?at={10**18}")["rows"]
    assert [row["object_id"] for row in rows] == [put_id(1)]
    assert commands.rows("list", "objects", "--at", str(10**18), "-c", "pid") == [{"pid": 9000}]
    assert get(commands, f"/api/v1/objects/growth?at={10**18}")["snapshots"] == 1


def test_the_python_api(commands: Commands) -> None:
    """Lists, one object, a summary, growth, leaks, a frame."""
    url = commands.url
    assert len(list_objects(url)) == 6
    assert {row.type for row in get_objects(put_id(1), address=url)} == {"DRIVER", "WORKER"}
    assert get_objects("ffff" * 14, address=url) == []
    assert summarize_objects(url, by="owner", filters=[("pid", "=", 1)]).total_references == 1
    assert len(object_growth(url).times_ns) == 2
    assert object_leaks(url).objects == 5
    assert list_objects(url, detail=True).to_pandas()["size_bytes"].max() == 2**40
    with pytest.raises(FilterError):
        object_growth(url, points=1)
    with pytest.raises(NotFound):
        summarize_objects(url, session="session_1999")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"session":"s"}', b'{"session":"s","taken_ns":-1}', b'{"session":"","taken_ns":1}', b'{"session":"s","taken_ns":1,"answer":{}}'],
)
def test_a_body_that_is_no_snapshot_is_refused(commands: Commands, body: bytes) -> None:
    """With what is wrong; nothing is stored."""
    status, answer = post(commands, body)
    assert (status, answer["error"]) == (400, "PayloadError")
    assert len(get(commands, "/api/v1/sessions")["rows"]) == 1


@pytest.mark.parametrize("path", ["summary?by=colour", "growth?points=0", "leaks?idle=soon", "summary?filter=nope%3D1", "snapshots?at=x"])
def test_questions_that_make_no_sense(commands: Commands, path: str) -> None:
    """Are named, with the fix."""
    status, answer = ask(f"{commands.url}/api/v1/objects/{path}")
    assert (status, answer["error"]) == (400, "FilterError")
    assert "session=all" not in path
    assert ask(f"{commands.url}/api/v1/objects/summary?session=all")[0] == 404


def test_rays_rest_refuses_as_ray_does(commands: Commands) -> None:
    """A column that is none, a number that is none, a limit that is too large."""
    base = f"{commands.url}/ray/{SESSION}/api/v0/objects"
    for query in (
        "filter_keys=colour&filter_predicates=%3D&filter_values=1",
        "filter_keys=pid&filter_predicates=%3D&filter_values=x",
        "filter_keys=pid&filter_predicates=%3E&filter_values=1",
        "limit=10001",
    ):
        assert ask(f"{base}?{query}")[0] == 400, query
    told = ask(f"{base}?limit=2")[1]["data"]["result"]
    assert (told["total"], told["num_after_truncation"], told["num_filtered"], len(told["result"])) == (12_013, 10_001, 10_001, 2)
    summary = ask(f"{base}/summarize")[1]["data"]["result"]["result"]["node_id_to_summary"]["cluster"]
    assert summary["total_objects"] == 6
    assert summary["callsite_enabled"] is False


def test_memory_words_that_exclude_each_other(commands: Commands) -> None:
    """Exit code 2, and what to do."""
    for words in (("--growth", "--leaks"), ("--now", "--at", "-1m"), ("--all-sessions",), ("-n", "-1"), ("--format", "xml")):
        assert commands("memory", *words).returncode == 2, words


def test_memory_counts_in_units_and_groups(commands: Commands) -> None:
    """As `ray memory` words it."""
    shown = commands("memory", "--units", "GB", "--group-by", "STACK_TRACE", "--sort-by", "PID", "-n", "1").stdout
    assert "1,099.51 GB" in shown
    assert "--- stack trace: (not recorded) ---" in shown
    assert [row["pid"] for row in commands.rows("memory", "--sort-by", "PID")] == [1, 9000, 9000, 9000, 9001, 9001]


def test_an_object_is_found_by_both_ends_of_its_id(commands: Commands) -> None:
    """As tables show it."""
    assert f"{put_id(1)[:8]}…{put_id(1)[-8:]}" in commands.in_terminal("list", "objects")
    assert len(commands.rows("get", "object", f"{put_id(1)[:8]}…{put_id(1)[-8:]}")) == 2
    assert commands("get", "object", "00…01").returncode == 4


def test_the_environment_has_call_sites_when_asked(commands: Commands) -> None:
    """`rayscope env --call-sites`, and not else."""
    assert "RAY_record_ref_creation_sites=1" in commands("env", "--call-sites").stdout
    assert "record_ref_creation_sites" not in commands("env").stdout


def test_data_folder_of_snapshots_survives_kill(commands: Commands, tmp_path: Path) -> None:
    """What was answered with 204 is there after kill -9."""
    other = Commands(tmp_path)
    assert other("server", "start", "--port", "0").returncode == 0
    assert post(other, {"session": SESSION, "taken_ns": 5, "rows": object_table()})[0] == 204
    import os
    import signal

    os.kill(json.loads((tmp_path / "server.json").read_text())["pid"], signal.SIGKILL)
    assert other("server", "start", "--port", "0").returncode == 0
    try:
        assert get(other, "/api/v1/objects")["total"] == 6
    finally:
        other("server", "stop")
