"""The server as a process: starting, stopping, refusing, and the answers of its ingest."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rayscope.store.limits import MAX_BODY_BYTES, MIN_FREE_BYTES
from support.commands import RAYSCOPE, Commands, ask, until
from support.events import body, task_definition

SESSION = "session_of_this_test"


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    """Commands over a folder of this test's own, whose server is stopped at the end if it runs."""
    commands = Commands(tmp_path / "data")
    yield commands
    commands("server", "stop")


def events(count: int, session: str = SESSION) -> list[dict[str, Any]]:
    """So many definitions of different tasks."""
    return [task_definition(number.to_bytes(24, "big"), session=session) for number in range(1, count + 1)]


def test_starts_once_and_stops_clean(commands: Commands) -> None:
    """A second start finds the first server; after the stop nothing of it is left but the data."""
    first = commands("server", "start", "--port", "0")
    again = commands("server", "start", "--port", "0")
    assert (first.returncode, again.returncode) == (0, 0)
    assert first.stdout == again.stdout == f"{commands.url}\n"
    assert "already running" in again.stderr
    assert commands("server", "stop").stderr == "stopped\n"
    assert not (commands.data / "server.json").exists()
    assert commands("server", "status").returncode == 3
    assert "no server runs" in commands("server", "stop").stderr


def test_sigterm_is_an_orderly_end(commands: Commands) -> None:
    """A foreground server told to stop leaves with code 0, nothing said twice, and its file closed."""
    process = commands.start("server", "--port", "0")
    until(lambda: (commands.data / "server.json").exists() and ask(f"{commands.url}/api/v1/health")[0] == 200, "it answers")
    assert ask(commands.ingest_url, body(events(3)))[0] == 204
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0
    assert len(stderr.splitlines()) == 1, stderr
    assert not (commands.data / "server.json").exists()
    assert not list(commands.data.glob("*.wal"))


def test_killed_server_is_not_taken_for_its_successor(commands: Commands) -> None:
    """After a kill -9 the next server on the folder is told apart from the dead one, also while it is still opening."""
    process = commands.start("server", "--port", "0")
    until((commands.data / "server.json").exists, "it runs")
    process.kill()
    process.wait()
    assert commands("server", "start", "--port", "0").returncode == 0
    info = json.loads((commands.data / "server.json").read_text())
    assert info["pid"] != process.pid
    os.kill(info["pid"], 0)


