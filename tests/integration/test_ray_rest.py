"""Ray's own REST on a recorded cluster that is gone: the stock client gets the rows that the live cluster gave it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ray.util import state
from ray.util.state.api import StateApiClient
from ray.util.state.common import StateResource, resource_to_schema
from ray.util.state.exception import RayStateApiException

from rayscope.server.ray_api import columns
from rayscope.server.ray_api.filters import Filter, fits
from rayscope.server.ray_api.listings import LISTINGS
from rayscope.server.ray_api.rows_task import task_base

Rows = list[dict[str, Any]]

SERVE = "import sys; from pathlib import Path; from rayscope.server.lifecycle import serve; serve(Path(sys.argv[1]), port=0)"

FILTERS = {
    "tasks": [
        ("name", "=", "DOUBLE"),
        ("name", "!=", "double"),
        ("name", "=", "a name (with) signs"),
        ("NAME", "=", "double"),
        ("state", "=", "failed"),
        ("state", "!=", "FINISHED"),
        ("attempt_number", "=", "1"),
        ("attempt_number", "!=", "0"),
        ("error_type", "=", "task_execution_exception"),
        ("error_type", "!=", "TASK_EXECUTION_EXCEPTION"),
        ("worker_pid", "!=", "1"),
        ("type", "=", "actor_task"),
        ("func_or_class_name", "=", "Counter.add"),
        ("func_or_class_name", "!=", "Counter.add"),
        ("language", "!=", "JAVA"),
        ("actor_id", "!=", "ab" * 16),
        ("node_id", "!=", "no id"),
        ("placement_group_id", "!=", "no id"),
        ("is_debugger_paused", "!=", "True"),
        ("job_id", "=", "01000000"),
    ],
    "actors": [("class_name", "!=", "counter"), ("placement_group_id", "!=", "zz"), ("ray_namespace", "=", "HERE"), ("pid", "!=", "0"), ("name", "=", "")],
    "workers": [("worker_type", "=", "driver"), ("pid", "!=", "1"), ("num_paused_threads", "=", "1")],
    "nodes": [("is_head_node", "=", "true"), ("is_head_node", "!=", "1")],
    "jobs": [("type", "=", "driver"), ("submission_id", "!=", "x"), ("job_id", "=", "02000000")],
    "placement_groups": [("is_detached", "=", "False"), ("is_detached", "!=", "False"), ("name", "=", "pair")],
    "runtime_envs": [("success", "=", "True"), ("error", "!=", "x")],
    "cluster_events": [("severity", "=", "error"), ("severity", "!=", "ERROR")],
}

PROGRAM = """
import json, os, sys, time, urllib.request
from dataclasses import asdict
from pathlib import Path
import ray
from ray.util import state
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
from ray.util.state.api import StateApiClient

ingest, folder, filters = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
context = ray.init(num_cpus=3, include_dashboard=True, log_to_driver=False, runtime_env={"env_vars": {"STAGE": "one"}})
session = ray._private.worker._global_node.session_name

@ray.remote
def double(x): return 2 * x

@ray.remote
def parent(): return sum(ray.get([double.remote(1), double.remote(2)]))

@ray.remote(max_retries=0)
def fail(): raise ValueError("wrong on purpose")

@ray.remote(max_retries=2, retry_exceptions=True)
def flaky(flag):
    if not os.path.exists(flag):
        Path(flag).touch()
        raise RuntimeError("the first time")
    return 1

@ray.remote
class Counter:
    def __init__(self): self.n = 0
    def add(self, k): self.n += k; return self.n

@ray.remote
class Named:
    def __repr__(self): return "NamedRepr"
    def ping(self): return "pong"

@ray.remote(max_restarts=0)
class Doomed:
    def ok(self): return 1
    def die(self): os._exit(3)

@ray.remote
class Broken:
    def __init__(self): raise KeyError("no")
    def ok(self): return 1

def survive(ref):
    try: ray.get(ref)
    except Exception: pass

