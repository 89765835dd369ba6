"""An agent over a folder of files and a server that misbehaves: every byte arrives once."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from rayscope.agent.discovery import Place
from rayscope.agent.errors import AnotherAgent
from rayscope.agent.node import NodeAgent
from rayscope.agent.tracker import Tracker
from rayscope.agent.uplink import Uplink
from rayscope.agent.watch import Change
from rayscope.agent.web import Answer
from support.agents import NODE, Node, until, watch
from support.fake_server import FakeServer


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer().start()
    yield fake
    fake.stop()


@pytest.fixture
def place(tmp_path: Path) -> Node:
    session = tmp_path / "session_1"
    (session / "logs" / "old").mkdir(parents=True)
    (session / "logs" / "rayscope").mkdir()
    (session / "alive").touch()
    return Node("session_1", str(session), NODE, 0, "", False, frozenset())


def logs(place: Place) -> Path:
    return Path(place.log_dir)


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_what_is_there_and_what_comes_arrives(place: Node, server: FakeServer) -> None:
    """Old lines, new lines, new files, folders below."""
    append(logs(place) / "raylet.out", b"one\ntwo\n")

    async def meanwhile(agent: NodeAgent) -> None:
        await until(lambda: server.text("raylet.out") == b"one\ntwo\n", "old lines")
        append(logs(place) / "raylet.out", b"three\n")
        append(logs(place) / "old" / "gcs.out", b"old\n")
        (logs(place) / "new").mkdir()
        append(logs(place) / "new" / "x.log", b"deep\n")
        await until(lambda: server.text("raylet.out") == b"one\ntwo\nthree\n", "new lines")
        await until(lambda: {"old/gcs.out", "new/x.log"} <= server.every_path(), "new files")

    watch(place, server, meanwhile)
    assert server.hellos[0]["node_id"] == NODE
    assert server.healths[-1]["lag_bytes"] == 0


def test_a_second_agent_leaves(place: Node, server: FakeServer) -> None:
    """The lock on the node is the first line."""

    async def meanwhile(agent: NodeAgent) -> None:
        await until(lambda: bool(server.hellos), "hello")
        with pytest.raises(AnotherAgent, match=f"pid {os.getpid()}"):
            await NodeAgent(place, server.ingest, "0", lambda: [place]).run()

    watch(place, server, meanwhile)


def test_a_restarted_agent_goes_on_where_it_was(place: Node, server: FakeServer) -> None:
    """The server tells it; its name stays the same."""
    path = logs(place) / "worker.out"
    for number in range(4):
        append(path, b"line %d\n" % number * 1000)
        watch(place, server, lambda _: asyncio.sleep(0))
    assert server.text("worker.out") == path.read_bytes()
    assert len({hello["agent_id"] for hello in server.hellos}) == 1
    assert len(server.files) == 1


def test_a_server_that_comes_and_goes(place: Node, server: FakeServer) -> None:
    """It dies, answers 503, loses its answers and takes less than was sent: every byte arrives once, in order."""
    path = logs(place) / "worker.out"
    trouble = random.Random(7)

    async def meanwhile(agent: NodeAgent) -> None:
        for number in range(60):
            append(path, b"%06d some words\n" % number * 50)
            if number % 20 == 10:
                server.stop()
                await asyncio.sleep(0.05)
                server.start()
            with server.lock:
                server.answers = [503] if trouble.random() < 0.2 else []
                server.lose_answers = int(trouble.random() < 0.2)
                server.short_by = 5 if trouble.random() < 0.2 else 0
            await asyncio.sleep(0.02)
        with server.lock:
            server.answers, server.lose_answers, server.short_by = [], 0, 0
        await until(lambda: server.text("worker.out") == path.read_bytes(), "all of it")

    watch(place, server, meanwhile)
    assert not server.gaps


def test_the_last_lines_of_a_node_that_died(place: Node, server: FakeServer) -> None:
    """Also an unfinished one, and the server knows that nothing more comes."""
    path = logs(place) / "worker.out"
    append(path, b"first\n")

    async def meanwhile(agent: NodeAgent) -> None:
        await until(lambda: server.text("worker.out") == b"first\n", "the first line")
        (Path(place.session_dir) / "alive").unlink()
        append(path, b"last words without an end")

    watch(place, server, meanwhile, leave=False)
    assert server.text("worker.out") == path.read_bytes()
    assert len(server.ended) == 1


def test_rotation_keeps_a_file(place: Node, server: FakeServer) -> None:
    """What was renamed goes on; what begins under its name is another."""
    path = logs(place) / "dashboard.log"
    append(path, b"a\n")

    async def meanwhile(agent: NodeAgent) -> None:
        await until(lambda: server.text("dashboard.log") == b"a\n", "a")
        append(path, b"b\n")
        path.rename(logs(place) / "dashboard.log.1")
        append(path, b"c\n")

    watch(place, server, meanwhile)
    assert server.text("dashboard.log") == b"a\nb\nc\n"
    assert sorted(map(bytes, server.files.values())) == [b"a\nb\n", b"c\n"]


def test_a_truncated_file_is_another(place: Node, server: FakeServer) -> None:
    """Also one that begins with the same bytes again."""
    path = logs(place) / "x.log"
    append(path, b"header\nfirst\n")

    async def meanwhile(agent: NodeAgent) -> None:
        await until(lambda: server.text("x.log") == b"header\nfirst\n", "first")
        path.write_bytes(b"header\nsecond, and longer than the first was\n")

    watch(place, server, meanwhile)
    assert sorted(map(bytes, server.files.values())) == [b"header\nfirst\n", b"header\nsecond, and longer than the first was\n"]
    watch(place, server, lambda _: asyncio.sleep(0))
    assert len(server.files) == 2


def test_a_body_that_is_refused_costs_only_what_is_wrong_with_it(place: Node, server: FakeServer) -> None:
    """The rest of it goes in, and what was dropped is told."""
    server.refused_path = "bad.log"
    append(logs(place) / "bad.log", b"bad\n")
    append(logs(place) / "good.log", b"good\n")
    watch(place, server, lambda _: asyncio.sleep(0))
    assert server.text("good.log") == b"good\n"
    assert [drop["path"] for health in server.healths for drop in health["dropped"]] == ["bad.log"]


def test_a_wrong_token_is_told_and_tried_again(place: Node, server: FakeServer, capfd: pytest.CaptureFixture[str]) -> None:
    """Rarely; nothing is given up."""
    append(logs(place) / "x.log", b"x\n")
    server.token = "another"
    ingest = server.ingest
    server.token = "ingest-token"

    async def work() -> None:
        agent = NodeAgent(place, ingest, "0", lambda: [place])
        running = asyncio.ensure_future(agent.run())
        await until(lambda: server.asked["agent/hello"] > 0, "a try")
        await asyncio.sleep(0.5)
        agent.leave(0.1)
        await asyncio.wait_for(running, 10.0)

    asyncio.run(work())
    assert server.asked["agent/hello"] <= 2
    assert "refuses the ingest token" in capfd.readouterr().err


def test_marks_go_before_the_lines_that_they_speak_of(place: Node, server: FakeServer) -> None:
    """In the same body, first."""
    append(logs(place) / "worker-1.out", b"x\n")
    append(logs(place) / "rayscope" / "marks-1-1.log", b"v1 worker-1.out worker-1.err\n")
    watch(place, server, lambda _: asyncio.sleep(0))
    assert server.order[0] == ["rayscope/marks-1-1.log", "worker-1.out"]


def test_nuls_and_huge_lines(place: Node, server: FakeServer) -> None:
    """Bytes are bytes."""
    path = logs(place) / "x.log"
    append(path, b"\0" * 3_000_000 + b"\n" + b"y" * 5_000_000)

    async def meanwhile(agent: NodeAgent) -> None:
        await until(lambda: server.text("x.log") == path.read_bytes(), "all of it")

    watch(place, server, meanwhile)


def test_without_inotify(place: Node, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking does."""
    monkeypatch.setattr("rayscope.agent.watch._libc", lambda: None)

    async def meanwhile(agent: NodeAgent) -> None:
        append(logs(place) / "x.log", b"one\n")
        await until(lambda: server.text("x.log") == b"one\n", "a new file")
        append(logs(place) / "x.log", b"two\n")
        await until(lambda: server.text("x.log") == b"one\ntwo\n", "a new line")

    watch(place, server, meanwhile)


