"""Log lines through a real server: killed while it takes them, followed while it restarts, asked for by Ray's own log API."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rayscope.client import Client
from rayscope.errors import NotFound
from rayscope.query.logs.request import LogQuery
from rayscope.state import follow_logs, get_log, list_logs, search_logs
from support.commands import Commands, ask, until
from support.logs import ERR, NODE, OUT, SESSION, chunk, chunks_body, numbered

LINES = 3000


class Agent:
    """A tiny agent: ships files and waits for a server that is gone."""

    def __init__(self, commands: Commands, agent_id: str = "agent-1") -> None:
        self._commands = commands
        self._agent_id = agent_id

    @property
    def url(self) -> str:
        """Where agents speak to."""
        return f"{self._commands.url}/ingest/{(self._commands.data / 'ingest-token').read_text().strip()}/agent"

    def hello(self, **more: Any) -> tuple[int, Any]:
        """The first word."""
        body = {"session": SESSION, "node_id": NODE, "agent_id": self._agent_id, "host": "node-1", "pid": 5} | more
        return ask(f"{self.url}/hello", json.dumps(body).encode(), {"Content-Type": "application/json"})

    def offset(self, path: str) -> int:
        """How far the server says that a file has come."""
        _, known = ask(f"{self.url}/files?session={SESSION}&node_id={NODE}")
        return int(known["files"].get(path, {"offset": 0})["offset"])

    def ship(self, path: str, offset: int, data: bytes, **more: Any) -> dict[str, int]:
        """One chunk."""
        body = chunks_body(chunk(path, offset, data, **({"observed_ns": time.time_ns()} | more)))
        status, said = ask(f"{self.url}/chunks", body, {"Content-Type": "application/x-msgpack"})
        assert status == 200, said
        files: dict[str, int] = said["files"]
        return files

    def ship_all(self, path: str, data: bytes, size: int) -> None:
        """Everything, a little at a time, asking anew how far it came whenever the server was gone."""
        offset = 0
        while offset < len(data):
            try:
                self.ship(path, offset, data[offset : offset + size])
                offset += size
            except (OSError, ValueError):
                until(lambda: _answers(self), "a server")
                offset = self.offset(path)


def _answers(agent: Agent) -> bool:
    try:
        agent.offset(OUT)
    except (OSError, ValueError, KeyError):
        return False
    return True


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    """A server of this test's own."""
    commands = Commands(tmp_path / "data")
    assert commands("server", "start", "--port", "0").returncode == 0
    yield commands
    commands("server", "stop")


def restart(commands: Commands) -> None:
    """On the port that it had."""
    port = commands.url.rsplit(":", 1)[1]
    os.kill(json.loads((commands.data / "server.json").read_text())["pid"], signal.SIGKILL)
    until(lambda: commands("server", "start", "--port", port).returncode == 0, "the server starts again")


