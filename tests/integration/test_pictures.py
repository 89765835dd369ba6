"""The routes behind the pages and the commands on them, over a real server and a recorded run."""

from __future__ import annotations

import csv
import http.client
import io
import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from support.cluster import SESSIONS, cluster
from support.commands import Commands, ask, until
from support.events import body


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """A server with one recorded session."""
    commands = Commands(tmp_path_factory.mktemp("pictures"))
    assert commands("server", "start", "--port", "0").returncode == 0
    assert ask(commands.ingest_url, body(cluster(SESSIONS[0])))[0] == 204
    until(lambda: ask(f"{commands.url}/api/v1/tasks")[0] == 200, "the session can be read")
    yield commands
    commands("server", "stop")


def get(commands: Commands, path: str, **query: Any) -> Any:
    status, answer = ask(f"{commands.url}/api/v1/{path}?{urlencode(query, doseq=True)}")
    assert status == 200, answer
    return answer


@pytest.mark.parametrize(
    "path",
    [
        "timeline", "timeline/stats", "progress", "failures", "overview", "callgraph", "sql/schema", "jobs/01000000", "jobs/01000000/progress",
        "jobs/01000000/answer", "jobs/01000000/runs", "jobs/01000000/compare", "search?q=flaky", "tasks/facets?column=name",
        "jobs", "tasks/summary", "jobs/facets?column=status",
    ],
)  # fmt: skip
def test_every_picture_answers(commands: Commands, path: str) -> None:
    """Without any parameter that it does not need, as JSON; and an unknown session or a bad time is a problem that says so."""
    status, answer = ask(f"{commands.url}/api/v1/{path}")
    assert status == 200, answer
    assert isinstance(answer, dict)
    more = "&" if "?" in path else "?"
    if path != "sql/schema":
        status, problem = ask(f"{commands.url}/api/v1/{path}{more}session=nix")
        assert (status, problem["error"]) == (404, "NotFound")
    if path.startswith(("timeline", "overview")):
        status, problem = ask(f"{commands.url}/api/v1/{path}{more}from=yesterday")
        assert (status, problem["error"]) == (400, "FilterError")


@pytest.mark.parametrize("resource", ["tasks", "actors", "nodes", "workers", "jobs", "placement-groups", "events", "sessions"])
def test_one_of_every_resource_by_its_id(commands: Commands, resource: str) -> None:
    """No route stands in another's way."""
    row = get(commands, resource, limit=1, detail="true")["rows"][0]
    key = {"sessions": "session", "placement-groups": "placement_group_id"}.get(resource, f"{resource.removesuffix('s')}_id")
    wanted = row[key] or row.get("submission_id")
    assert get(commands, f"{resource}/{wanted}")["rows"][0][key] == row[key]


def test_sql_over_http(commands: Commands) -> None:
    """Answers, files, and errors with their place."""
    url = f"{commands.url}/api/v1/sql"
    status, answer = ask(url, json.dumps({"sql": "SELECT count(*) AS n FROM tasks", "session": "latest"}).encode())
    assert (status, answer["columns"], answer["truncated"]) == (200, [{"name": "n", "type": "BIGINT"}], False)
    status, problem = ask(url, json.dumps({"sql": "SELECT 1\nFROM nix"}).encode())
    assert (status, problem["error"], problem["line"], problem["column"], problem["position"]) == (400, "SqlError", 2, 6, 14)
    assert ask(url, b"{}")[0] == 400
    assert ask(url, b"\xff")[0] == 400
    with urllib.request.urlopen(urllib.request.Request(f"{url}?format=csv", json.dumps({"sql": "SELECT name FROM tasks ORDER BY 1"}).encode())) as download:
        assert download.headers["X-Rayscope-Truncated"] == "false"
        rows = list(csv.reader(io.StringIO(download.read().decode())))
    assert rows[0] == ["name"]
    assert int(download.headers["X-Rayscope-Rows"]) == len(rows) - 1
    status, problem = ask(
        url, json.dumps({"sql": "SELECT count(*) FROM range(1e12::BIGINT) a, range(1000) b WHERE a.range % 7 = b.range", "timeout_s": 0.2}).encode()
    )
    assert (status, problem["error"]) == (408, "SqlTimeout")