ray.get([double.remote(i) for i in range(4)] + [double.options(name="a name (with) signs").remote(5), parent.remote()])
ray.get(double.options(runtime_env={"env_vars": {"X": "1"}, "config": {"setup_timeout_seconds": 77}}).remote(1))
survive(fail.remote())
ray.get(flaky.remote(str(folder / "flag")))
counter = Counter.remote(); ray.get([counter.add.remote(i) for i in range(3)])
named = Named.options(name="the-one", namespace="here", lifetime="detached").remote(); ray.get(named.ping.remote())
doomed = Doomed.remote(); ray.get(doomed.ok.remote()); survive(doomed.die.remote())
broken = Broken.remote(); survive(broken.ok.remote())
killed = Counter.remote(); ray.get(killed.add.remote(1)); ray.kill(killed)
pair = placement_group([{"CPU": 1}, {"CPU": 1}], name="pair"); ray.get(pair.ready())
ray.get(double.options(scheduling_strategy=PlacementGroupSchedulingStrategy(pair)).remote(1))
gone = placement_group([{"CPU": 1}], name="gone"); ray.get(gone.ready()); remove_placement_group(gone)

client = StateApiClient(address=context.dashboard_url if "://" in context.dashboard_url else "http://" + context.dashboard_url)

def rest(path, **parameters):
    return client._make_http_get_request("/api/v0/" + path, {"limit": 10000, **parameters}, timeout=30)

def tasks(): return rest("tasks", detail=True)["result"]

deadline, before, same = time.monotonic() + 60, None, 0
while same < 4 and time.monotonic() < deadline:  # workers report once a second
    now = tasks()
    same = same + 1 if now == before and all(row["state"] in ("FINISHED", "FAILED") for row in now) else 0
    before = now
    time.sleep(1)
assert same == 4, "the tasks did not settle"

NOUNS = ["tasks", "actors", "jobs", "nodes", "workers", "placement_groups", "runtime_envs", "cluster_events"]
live = {"session": session, "brief": {}, "detail": {}, "rest": {}, "filtered": {}}
for noun in NOUNS:
    listed = getattr(state, "list_" + noun)
    live["brief"][noun] = [row.asdict() for row in listed(limit=10000)]
    live["detail"][noun] = [row.asdict() for row in listed(limit=10000, detail=True)]
    live["rest"][noun] = rest(noun, detail=True)
    for key, predicate, value in filters[noun]:
        found = rest(noun, filter_keys=[key], filter_predicates=[predicate], filter_values=[value])
        live["filtered"][f"{noun} {key} {predicate} {value}"] = found
live["summary"] = {"tasks": state.summarize_tasks(), "actors": state.summarize_actors()}
(folder / "live.json").write_text(json.dumps(live))

# what Ray's event feed does not carry reaches the server as a snapshot of its state API
snapshot = {"session": session, "taken_ns": time.time_ns(), **{noun: live["detail"][noun] for noun in NOUNS[5:]}}
urllib.request.urlopen(urllib.request.Request(ingest + "/ray/states", data=json.dumps(snapshot).encode(), method="POST"))
deadline = time.monotonic() + 120
while not (folder / "go").exists() and time.monotonic() < deadline:
    time.sleep(0.1)
ray.shutdown()
"""


class Recorded:
    """A cluster that is gone: what it answered while it lived, and where Rayscope answers for it."""

    def __init__(self, url: str, live: dict[str, Any]) -> None:
        self.server, self.session, self.live = url, live["session"], live
        self.address = f"{url}/ray/{self.session}"

    def rest(self, path: str, **parameters: Any) -> dict[str, Any]:
        """An answer of the REST, through Ray's own client."""
        client = StateApiClient(address=self.address)
        answer: dict[str, Any] = client._make_http_get_request(f"/api/v0/{path}", {"limit": 10000, **parameters}, timeout=30)
        return answer

    def rows(self, noun: str, *, detail: bool) -> Rows:
        """A listing through ``ray.util.state``."""
        listed = getattr(state, f"list_{noun}")(address=self.address, limit=10000, detail=detail)
        rows: Rows = plain([row.asdict() for row in listed])
        return rows


