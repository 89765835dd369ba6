"""The questions of the command line, on a recorded run."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess

import pytest
import yaml

from rayscope.cli.main import VERBS
from rayscope.model.resources import RESOURCES
from support.commands import Commands, until


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_listing_fits_a_terminal(rayscope: Commands, session: str, resource: str) -> None:
    """No line of a listing is wider than the terminal, and it begins as `ray list` does."""
    shown = rayscope.in_terminal("list", resource, "--session", session) if resource != "sessions" else rayscope.in_terminal("list", resource)
    lines = [line for line in shown.splitlines() if not line.startswith(("hint:", "warning:"))]
    assert lines[0].startswith("======== List: ")
    assert any(line.startswith("Total: ") for line in lines)
    assert max(map(len, lines)) <= 80, max(lines, key=len)


def test_pipe_gets_whole_ids_and_all_columns(rayscope: Commands, session: str) -> None:
    """Where no terminal limits it, the table holds every brief column and whole ids."""
    table = rayscope("list", "actors", "--session", session).stdout
    header = next(line for line in table.splitlines() if line.startswith("ACTOR_ID"))
    assert header.split() == [column.name.upper() for column in RESOURCES["actors"].columns if column.level == "brief"]
    ids = {row["actor_id"] for row in rayscope.rows("list", "actors", "--session", session)}
    assert all(actor_id in table for actor_id in ids)


def test_formats_agree(rayscope: Commands, session: str) -> None:
    """JSON, JSON lines, YAML and CSV hold the same rows."""
    question = ("list", "tasks", "--session", session, "-f", "name=flaky", "--detail")
    rows = rayscope.rows(*question)
    assert len(rows) == 2
    assert [json.loads(line) for line in rayscope(*question, "--format", "jsonl").stdout.splitlines()] == rows
    assert yaml.safe_load(rayscope(*question, "--format", "yaml").stdout) == rows
    table = list(csv.DictReader(io.StringIO(rayscope(*question, "--format", "csv").stdout)))
    assert [(row["task_id"], row["attempt_number"], row["state"]) for row in table] == [(r["task_id"], str(r["attempt_number"]), r["state"]) for r in rows]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (["state=FAILED"], {"broken", "Mortal.die", "flaky", "napper"}),
        (["state!=FINISHED", "error_type=TASK_EXECUTION_EXCEPTION"], {"broken", "flaky"}),
        (["name~^br"], {"broken"}),
        (["name in broken,outer"], {"broken", "outer"}),
        (["attempt_number>=1"], {"flaky"}),
        (["name!~.", "state=FINISHED"], set()),
    ],
)
def test_filters(rayscope: Commands, session: str, filters: list[str], names: set[str]) -> None:
    """Each operator, and several filters together."""
    options = [word for text in filters for word in ("-f", text)]
    assert {row["name"] for row in rayscope.rows("list", "tasks", "--session", session, *options)} == names


def test_sort_and_limit_say_what_was_cut(rayscope: Commands, session: str) -> None:
    """A cut answer says on stderr how many there are and how to see them; stdout is data alone."""
    done = rayscope("list", "tasks", "--session", session, "--sort", "-duration_ns", "--limit", "3", "--columns", "name,duration_ns", "--format", "json")
    rows = json.loads(done.stdout)
    assert [row["duration_ns"] for row in rows] == sorted((row["duration_ns"] for row in rows), reverse=True)
    assert len(rows) == 3
    assert "3 of " in done.stderr
    assert "--limit 0 shows all" in done.stderr


def test_times_are_travelled(rayscope: Commands, session: str) -> None:
    """--at shows the states as they were: what has finished now had not then."""
    (outer,) = rayscope.rows("list", "tasks", "--session", session, "-f", "name=outer", "--detail")
    then = str((outer["start_ns"] + outer["end_ns"]) // 2)
    (row,) = rayscope.rows("list", "tasks", "--session", session, "-f", "name=outer", "--at", then)
    assert row["state"] in {"RUNNING", "RUNNING_IN_RAY_GET"}
    assert row["duration_ns"] is None
    before = rayscope.rows("list", "tasks", "--session", session, "-f", "name=outer", "--at", str(outer["creation_ns"] - 1))
    assert before == []


def test_get_takes_a_prefix_and_any_spelling(rayscope: Commands, session: str) -> None:
    """A prefix of an id will do, and the singular of a resource."""
    (actor,) = rayscope.rows("list", "actors", "--session", session, "-f", "class_name=Counter")
    (found,) = rayscope.rows("get", "actor", actor["actor_id"][:10], "--session", session)
    assert (found["actor_id"], found["name"]) == (actor["actor_id"], "the counter")


def test_get_knows_the_latest_session(rayscope: Commands, session: str) -> None:
    """`latest` is a session's name wherever one is asked for."""
    assert rayscope.rows("get", "session", "latest")[0]["session"] == rayscope.rows("list", "sessions", "-n", "1")[0]["session"]


