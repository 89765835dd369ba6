"""Objects of a real Ray, looked at when its cluster is gone: the answers are those that the cluster gave, and more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray.util import state

from rayscope.client import Client
from rayscope.model.object_answers import ObjectSnapshotInfo
from support.commands import Commands, until

PROGRAM = Path(__file__).parents[1] / "programs" / "objects.py"
MB = 1_000_000


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """A server of this module's own."""
    commands = Commands(tmp_path_factory.mktemp("data"))
    assert commands("server", "start", "--port", "0").returncode == 0
    yield commands
    commands("server", "stop")


@pytest.fixture(scope="module")
def live(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Ray said just before the program ended, which was recorded."""
    folder = tmp_path_factory.mktemp("live")
    done = commands("run", "--call-sites", str(PROGRAM), str(folder), commands.ingest_url.removesuffix("/ray/events"), RAYSCOPE_OBJECTS_S="0")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads((folder / "live.json").read_text())
    return told | {"session": commands.rows("list", "sessions")[0]["session"]}


@pytest.fixture(scope="module")
def gone(commands: Commands, live: dict[str, Any]) -> str:
    """The address under which Ray's own client finds the session."""
    return f"{commands.url}/ray/latest"


def listed(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)


def demanded(client: Client) -> list[ObjectSnapshotInfo]:
    """The snapshots that the program took, the newest first; an agent may have taken others when memory ran short."""
    return [info for info in client.object_snapshots().snapshots if info.trigger == "demand"]


def by_id(commands: Commands, object_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = commands.rows("get", "object", object_id)
    return rows


def test_rays_own_listing_is_that_of_the_live_cluster(live: dict[str, Any], gone: str) -> None:
    """Every reference with every column, by Ray's Python API and its filters."""
    found = [row.asdict() for row in state.list_objects(gone, limit=1000, detail=True)]
    assert listed(found) == listed(live["objects"])
    for column, predicate, value in [
        ("object_size", "=", "10000253"),
        ("reference_type", "=", "local_reference"),
        ("type", "!=", "DRIVER"),
        ("pid", "!=", "1"),
    ]:
        fits = [row for row in live["objects"] if (str(row[column]).lower() == value.lower()) == (predicate == "=")]
        asked = [row.asdict() for row in state.list_objects(gone, filters=[(column, predicate, value)], limit=1000, detail=True)]
        assert listed(asked) == listed(fits), column


def test_rays_own_summary_is_that_of_the_live_cluster(live: dict[str, Any], gone: str) -> None:
    """Counts and megabytes by call site."""
    assert json.loads(json.dumps(state.summarize_objects(gone), default=str)) == live["summary"]


def test_the_stock_command_line(live: dict[str, Any], gone: str) -> None:
    """`ray list objects` and `ray summary objects` with Rayscope's address."""
    ray = str(Path(sys.executable).parent / "ray")
    for words in (("list", "objects", "--format", "json", "--limit", "1000"), ("summary", "objects")):
        done = subprocess.run([ray, *words, "--address", gone], env={**os.environ, "RAY_AUTH_MODE": "disabled"}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        if words[0] == "list":
            assert len(json.loads(done.stdout)) == len(live["objects"])
        else:
            assert "callsite" in done.stdout.lower()


def test_sizes_pins_and_makers(commands: Commands, live: dict[str, Any]) -> None:
    """A put of 10 MB that a running task holds: the driver's reference, and the worker's, which pins it."""
    holders = {row["type"]: row for row in by_id(commands, live["ids"]["first"])}
    assert abs(holders["DRIVER"]["size_bytes"] - 10 * MB) < 1000
    assert holders["DRIVER"]["reference_type"] == "USED_BY_PENDING_TASK"
    assert holders["DRIVER"]["is_owner"]
    assert holders["DRIVER"]["function"] == "(driver)"
    assert "objects.py:<module>" in holders["DRIVER"]["call_site"]
    assert holders["WORKER"]["is_pinned"]
    assert holders["WORKER"]["node_id"] == holders["DRIVER"]["node_id"] is not None
    returned = by_id(commands, live["ids"]["returned"])[0]
    assert (returned["origin"], returned["task_id"], returned["function"]) == ("RETURN", live["ids"]["produce"], "produce")
    assert holders["DRIVER"]["first_seen_ns"] < returned["first_seen_ns"] < returned["last_seen_ns"]


def test_an_actors_put_names_its_method(commands: Commands, live: dict[str, Any]) -> None:
    """Although the id lost its first byte; while the actor lived it was the owner."""
    borrowed = by_id(commands, live["ids"]["borrowed"][0])
    assert {(row["origin"], row["function"], row["type"], row["is_owner"]) for row in borrowed} == {("PUT", "Keeper.keep", "DRIVER", False)}
    with Client(commands.url) as client:
        second = demanded(client)[-2].taken_ns
        before = client.get("objects", live["ids"]["borrowed"][0], at=str(second / 1e9 + 0.001))
    owner = next(row for row in before if row["is_owner"])
    assert owner["pid"] == live["ids"]["keeper_pid"]
    assert owner["type"] == "WORKER"


def test_what_a_dead_actor_left_is_a_leak(commands: Commands, live: dict[str, Any]) -> None:
    """The driver holds what nobody owns, with the evidence; what it put and what was returned to it are no leaks."""
    leaks = {row["object_id"]: row for row in commands.rows("memory", "--leaks", "--idle", "1h")}
    assert set(leaks) == set(live["ids"]["borrowed"])
    assert {row["reason"] for row in leaks.values()} == {"OWNER_DEAD"}
    assert all("Keeper" in row["evidence"] for row in leaks.values())


def test_growth_and_stores(commands: Commands, live: dict[str, Any]) -> None:
    """The list that grew by 150 MB comes first; the store's own figures tell of spilling."""
    growth = commands.rows("memory", "--growth")
    assert growth[0]["growth_objects"] == len(live["ids"]["grown"])
    assert growth[0]["trend"] == "growing"
    stats = commands("memory", "--stats-only", "--at", "now").stdout
    assert "Object stores" in stats
    with Client(commands.url) as client:
        taken = client.object_snapshots().snapshots
        assert len(demanded(client)) == 3
        assert demanded(client)[0].store_stats[0]["spilled_bytes"] > 0
    assert "end" in {info.trigger for info in taken}
    assert not any(info.truncated for info in taken)


def test_what_people_see_fits_a_terminal(commands: Commands, live: dict[str, Any]) -> None:
    """Eighty columns, and nothing of it is cut by the terminal."""
    for words in (("list", "objects"), ("summary", "objects", "--by", "owner"), ("memory",), ("memory", "--growth"), ("memory", "--leaks", "--idle", "1h")):
        shown = commands.in_terminal(*words)
        assert max(len(line) for line in shown.splitlines() if not line.startswith(("hint:", "warning:"))) <= 80, shown


def _used(info: ObjectSnapshotInfo) -> int:
    return sum(int(node.get("used_bytes", 0)) for node in info.store_stats)


LIVING = """
import sys, time, ray
from pathlib import Path
ray.init(num_cpus=1, include_dashboard=True)
held = [ray.put(bytes(1_000_000)) for _ in range(3)]
Path(sys.argv[1], "ready").touch()
deadline = time.monotonic() + 100
while not Path(sys.argv[1], "done").exists() and time.monotonic() < deadline:
    time.sleep(0.05)
"""


def test_an_agent_takes_snapshots_of_a_living_cluster(commands: Commands, tmp_path: Path) -> None:
    """By itself at intervals, and when it is asked; without one, asking is an error that says so."""
    script = tmp_path / "living.py"
    script.write_text(LIVING)
    program = commands.start("run", str(script), str(tmp_path), RAYSCOPE_OBJECTS_S="1")
    agent = None
    try:
        until((tmp_path / "ready").exists, "a cluster with objects", 90)
        until(lambda: "living.py" in str(commands.rows("list", "sessions", "-c", "command")[0]), "the session", 30)
        agent = commands.start("agent", RAYSCOPE_OBJECTS_S="1", RAYSCOPE_INGEST=commands.ingest_url.removesuffix("/ray/events"))
        with Client(commands.url) as client:
            until(lambda: {"interval"} <= {info.trigger for info in client.object_snapshots().snapshots}, "a periodic snapshot", 90)
            until(lambda: commands("memory", "--now").returncode == 0, "a channel to the agent", 60)
            until(lambda: _used(client.object_snapshots().snapshots[0]) >= 3 * MB, "the stores' figures, which Ray updates every ten seconds", 90)
            taken = client.object_snapshots().snapshots
        assert "demand" in {info.trigger for info in taken}
        assert [row["size_bytes"] // MB for row in commands.rows("list", "objects")] == [1, 1, 1]
    finally:
        (tmp_path / "done").touch()
        assert program.wait(120) == 0
        if agent is not None:
            agent.terminate()
            agent.wait(60)
    refused = commands("memory", "--now")
    assert refused.returncode == 4
    assert "no agent of the head node" in refused.stderr


def test_spilling_is_found_in_the_metrics(commands: Commands, live: dict[str, Any]) -> None:
    """With how much, how full the store was, and whose job it was."""
    (found,) = [row for row in commands.rows("findings", "--session", live["session"]) if row["kind"] == "object-store-spilling"]
    assert found["evidence"][0]["value"] > 10 * MB
    assert found["job_ids"] == ["01000000"]
    assert "of objects went to disk" in found["title"]