def test_a_killed_server_loses_and_repeats_nothing(commands: Commands) -> None:
    """Killed twice while an agent ships and a reader follows: every line once, in order, for both."""
    agent = Agent(commands)
    assert agent.hello()[0] == 200
    followed: list[str] = []
    reader = threading.Thread(target=_follow, args=(commands.url, followed, LINES), daemon=True)
    reader.start()
    shipper = threading.Thread(target=agent.ship_all, args=(OUT, numbered(LINES), 257), daemon=True)
    shipper.start()
    for part in (LINES // 4, LINES // 2):
        until(lambda part=part: len(followed) >= part, "lines are followed", 120)  # type: ignore[misc]  # mypy cannot type a lambda's default
        restart(commands)
    shipper.join(120)
    reader.join(120)
    wanted = numbered(LINES).decode().splitlines()
    assert followed == wanted
    assert [line.text for line in search_logs(address=commands.url, limit=None, order="oldest")] == wanted
    assert b"".join(_raw(commands, OUT)) == numbered(LINES)


def _follow(url: str, into: list[str], count: int) -> None:
    for line in follow_logs(address=url, cursor="0", session=SESSION):
        into.append(line.text)
        if len(into) == count:
            return


def _raw(commands: Commands, path: str) -> Iterator[bytes]:
    with Client(commands.url) as client:
        (file,) = client.log_files(LogQuery(file=path)).files
        at = 0
        while data := client.log_file(file.file_no, at, 1000):
            yield data
            at += len(data)


def test_a_line_is_followed_within_a_second(commands: Commands) -> None:
    """From shipped to delivered; the slowest of twenty."""
    agent = Agent(commands)
    agent.hello()
    agent.ship(OUT, 0, b"first\n")
    stamps: dict[str, float] = {}
    reader = threading.Thread(target=lambda: _note(commands.url, stamps, 21), daemon=True)
    reader.start()
    until(lambda: bool(stamps), "the tail is there")
    sent: dict[str, float] = {}
    offset = 6
    for number in range(20):
        text = f"number {number}"
        sent[text] = time.monotonic()
        agent.ship(OUT, offset, f"{text}\n".encode())
        offset += len(text) + 1
        until(lambda text=text: text in stamps, "the line comes")  # type: ignore[misc]  # likewise
    assert max(stamps[text] - sent[text] for text in sent) < 1.0


def _note(url: str, stamps: dict[str, float], count: int) -> None:
    for line in follow_logs(address=url, cursor="0", session=SESSION):
        stamps[line.text] = time.monotonic()
        if len(stamps) == count:
            return


def test_the_second_agent_of_a_node_is_told(commands: Commands) -> None:
    """And the first goes on."""
    first, second = Agent(commands), Agent(commands, "agent-2")
    assert first.hello()[0] == 200
    status, said = second.hello()
    assert (status, said["error"]) == (409, "Conflict")
    assert "agent-1" in said["message"]
    assert first.hello()[0] == 200
    health = {"session": SESSION, "node_id": NODE, "agent_id": "agent-1", "files": 3, "lag_bytes": 7, "dropped": [{"path": "x", "bytes": 9, "reason": "gone"}]}
    assert ask(f"{first.url}/health", json.dumps(health).encode(), {"Content-Type": "application/json"}) == (200, {})
    (row,) = commands.rows("list", "agents", "--detail")
    assert (row["node_id"], row["state"], row["host"], row["files"], row["lag_bytes"], row["dropped_bytes"]) == (NODE, "ALIVE", "node-1", 3, 7, 9)
    first.ship(OUT, 0, b"x\n")
    late = health | {"lag_s": 12.0}
    ask(f"{first.url}/health", json.dumps(late).encode(), {"Content-Type": "application/json"})
    assert "12 s and 7 bytes behind" in commands("logs").stderr
    assert row["dropped"] == [{"path": "x", "bytes": 9, "reason": "gone"}]


def test_agents_need_the_ingest_token(commands: Commands) -> None:
    """A wrong one is a clear error, for every route."""
    url = f"{commands.url}/ingest/wrong/agent"
    for route in ("hello", "chunks", "health"):
        status, said = ask(f"{url}/{route}", b"{}", {"Content-Type": "application/json"})
        assert (status, said["error"]) == (401, "Unauthorized")
    assert ask(f"{url}/files?session=x&node_id=y")[0] == 401


def test_bad_bodies_are_refused_and_good_ones_go_on(commands: Commands) -> None:
    """400 with the reason."""
    agent = Agent(commands)
    agent.hello()
    for body, kind in ((b"\x00junk", ""), (b"not gzip", "gzip")):
        status, said = ask(f"{agent.url}/chunks", body, {"Content-Type": "application/x-msgpack", "Content-Encoding": kind})
        assert (status, said["error"]) == (400, "PayloadError")
    assert agent.ship(OUT, 0, b"fine\n") == {OUT: 5}


def test_rays_log_api_answers_for_nodes_that_are_gone(commands: Commands) -> None:
    """Listing by group, whole files, tails, and a stream that ends with its file."""
    agent = Agent(commands)
    agent.hello()
    agent.ship(OUT, 0, numbered(50), ended=True)
    agent.ship(ERR, 0, b"\x1b[31moops\x1b[0m\n")
    agent.ship("raylet.out", 0, b"[2026-11-24 11:00:00,000 I 1 1] (raylet) up\n")
    url = f"{commands.url}/ray/latest/api/v0/logs"
    _, listed = ask(f"{url}?node_id={NODE}")
    assert listed["data"]["result"] == {"worker_out": [OUT], "worker_err": [ERR], "raylet": ["raylet.out"]}
    assert ask(f"{url}?node_id={NODE}&glob=ray*")[1]["data"]["result"] == {"raylet": ["raylet.out"]}
    assert ask(f"{url}")[0] == 400
    assert _text(f"{url}/file?node_id={NODE}&filename={OUT}&lines=2") == numbered(2, 48)
    assert _text(f"{url}/file?node_id={NODE}&filename={OUT}&lines=-1") == numbered(50)
    assert _text(f"{url}/stream?node_id={NODE}&filename={OUT}&lines=3") == numbered(3, 47)
    assert _text(f"{url}/file?node_id={NODE}&pid=77&suffix=err&filter_ansi_code=True") == b"oops\n"
    with pytest.raises(urllib.error.HTTPError):
        _text(f"{url}/file?node_id={NODE}&filename=../../etc/passwd")
    assert "".join(str(part) for part in get_log(address=commands.url, node_id=NODE, filename=OUT, tail=1)) == "line 49 of the log\n"
    assert [file.path for file in list_logs(address=commands.url, glob_filter="*.err")] == [ERR]
    with pytest.raises(NotFound):
        next(get_log(address=commands.url, node_id=NODE, filename="nothing.out"))


def _text(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        content: bytes = answer.read()
    return content


def test_the_command_shows_lines_in_a_terminal(commands: Commands) -> None:
    """Prefixes, context, nothing that moves the cursor; JSON for programs; files; and errors that point at their place."""
    agent = Agent(commands)
    agent.hello()
    agent.ship(OUT, 0, b"before\nERROR something\x1b[2J broke\nafter\n")
    agent.ship("raylet.out", 0, b"[2026-11-24 11:00:00,000 I 1 1] (raylet) up\n")
    shown = commands.in_terminal("logs", "broke", "-C", "1")
    assert [line.split(") ", 1)[1] for line in shown.splitlines()] == ["before", "ERROR something␛[2J broke", "after"]
    assert "(worker pid=77, node=abababab)" in shown
    assert "raylet" not in commands("logs").stdout
    assert commands("logs", "--source", "raylet").stdout == "11:00:00.000 (raylet.out node=abababab) [2026-11-24 11:00:00,000 I 1 1] (raylet) up\n"
    (line,) = [json.loads(text) for text in commands("logs", "level:error", "--format", "jsonl").stdout.splitlines()]
    assert (line["text"], line["level"], line["pid"]) == ("ERROR something\x1b[2J broke", "ERROR", 77)
    assert OUT in commands("logs", "--files").stdout
    failed = commands("logs", "a (b or")
    assert failed.returncode == 2
    assert "at character 8" in failed.stderr
    nothing = commands("logs", "nowhere")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "--source all" in nothing.stderr


def test_following_ends_with_control_c_and_survives_a_restart(commands: Commands) -> None:
    """The last lines, then what comes, each once."""
    agent = Agent(commands)
    agent.hello()
    agent.ship(OUT, 0, b"one\ntwo\n")
    process = commands.start("logs", "--follow", "--limit", "1", "--format", "jsonl")
    shown: list[str] = []
    reader = threading.Thread(target=lambda: shown.extend(json.loads(line)["text"] for line in process.stdout or ()), daemon=True)
    reader.start()
    until(lambda: shown == ["two"], "the last line")
    agent.ship(OUT, 8, b"three\n")
    until(lambda: shown == ["two", "three"], "the next line")
    restart(commands)
    agent.ship(OUT, 14, b"four\n")
    until(lambda: shown == ["two", "three", "four"], "a line after the restart")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130


def test_an_orderly_stop_does_not_wait_for_followers(commands: Commands) -> None:
    """The server is gone in a moment, and the stream with it."""
    agent = Agent(commands)
    agent.hello()
    process = commands.start("logs", "--follow")
    until(lambda: ask(f"{commands.url}/api/v1/health")[0] == 200, "the server answers")
    begin = time.monotonic()
    assert commands("server", "stop").returncode == 0
    assert time.monotonic() - begin < 8
    process.send_signal(signal.SIGINT)
    process.wait(30)