def test_heading_says_of_when_it_is(rayscope: Commands, session: str) -> None:
    """A listing and a summary of a time that has passed name that time."""
    for question in (["list", "tasks"], ["list", "sessions"], ["summary", "tasks"]):
        assert "2001-09-09 01:46:40.000 UTC" in rayscope(*question, "--at", "1000000000").stdout


def test_summary_counts_a_retried_task_once(rayscope: Commands, session: str) -> None:
    """The table of `summary tasks` has one task where two attempts were made."""
    table = rayscope("summary", "tasks", "--session", session).stdout
    row = next(line.split() for line in table.splitlines() if line.startswith("flaky"))
    assert row[:5] == ["flaky", "FINISHED:", "1", "1", "1"]
    assert "retries: 1" in table


def test_all_sessions_name_theirs(rayscope: Commands, session: str) -> None:
    """Rows of several sessions say which one they are of."""
    rows = rayscope.rows("list", "nodes", "--all-sessions")
    assert session in {row["session"] for row in rows}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["lst"], 2, "did you mean `rayscope list`?"),
        (["list", "taks"], 4, "did you mean tasks?"),
        (["list", "tasks", "-f", "stat=FAILED"], 2, "did you mean state"),
        (["list", "tasks", "-f", "no operator"], 2, "not a filter: 'no operator'"),
        (["list", "tasks", "--at", "yesterday"], 2, "not a time: 'yesterday'"),
        (["list", "tasks", "--sort", "colour"], 2, "no column 'colour'"),
        (["list", "tasks", "--format", "xml"], 2, "no format 'xml'"),
        (["list", "tasks", "--limit", "-1"], 2, "--limit -1 is negative"),
        (["list", "tasks", "--session", "nobody"], 4, "no session 'nobody'"),
        (["list", "tasks", "--nonsense"], 2, "--help"),
        (["get", "task", "feedfeed"], 4, "no task 'feedfeed'"),
        (["get", "task", "16"], 4, "at least 4 characters"),
        (["summary", "nodes"], 2, "no summary of 'nodes'"),
        (["list", "tasks", "--address", "http://127.0.0.1:9"], 3, "rayscope server start"),
        (["list", "tasks", "--session", "x", "--all-sessions"], 2, "exclude each other"),
    ],
)
def test_errors_say_what_and_how_to_mend_it(rayscope: Commands, session: str, arguments: list[str], code: int, said: str) -> None:
    """Each mistake has its exit code, a message with the value, and a hint; stdout stays empty."""
    done = rayscope(*arguments)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_help_has_an_example(rayscope: Commands, verb: str) -> None:
    """Every verb's help says what it does and shows an example, in 80 columns."""
    shown = rayscope.in_terminal(verb, "--help")
    assert f"Usage: rayscope {verb}" in shown
    assert f"\n  rayscope {verb}" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_verbs(rayscope: Commands, shell: str) -> None:
    """The completion script of each shell names every verb."""
    script = rayscope("completion", shell).stdout
    assert all(verb.name in script for verb in VERBS)