def plain(value: Any) -> Any:
    """As JSON has it: the live answers went through a file."""
    return json.loads(json.dumps(value))


def wait_for(what: Callable[[], Any], timeout_s: float, name: str) -> Any:
    """The first true answer. Fails after the time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError(f"no {name} within {timeout_s:.0f} s")


def post(url: str, content: Any) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, data=json.dumps(content).encode(), method="POST")):
        pass


def server_url(data: Path) -> str | None:
    file = data / "server.json"
    return str(json.loads(file.read_text())["url"]) if file.exists() and file.stat().st_size else None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A server's address, and that of its ingest."""
    data = tmp_path_factory.mktemp("ray-rest") / "data"
    with subprocess.Popen([sys.executable, "-c", SERVE, str(data)]) as process:
        try:
            url = wait_for(lambda: server_url(data), 30, "server")
            yield url, f"{url}/ingest/{(data / 'ingest-token').read_text().strip()}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def recorded(server: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """One program, recorded; it ends when the server has all of its tasks."""
    folder, (url, ingest) = tmp_path_factory.mktemp("program"), server
    (folder / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(folder / "program.py"), ingest, str(folder), json.dumps(FILTERS)]
    said = folder / "said.txt"
    with said.open("w") as log, subprocess.Popen(command, env=recording_environment(ingest), stdout=log, stderr=log) as program:
        wait_for(lambda: (folder / "live.json").exists() or program.poll() is not None, 150, "live answers")
        assert program.poll() is None, said.read_text()[-3000:]
        live = wait_for(lambda: read_live(folder / "live.json"), 10, "whole file")
        found = Recorded(url, live)
        wanted = len(live["rest"]["tasks"]["result"])
        wait_for(lambda: ended_tasks(found) == wanted, 30, "recorded tasks")
        (folder / "go").touch()
        assert program.wait(60) == 0, said.read_text()[-3000:]
    ended = {"session": found.session, "job_id": "01000000", "ray_version": "2.60.0", "ended_ns": time.time_ns(), "exit_code": 0, "cluster_ended": True}
    post(f"{ingest}/run", ended)
    return found


def recording_environment(ingest: str) -> dict[str, str]:
    """Ray's export, on; addresses of other clusters, off."""
    switches = {
        "RAY_enable_ray_event": "1",
        "RAY_enable_core_worker_ray_event_to_aggregator": "1",
        "RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES": "ALL",
        "RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR": f"{ingest}/ray/events",
    }
    switches["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"  # under `uv run pytest` Ray would build an environment anew for each worker
    return {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"} | switches


def read_live(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError:
        return None


def ended_tasks(found: Recorded) -> int:
    """Attempts of which the server has the end and, where the live cluster has it, the profile."""
    known = {(row["task_id"], row["attempt_number"]): bool(row["profiling_data"]) for row in found.live["rest"]["tasks"]["result"]}
    try:
        rows = found.rest("tasks", detail=True)["result"]
    except Exception:  # the session is not there yet
        return 0
    return sum(row["state"] in {"FINISHED", "FAILED"} and bool(row["profiling_data"]) == known.get((row["task_id"], row["attempt_number"])) for row in rows)


def differences(now: Any, live: Any, path: str = "") -> list[str]:
    """Where two answers part, each with its place: what a whole listing's diff would bury."""
    if isinstance(now, dict) and isinstance(live, dict):
        return [found for name in {**live, **now} for found in differences(now.get(name), live.get(name), f"{path}.{name}")]
    if isinstance(now, list) and isinstance(live, list) and len(now) == len(live):
        return [found for at, pair in enumerate(zip(now, live, strict=True)) for found in differences(*pair, f"{path}[{at}]")]
    return [] if now == live and type(now) is type(live) else [f"{path}: {now!r}, live {live!r}"]


def parsed_envs(value: Any) -> Any:
    """Serialized runtime envs as values: Ray's core writes the env that it merged from a job's and a task's without spaces, the store with."""
    if isinstance(value, dict):
        return {name: json.loads(part) if name == "serialized_runtime_env" and part else parsed_envs(part) for name, part in value.items()}
    return [parsed_envs(part) for part in value] if isinstance(value, list) else value


def without(rows: Rows, *names: str) -> Rows:
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def by_id(rows: Rows, name: str) -> dict[str, dict[str, Any]]:
    return {row[name]: row for row in rows}


@pytest.mark.parametrize("level", ["brief", "detail"])
@pytest.mark.parametrize("noun", ["tasks", "runtime_envs", "cluster_events"])
def test_what_had_ended_reads_the_same(recorded: Recorded, noun: str, level: str) -> None:
    """Tasks that had ended, events and the runtime envs of the snapshot: the same rows, every column, in the same order."""
    assert recorded.live[level][noun]
    assert differences(parsed_envs(recorded.rows(noun, detail=level == "detail")), parsed_envs(recorded.live[level][noun])) == []


@pytest.mark.parametrize("noun", ["tasks", "runtime_envs", "cluster_events"])
def test_rest_answers_are_equal_to_the_letter(recorded: Recorded, noun: str) -> None:
    """Below the typed rows too: counts, warnings, and numbers that Ray gives as text."""
    assert differences(parsed_envs(recorded.rest(noun, detail=True)), parsed_envs(recorded.live["rest"][noun])) == []


@pytest.mark.parametrize("level", ["brief", "detail"])
def test_actors(recorded: Recorded, level: str) -> None:
    """The dead ones are equal. Those that lived died with their cluster since: state and cause of death are new."""
    live, now = recorded.live[level]["actors"], recorded.rows("actors", detail=level == "detail")
    assert differences(without(now, "state", "death_cause"), without(live, "state", "death_cause")) == []
    dead = {row["actor_id"] for row in live if row["state"] == "DEAD"}
    assert len(dead) == 3
    assert [colourless(row) for row in now if row["actor_id"] in dead] == [colourless(row) for row in live if row["actor_id"] in dead]
    assert {row["state"] for row in now} == {"DEAD"}


def colourless(row: dict[str, Any]) -> Any:
    """Rayscope keeps tracebacks without their terminal colours."""
    return json.loads(re.sub(r"\\u001b\[[0-9;]*m", "", json.dumps(row)))


@pytest.mark.parametrize("level", ["brief", "detail"])
@pytest.mark.parametrize(
    ("noun", "changed"),
    [
        ("jobs", {"status", "message", "end_time"}),  # it ran then, and is over now
        ("nodes", {"state", "state_message", "end_time_ms"}),  # alive then, gone with the cluster
        ("placement_groups", {"state"}),  # CREATED then, removed with the cluster
    ],
)
def test_what_ended_with_the_cluster(recorded: Recorded, noun: str, changed: set[str], level: str) -> None:
    """Every column but those that say how the end went."""
    live, now = recorded.live[level][noun], recorded.rows(noun, detail=level == "detail")
    if noun == "jobs" and level == "detail":  # Ray takes the time of a job's event a moment after that of its table
        assert all(0 <= mine["start_time"] - theirs["start_time"] <= 5 for mine, theirs in zip(now, live, strict=True))
        changed = changed | {"start_time"}
    assert differences(without(now, *changed), without(live, *changed)) == []


@pytest.mark.parametrize("level", ["brief", "detail"])
def test_workers(recorded: Recorded, level: str) -> None:
    """Every worker that was there then, the driver among them; they have ended since."""
    ended = ("is_alive", "exit_type", "exit_detail", "end_time_ms")
    live = by_id(without(recorded.live[level]["workers"], *ended), "worker_id")
    now = by_id(without(recorded.rows("workers", detail=level == "detail"), *ended), "worker_id")
    driver = "01000000" + "f" * 48
    if level == "detail":  # Rayscope knows a driver by its job, which starts some milliseconds after its process
        assert 0 <= now[driver].pop("start_time_ms") - live[driver].pop("start_time_ms") < 1000
    assert {worker: now[worker] for worker in live} == live  # one that started since has a row besides


def test_summaries(recorded: Recorded) -> None:
    """Tasks by name and state, with each attempt counted as Ray does; actors by class."""
    live = recorded.live["summary"]
    assert plain(state.summarize_tasks(address=recorded.address)) == live["tasks"]
    assert live["tasks"]["cluster"]["summary"]["flaky"]["state_counts"] == {"FINISHED": 1, "FAILED": 1}
    actors = plain(state.summarize_actors(address=recorded.address))["cluster"]
    assert actors["total_actors"] == live["actors"]["cluster"]["total_actors"]
    assert {name: sum(group["state_counts"].values()) for name, group in actors["summary"].items()} == {
        name: sum(group["state_counts"].values()) for name, group in live["actors"]["cluster"]["summary"].items()
    }


@pytest.mark.parametrize(("noun", "item"), [(noun, item) for noun, items in FILTERS.items() for item in items])
def test_filters(recorded: Recorded, noun: str, item: tuple[str, str, str]) -> None:
    """Each filter leaves the rows that it left then, and counts them the same."""
    live = recorded.live["filtered"][f"{noun} {' '.join(item)}"]
    now = recorded.rest(noun, filter_keys=[item[0]], filter_predicates=[item[1]], filter_values=[item[2]])
    key = {"runtime_envs": "runtime_env", "cluster_events": "event_id", "tasks": "task_id"}.get(noun, f"{noun.removesuffix('s')}_id")
    if noun == "workers":  # a worker may have started since
        assert {row[key] for row in live["result"]} <= {row[key] for row in now["result"]}
        return
    assert [row[key] for row in now["result"]] == [row[key] for row in live["result"]]
    assert (now["total"], now["num_filtered"]) == (live["total"], live["num_filtered"])


def test_limits_are_rays(recorded: Recorded) -> None:
    """A limit cuts the rows and not the counts; one over 10,000 is refused in Ray's words."""
    found = recorded.rest("tasks", limit=2)
    assert found["result"] == recorded.rest("tasks")["result"][:2]
    assert found["num_filtered"] == found["total"] == len(recorded.live["brief"]["tasks"])
    with pytest.raises(RayStateApiException, match="Given limit 10001 exceeds the supported limit 10000"):
        state.list_tasks(address=recorded.address, limit=10001)


@pytest.mark.parametrize(
    ("noun", "item", "words"),
    [
        ("tasks", ("nothing", "=", "1"), "The given filter column nothing is not supported"),
        ("tasks", ("task_id", "=", "abcd"), "ID string needs to have length 24, got 2"),
        ("tasks", ("task_id", "=", "zz"), "Non-hexadecimal digit found"),
        ("actors", ("state", "=", "asleep"), "Invalid actor state for filtering: ASLEEP"),
        ("workers", ("is_alive", "=", "maybe"), "Invalid filter `--filter is_alive maybe` for a boolean type column"),
        ("workers", ("pid", "=", "x"), "Invalid filter `--filter pid x` for a int type column"),
        ("tasks", ("worker_pid", "=", "x"), "Failed to convert a value x of type <class 'str'> to <class 'int'>"),
    ],
)
def test_refusals_are_rays(recorded: Recorded, noun: str, item: tuple[str, str, str], words: str) -> None:
    """What Ray refuses is refused here, in the words that its client prints."""
    with pytest.raises(RayStateApiException) as refused:
        getattr(state, f"list_{noun}")(address=recorded.address, filters=[item])
    assert words in str(refused.value)


def test_sessions_by_prefix_and_latest(recorded: Recorded) -> None:
    """The address may name the session, begin its name, or say latest; a wrong name is an error that the client can print."""
    wanted = plain([row.asdict() for row in state.list_actors(address=recorded.address)])
    for name in ("latest", recorded.session[:-3]):
        assert plain([row.asdict() for row in state.list_actors(address=f"{recorded.server}/ray/{name}")]) == wanted
    with urllib.request.urlopen(f"{recorded.server}/ray/latest/api/version") as answer:
        version = json.load(answer)
    assert (version["ray_version"], version["session_name"], version["version"]) == ("2.60.0", recorded.session, "4")
    with pytest.raises(RayStateApiException, match="no session 'nobody'"):
        state.list_actors(address=f"{recorded.server}/ray/nobody")


def test_what_is_not_served_says_so(recorded: Recorded) -> None:
    """What nobody lists, and a summary by lineage, which is not made: neither is an empty answer."""
    with pytest.raises(RayStateApiException, match="does not serve Ray's 'dreams'"):
        recorded.rest("dreams")
    with pytest.raises(RayStateApiException, match="no summary by lineage"):
        recorded.rest("tasks/summarize", summary_by="lineage")


def test_get_by_id(recorded: Recorded) -> None:
    """`get` finds an actor, both attempts of a retried task, the driver's worker; and nothing for an id that nobody had."""
    flaky = [row for row in recorded.live["detail"]["tasks"] if row["name"] == "flaky"]
    found = state.get_task(flaky[0]["task_id"], address=recorded.address)
    assert plain([row.asdict() for row in found]) == flaky
    dead = next(row for row in recorded.live["detail"]["actors"] if row["class_name"] == "Doomed")
    assert plain(state.get_actor(dead["actor_id"], address=recorded.address).asdict()) == dead
    assert state.get_worker("01000000" + "f" * 48, address=recorded.address).worker_type == "DRIVER"
    assert state.get_task("ab" * 24, address=recorded.address) is None


def ray_command(*arguments: str, address: str) -> str:
    """The stock command line, as a user runs it."""
    command = [str(Path(sys.executable).with_name("ray")), *arguments, "--address", address]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=environment).stdout


def test_stock_command_line(recorded: Recorded) -> None:
    """`ray list`, `ray summary` and `ray get` work against the address, unmodified."""
    listed = json.loads(ray_command("list", "tasks", "--detail", "--format", "json", "--limit", "1000", address=recorded.address))
    assert [(row["task_id"], row["state"]) for row in listed] == [(row["task_id"], row["state"]) for row in recorded.live["detail"]["tasks"]]
    table = ray_command("list", "tasks", "--filter", "state=FAILED", address=recorded.address)
    failed = [row for row in recorded.live["brief"]["tasks"] if row["state"] == "FAILED"]
    assert f"Total: {len(failed)}" in table
    assert all(row["task_id"] in table for row in failed)
    summary = ray_command("summary", "tasks", address=recorded.address)
    assert f"total_tasks: {recorded.live['summary']['tasks']['cluster']['total_tasks']}" in summary
    actor = recorded.live["brief"]["actors"][0]
    assert actor["ray_namespace"] in ray_command("get", "actors", actor["actor_id"], address=recorded.address)


def test_column_tables_are_rays() -> None:
    """The tables written down for the server, which does not import Ray, are those of the installed Ray."""
    for name, listing in LISTINGS.items():
        schema = resource_to_schema(StateResource(name))
        assert list(listing.columns.base) == schema.list_columns(detail=False), name
        assert list(listing.columns.every) == schema.list_columns(detail=True), name
        assert listing.columns.filterable == schema.filterable_columns(), name


def test_a_lost_task_is_shown_in_a_word_that_rays_client_knows() -> None:
    """The client refuses a whole listing over one state that it does not know, so LOST reads FAILED."""
    row = dict.fromkeys(columns.TASK.base) | {"state": "LOST", "type": "NORMAL_TASK", "job_id": "01000000"}
    assert task_base(row)["state"] == "FAILED"
    assert LISTINGS["tasks"].pushed["state"](Filter("state", "=", "failed")) == ("state in FAILED,LOST",)
    assert LISTINGS["tasks"].pushed["state"](Filter("state", "!=", "FAILED")) == ("state!=FAILED", "state!=LOST")


def test_a_column_that_is_not_set_fits_no_filter() -> None:
    """Ray's rule for its optional fields, != included; a column that is set to null fits !=."""
    assert not fits({}, [Filter("exit_type", "!=", "x")])
    assert fits({"actor_id": None}, [Filter("actor_id", "!=", "x")])
    assert not fits({"actor_id": None}, [Filter("actor_id", "=", "x")])