def test_what_vanished_before_it_was_read_is_told(place: Node, server: FakeServer) -> None:
    """As a gap with its reason, and in the health."""
    path = logs(place) / "x.log"
    append(path, b"one\n")

    async def meanwhile(agent: NodeAgent) -> None:
        await until(lambda: server.text("x.log") == b"one\n", "the first line")
        agent.tracker._descriptors.close()
        append(path, b"lost\n")
        agent.tracker.scan()
        path.unlink()

    watch(place, server, meanwhile)
    assert server.gaps == [{"path": "x.log", "from": 4, "to": 9, "gap": {"from": 4, "reason": "deleted before it was read"}}]
    assert [drop["bytes"] for health in server.healths for drop in health["dropped"]] == [5]


def test_foreign_files_cost_no_look(place: Node, server: FakeServer) -> None:
    """In a folder that several nodes share, what is another's is not looked for again and again."""
    looks: list[str] = []
    tracker = Tracker(place.log_dir, {}, lambda path: looks.append(path) or path.startswith("mine"))
    append(logs(place) / "mine.log", b"x\n")
    append(logs(place) / "other.log", b"x\n")
    tracker.scan()
    before = len(looks)
    append(logs(place) / "other.log", b"y\n")
    append(logs(place) / "debug_state.txt", b"y\n")
    tracker.note([Change(place.log_dir, "other.log", is_growth=True), Change(place.log_dir, "debug_state.txt", is_growth=True)])
    assert tracker.scan_wait_s(10.0) > 5
    tracker.note([Change(place.log_dir, "new.log", is_growth=False)])
    assert tracker.scan_wait_s(10.0) < 5
    assert len(looks) == before
    tracker.close()


@pytest.mark.parametrize(("ahead_s", "told"), [(0, 0), (3600, 3600), (-40, -40)])
def test_a_clock_that_is_off_is_told(place: Node, ahead_s: int, told: int) -> None:
    """By the server's Date, to the second."""
    uplink = Uplink("http://127.0.0.1:1/ingest/t", place, "a")
    now_s = 1_795_557_000
    uplink._see_clock(Answer(200, {"date": formatdate(now_s, usegmt=True)}, b""), (now_s + ahead_s) * 10**9)
    assert uplink.skew_ns is not None
    assert abs(uplink.skew_ns / 1e9 - told) <= 1