def test_port_in_use_is_said(commands: Commands) -> None:
    """A port that something listens on: the error names it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for verb in (["server"], ["server", "start"]):
            done = commands(*verb, "--port", str(port))
            assert done.returncode == 1
            assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
            assert "hint: " in done.stderr


def test_folder_in_use_is_said(commands: Commands) -> None:
    """A data folder that another server holds: the error names that server."""
    assert commands("server", "start", "--port", "0").returncode == 0
    done = commands("server", "--port", "0")
    assert done.returncode == 1
    assert "another server holds the data folder" in done.stderr
    assert commands.url in done.stderr


def test_newer_folder_is_refused(commands: Commands) -> None:
    """A data folder that a newer version wrote is left alone."""
    commands.data.mkdir()
    with duckdb.connect(str(commands.data / "rayscope.duckdb")) as connection:
        connection.execute("CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)")
        connection.execute("INSERT INTO meta VALUES ('schema_version', '999')")
    done = commands("server", "start", "--port", "0")
    assert done.returncode == 1
    assert "written by a newer rayscope: its schema is version 999" in done.stderr


def test_what_is_no_event_array_is_refused(rayscope: Commands) -> None:
    """400 with the reason for what is no JSON array, 401 for a wrong token, 413 for too much."""
    status, problem = ask(rayscope.ingest_url, b'{"not": "an array"}')
    assert (status, problem["error"]) == (400, "PayloadError")
    assert "not a JSON array" in problem["message"]
    assert ask(rayscope.ingest_url, b"[{]")[0] == 400
    assert ask(f"{rayscope.url}/ingest/wrong/ray/events", b"[]")[0] == 401
    status, problem = ask(rayscope.ingest_url, b" " * (MAX_BODY_BYTES + 1))
    assert (status, problem["error"]) == (413, "PayloadTooLarge")
    assert "over the limit of 64 MiB" in problem["message"]


def test_bad_event_stops_no_good_one(rayscope: Commands) -> None:
    """A malformed event is kept with its reason; the rest of its batch goes in, and what is unknown is counted."""
    good = events(2, "session_with_bad")
    strange = {**task_definition(b"f" * 24, session="session_with_bad"), "eventType": "TASK_FROM_THE_FUTURE", "novelty": 1}
    bad = {**good[0], "timestamp": 17}
    assert ask(rayscope.ingest_url, json.dumps([good[0], bad, strange, good[1]]).encode())[0] == 204
    until(lambda: ask(f"{rayscope.url}/api/v1/sessions/session_with_bad")[0] == 200, "the batch is folded")
    _, found = ask(f"{rayscope.url}/api/v1/sessions/session_with_bad")
    assert (found["rows"][0]["tasks"], found["rows"][0]["quarantined"]) == (2, 1)
    _, kept = ask(f"{rayscope.url}/api/v1/quarantine?session=session_with_bad")
    assert kept["total"] == 1
    assert "timestamp" in kept["rows"][0]["reason"]
    _, stats = ask(f"{rayscope.url}/api/v1/ingest/stats?session=session_with_bad")
    assert stats["unknown_event_types"] == {"TASK_FROM_THE_FUTURE": 1}
    assert stats["unknown_fields"] == {"novelty": 1}


def test_foreign_page_gets_no_answer(rayscope: Commands) -> None:
    """A web page from elsewhere that reaches the loopback server under its own name is refused."""
    assert ask(f"{rayscope.url}/api/v1/sessions", headers={"Host": "evil.example:80"})[0] == 401
    assert ask(f"{rayscope.url}/api/v1/sessions", headers={"Host": "localhost:80"})[0] == 200


def test_token_is_asked_for_off_loopback(commands: Commands) -> None:
    """A server that others can reach answers questions only to the bearer of its token; its health is open."""
    assert commands("server", "start", "--host", "0.0.0.0", "--port", "0").returncode == 0
    token = (commands.data / "token").read_text().strip()
    assert ask(f"{commands.url}/api/v1/sessions")[0] == 401
    assert ask(f"{commands.url}/api/v1/health")[0] == 200
    assert ask(commands.ingest_url, body(events(1)))[0] == 204, "Ray's exporter sends no header: the token in its path is enough"
    assert ask(f"{commands.url}/api/v1/sessions", headers={"Authorization": f"Bearer {token}"})[0] == 200
    refused = commands("list", "sessions")
    assert refused.returncode == 5
    assert "RAYSCOPE_TOKEN" in refused.stderr
    assert commands("list", "sessions", RAYSCOPE_TOKEN=token).returncode == 0
    assert oct((commands.data / "token").stat().st_mode)[-3:] == "600"


def test_browser_is_asked_for_the_token_once(commands: Commands) -> None:
    """Off loopback a page asks for the token, takes it from its address into a cookie, and shows it no more."""
    assert commands("server", "start", "--host", "0.0.0.0", "--port", "0").returncode == 0
    token = (commands.data / "token").read_text().strip()
    html = {"Accept": "text/html"}
    status, page = ask(f"{commands.url}/", headers=html)
    assert (status, b' name="token"' in page) == (401, True)
    assert ask(f"{commands.url}/?token=wrong", headers=html)[0] == 401
    connection = http.client.HTTPConnection(*commands.url.removeprefix("http://").split(":"), timeout=10)
    connection.request("GET", f"/s/some?token={token}", headers=html)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (303, "/s/some")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    cookies = {"Cookie": cookie.split(";")[0]}
    assert ask(f"{commands.url}/s/some", headers=html | cookies)[0] == 200
    assert ask(f"{commands.url}/static/mark.svg", headers=cookies)[0] == 200
    assert ask(f"{commands.url}/api/v1/sessions", headers=cookies)[0] == 200


def test_full_disk_is_503_until_there_is_room(commands: Commands) -> None:
    """On a disk without room events are refused so that Ray sends them again; with room recording goes on by itself."""
    size_mib = MIN_FREE_BYTES // 2**20 + 24
    commands.data.mkdir()
    inside = f"mount -t tmpfs -o size={size_mib}m tmpfs $RAYSCOPE_DATA && exec {' '.join(RAYSCOPE)} server --port 0"
    # A disk of its own, in a mount namespace that goes with the process; its folder is reached through /proc.
    process = subprocess.Popen(["unshare", "-m", "sh", "-c", inside], env=commands.environment(), stderr=subprocess.PIPE, text=True)
    commands.data = Path(f"/proc/{process.pid}/root{commands.data}")
    try:
        until(lambda: (commands.data / "server.json").exists() and ask(f"{commands.url}/api/v1/health")[0] == 200, "it answers")
        url, api = commands.ingest_url, f"{commands.url}/api/v1"
        assert ask(url, body(events(5)))[0] == 204
        until(lambda: ask(f"{api}/sessions/{SESSION}")[0] == 200, "the first batch is folded")
        ballast = commands.data / "ballast"
        free = os.statvfs(commands.data)
        ballast.write_bytes(b"\0" * (free.f_bavail * free.f_frsize - 2**20))
        until(lambda: ask(url, body(events(9)))[0] == 503, "a full disk is noticed")
        assert ask(f"{api}/health")[1]["status"] == "disk_full"
        assert ask(f"{api}/sessions/{SESSION}")[1]["rows"][0]["tasks"] == 5
        ballast.unlink()
        until(lambda: ask(url, body(events(9)))[0] == 204, "recording goes on")
        until(lambda: ask(f"{api}/sessions/{SESSION}")[1]["rows"][0]["tasks"] == 9, "what was sent again is there")
        assert ask(f"{api}/health")[1]["status"] == "ok"
    finally:
        process.terminate()
        process.wait(30)


KILLS = 20


def test_kill_loses_and_doubles_nothing(commands: Commands) -> None:
    """kill -9 in the middle of ingest, twenty times, with a sender that repeats what was not acknowledged, as Ray's exporter does."""
    port = free_port()
    sender = subprocess.Popen(
        [sys.executable, str(Path(__file__).parents[1] / "support" / "sender.py"), str(port), str(commands.data / "ingest-token"), SESSION],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert sender.stdin is not None
    assert sender.stdout is not None
    try:
        for _ in range(KILLS):
            server = subprocess.Popen([*RAYSCOPE, "server", "--port", str(port)], env=commands.environment(), stderr=subprocess.DEVNULL)
            sender.stdin.write("3\n")  # so many more batches acknowledged, then the kill, while further ones are under way
            sender.stdin.flush()
            assert sender.stdout.readline().startswith("acknowledged")
            server.kill()
            server.wait()
        server = subprocess.Popen([*RAYSCOPE, "server", "--port", str(port)], env=commands.environment(), stderr=subprocess.DEVNULL)
        sender.stdin.write("0\n")
        sender.stdin.close()
        tasks, attempts = map(int, sender.stdout.readlines()[-1].split())
        assert sender.wait(60) == 0
        url = f"http://127.0.0.1:{port}/api/v1"

        def found() -> int:
            status, answer = ask(f"{url}/sessions/{SESSION}")
            return int(answer["rows"][0]["tasks"]) if status == 200 else -1

        until(lambda: found() == tasks, f"every acknowledged task is there: {tasks}")
        _, page = ask(f"{url}/tasks?session={SESSION}&limit=1")
        assert page["total"] == attempts
        server.terminate()
        server.wait(30)
    finally:
        sender.kill()
        server.kill()


def free_port() -> int:
    """A port that nothing listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