def test_sql_on_the_command_line(commands: Commands) -> None:
    """A table for people, JSON for programs, errors with their place."""
    done = commands("sql", "SELECT name, count(*) AS attempts FROM tasks WHERE name = 'flaky' GROUP BY ALL")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["NAME", "ATTEMPTS", "flaky", "3"]
    assert commands.rows("sql", "SELECT 1 AS a, 2 AS a") == [{"a": 1, "a_2": 2}]
    refused = commands("sql", "SELECT * FROM read_csv('/etc/passwd')")
    assert refused.returncode == 2
    assert "read_csv" in refused.stderr
    assert "tasks:" in commands("sql", "--schema").stdout
    assert commands("sql").returncode == 2


def test_a_trace_on_the_command_line(commands: Commands, tmp_path: Path) -> None:
    """Written whole or not at all."""
    done = commands("timeline", "--output", str(tmp_path / "x.json"))
    assert done.returncode == 0, done.stderr
    assert "perfetto" in done.stderr
    assert any(event["name"] == "flaky" for event in json.loads((tmp_path / "x.json").read_text())["traceEvents"])
    assert isinstance(json.loads(commands("timeline", "-o", "-", "--format", "ray").stdout), list)
    for wrong in (["--format", "xml"], ["--filter", "x=1"], ["--session", "nix"]):
        refused = commands("timeline", "-o", str(tmp_path / "y.json"), *wrong)
        assert refused.returncode != 0
        assert not (tmp_path / "y.json").exists()
    assert commands("timeline", "-o", str(tmp_path / "no" / "y.json")).returncode == 2


class Listener:
    """One page that listens."""

    def __init__(self, url: str, session: str, last: str | None = None) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        headers = {"Accept-Encoding": "gzip"} | ({} if last is None else {"Last-Event-ID": last})
        self._connection.request("GET", f"/api/v1/live?session={session}", headers=headers)
        self.answer = self._connection.getresponse()
        self.last = ""

    def next(self) -> tuple[str, dict[str, Any]] | None:
        """The next event that is no ping; None at the end."""
        name, data = "", ""
        while line := self.answer.readline().decode():
            field, _, value = line.rstrip("\r\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data += value
            elif field == "id":
                self.last = value
            elif not field and name not in {"", "ping"}:
                return name, json.loads(data)
            elif not field:
                name, data = "", ""
        return None

    def close(self) -> None:
        self._connection.close()


@contextmanager
def listening(commands: Commands, session: str, last: str | None = None) -> Iterator[Listener]:
    listener = Listener(commands.url, session, last)
    try:
        assert listener.answer.status == 200
        yield listener
    finally:
        listener.close()


def post(commands: Commands, session: str) -> None:
    assert ask(commands.ingest_url, body(cluster(session)))[0] == 204


def test_live_notices(commands: Commands) -> None:
    """Of the session that one listens to, resumed where it broke; at most two a second."""
    with listening(commands, SESSIONS[0]) as listener:
        hello = listener.next()
        assert hello is not None
        assert (hello[0], hello[1]["session"]) == ("hello", SESSIONS[0])
        post(commands, "session_of_another")
        post(commands, SESSIONS[0])
        change = listener.next()
        assert change is not None
        assert change[0] == "change"
        assert change[1]["sessions"] == [SESSIONS[0]]
        assert {"tasks", "actors", "jobs", "nodes"} <= set(change[1]["resources"])
        last = listener.last
    post(commands, SESSIONS[0])
    with listening(commands, SESSIONS[0], last) as listener:
        assert listener.next() is not None
        missed = listener.next()
        assert missed is not None
        assert missed[1]["rows"]["tasks"] > 0
    with listening(commands, "all", "another-7") as listener:
        assert listener.next() is not None
        everything = listener.next()
        assert everything is not None
        assert everything[1]["resources"] == ["*"]


def test_listeners_do_not_hold_a_server_that_stops(tmp_path: Path) -> None:
    """Their streams end, and it is gone within its usual time."""
    commands = Commands(tmp_path / "data")
    assert commands("server", "start", "--port", "0").returncode == 0
    post(commands, SESSIONS[0])
    until(lambda: ask(f"{commands.url}/api/v1/sessions/{SESSIONS[0]}")[0] == 200, "the session can be read")
    with listening(commands, "all") as listener:
        assert listener.next() is not None
        begin = time.monotonic()
        stopped = commands("server", "stop")
        assert stopped.returncode == 0
        assert time.monotonic() - begin < 9
        assert listener.next() is None