def test_bash_takes_its_completion(rayscope: Commands) -> None:
    """The script is one that bash can read."""
    script = rayscope("completion", "bash").stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_watch_goes_on_until_interrupted(rayscope: Commands, session: str) -> None:
    """--watch shows the answer again and again, and Ctrl-C ends it without a traceback."""
    process = rayscope.start("list", "nodes", "--session", session, "--watch", "--format", "jsonl")
    assert process.stdout is not None
    first, second = process.stdout.readline(), process.stdout.readline()
    assert json.loads(first) == json.loads(second)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in stderr) == (130, False)


def test_reader_that_leaves_is_no_error(rayscope: Commands, session: str) -> None:
    """`rayscope list … | head` ends quietly."""
    process = rayscope.start("list", "tasks", "--session", session, "--limit", "0", "--detail", "--format", "jsonl")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("{")
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(30) == 0


def test_env_prints_what_a_cluster_needs(rayscope: Commands) -> None:
    """`rayscope env` names the server's ingest address, in every format."""
    variables = json.loads(rayscope("env", "--format", "json", "--cluster", "prod").stdout)
    assert variables["RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR"] == f"{rayscope.ingest_url}?cluster=prod"
    shell = rayscope("env", "--cluster", "prod").stdout
    echoed = subprocess.run(["sh", "-c", f"{shell}\nenv"], capture_output=True, text=True, check=True).stdout
    assert all(f"{name}={value}\n" in echoed for name, value in variables.items())
    listed = yaml.safe_load(rayscope("env", "--format", "k8s", "--cluster", "prod").stdout)["env"]
    assert {entry["name"]: entry["value"] for entry in listed} == variables


def test_env_brings_the_workers_hooks(rayscope: Commands) -> None:
    """Where this installation's folder is known to be; before what is on the path already."""
    hook = json.loads(rayscope("env", "--format", "json").stdout)["PYTHONPATH"]
    assert hook.endswith("/rayscope/worker/hook")
    for before, after in (("", hook), ("/a:/b", f"{hook}:/a:/b")):
        command = f'export PYTHONPATH={before}; {rayscope("env").stdout}\nprintf %s "$PYTHONPATH"'
        assert subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout == after
    elsewhere = rayscope("env", "--url", "http://rayscope.internal:8465", "--format", "dotenv")
    assert "PYTHONPATH" not in elsewhere.stdout
    assert "--hooks FOLDER/hook" in elsewhere.stderr
    there = rayscope("env", "--url", "http://rayscope.internal:8465", "--format", "dotenv", "--hooks", "/opt/hook")
    assert "PYTHONPATH=/opt/hook\n" in there.stdout
    assert "PYTHONPATH" not in rayscope("env", "--hooks", "off").stdout + rayscope("env", RAYSCOPE_HOOKS="off").stdout


def test_server_says_how_it_is(rayscope: Commands, session: str) -> None:
    """`rayscope server status` has the address, the data's size and what is recorded."""
    done = rayscope("server", "status")
    assert done.returncode == 0
    assert done.stdout.startswith(f"{rayscope.url}  ok, up ")
    assert " sessions, " in done.stdout


def test_nothing_recorded_teaches(tmp_path_factory: pytest.TempPathFactory) -> None:
    """On an empty store every question says how to record something."""
    empty = Commands(tmp_path_factory.mktemp("empty"))
    assert empty("server", "start", "--port", "0").returncode == 0
    try:
        done = empty("list", "tasks")
        assert (done.returncode, done.stdout) == (4, "")
        assert "rayscope run script.py" in done.stderr
        assert empty("list", "sessions").returncode == 0
    finally:
        empty("server", "stop")
    until(lambda: not (empty.data / "server.json").exists(), "the server is gone")
