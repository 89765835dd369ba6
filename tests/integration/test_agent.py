"""Agents on real Ray nodes, with a server that keeps what it is sent in memory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import until
from support.fake_server import FakeServer
from support.metrics_wire import is_stale, values

PROGRAMS = Path(__file__).parents[1] / "programs"
SLOW_S = 90.0


class TwoNodes:
    """The program, and what it said of its cluster."""

    def __init__(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("RAYSCOPE_", "RAY_"))}
        environment |= {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAMS / "two_nodes.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.session_dir, self.first, self.second = self._read().split()

    def tell(self, word: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        if word != "end":
            assert self._read() == "done"

    def end(self) -> None:
        if self.process.poll() is None:
            self.tell("end")
            self.process.wait(60)

    def _read(self) -> str:
        assert self.process.stdout
        line = next((line for line in self.process.stdout if line.startswith(("/", "done"))), "")
        return line.strip()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer().start()
    yield fake
    fake.stop()


@pytest.fixture
def nodes() -> Iterator[TwoNodes]:
    started = TwoNodes()
    yield started
    started.end()


def start_agent(server: FakeServer, *arguments: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAYSCOPE_")} | {"RAYSCOPE_INGEST": server.ingest}
    return subprocess.Popen([sys.executable, "-m", "rayscope.agent", *arguments], env=environment, stderr=subprocess.PIPE, text=True)


def lines_of(server: FakeServer, node_id: str) -> list[str]:
    """What tasks of a node printed, in order."""
    content = b"".join(server.text(path, node_id) for path in sorted(server.every_path()) if re.match(r"worker-.*\.out$", path))
    return [line for line in content.decode().splitlines() if re.match(r"(first|second) line", line)]


def pages_of(server: FakeServer, node_id: str) -> set[str]:
    """The pages of metrics that were had from a node."""
    return {dict(key)["instance"] for key, found in server.metrics.find("up", job="ray", node=node_id).items() if 1.0 in values(found)}


def expected(where: str, count: int) -> list[str]:
    return [f"{where} line {number}" for number in range(count)]


def test_two_raylets_have_each_their_own_logs(nodes: TwoNodes, server: FakeServer) -> None:
    """Killed agents and a killed raylet in between: every line there once, with its node, and the last ones, too."""
    agent = start_agent(server, "--session-dir", nodes.session_dir)
    nodes.tell("print 1000")
    until(lambda: lines_of(server, nodes.first) == expected("first", 1001), "the first node's lines", SLOW_S)
    until(lambda: bool(server.states), "the states of the cluster", SLOW_S)
    until(lambda: all(pages_of(server, node) for node in (nodes.first, nodes.second)), "the nodes' pages of metrics", SLOW_S)
    assert not pages_of(server, nodes.first) & pages_of(server, nodes.second)
    agent.kill()
    agent.wait()
    nodes.tell("print 1000")
    agent = start_agent(server, "--session-dir", nodes.session_dir)
    nodes.tell("kill")
    until(lambda: lines_of(server, nodes.second) == expected("second", 2501), "the killed node's last lines", SLOW_S)
    until(lambda: lines_of(server, nodes.first) == expected("first", 2001), "the other's", SLOW_S)
    nodes.tell("end")
    assert agent.wait(SLOW_S) == 0, agent.stderr and agent.stderr.read()
    assert server.nodes_of("gcs_server.out") == {nodes.first}
    assert server.nodes_of("raylet.out") == {nodes.first}
    assert server.nodes_of("raylet.1.out") == {nodes.second}
    workers = {node: server.metrics.find("rayscope_process_resident_bytes", kind="worker", name="Talker", node=node) for node in (nodes.first, nodes.second)}
    assert [len({dict(key)["pid"] for key in found}) for found in workers.values()] == [1, 1]
    assert all(is_stale(found[-1][1]) for found in server.metrics.find("up", node=nodes.first).values())
    assert server.nodes_of("dashboard_agent.1.log") == {nodes.second}
    cores = [path for path in server.every_path() if path.startswith("python-core-worker-")]
    assert {node for path in cores for node in server.nodes_of(path)} == {nodes.first, nodes.second}
    assert all(len(server.nodes_of(path)) == 1 for path in server.every_path())
    for path in Path(nodes.session_dir, "logs").glob("worker-*.out"):
        assert server.text(path.name) == path.read_bytes()
    assert not server.gaps


def test_one_agent_a_node(nodes: TwoNodes, server: FakeServer) -> None:
    """A second one says so, and leaves; one that watches a single node leaves the other alone."""
    agent = start_agent(server, "--node-id", nodes.second)
    until(lambda: bool(server.text("raylet.1.out")), "the node's logs", SLOW_S)
    second = start_agent(server, "--node-id", nodes.second)
    _, said = second.communicate(timeout=SLOW_S)
    assert second.returncode == 1
    assert f"another agent (pid {agent.pid}) watches this node already" in said
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(SLOW_S) == 0
    assert server.nodes_of("raylet.out") == set()


def test_one_daemon_a_node(nodes: TwoNodes, server: FakeServer, tmp_path: Path) -> None:
    """The starter of a second one says what the second one found, and the first one's file stays."""
    files = ["--pid-file", str(tmp_path / "pid"), "--log-file", str(tmp_path / "log")]
    first = start_agent(server, "--daemon", "--session-dir", nodes.session_dir, *files)
    _, said = first.communicate(timeout=SLOW_S)
    assert first.returncode == 0, said
    pid = int((tmp_path / "pid").read_text())
    assert f"started an agent in the background: pid {pid}" in said
    second = start_agent(server, "--daemon", "--session-dir", nodes.session_dir, *files)
    _, said = second.communicate(timeout=SLOW_S)
    assert second.returncode == 1
    assert re.search(rf"^error: node \w+: another agent \(pid {pid}\) watches this node already", said)
    assert "started" not in said
    assert int((tmp_path / "pid").read_text()) == pid
    nowhere = start_agent(server, "--daemon", "--session-dir", str(tmp_path / "none"), *files)
    _, said = nowhere.communicate(timeout=SLOW_S)
    assert nowhere.returncode == 1
    assert "no living Ray node was found here" in said
    os.kill(pid, signal.SIGTERM)
    until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2], "the daemon's end", SLOW_S)


def test_once(nodes: TwoNodes, server: FakeServer) -> None:
    """Ship what is there and end, while the cluster goes on."""
    nodes.tell("print 10")
    began = time.monotonic()
    agent = start_agent(server, "--once")
    assert agent.wait(SLOW_S) == 0, agent.stderr and agent.stderr.read()
    assert time.monotonic() - began < SLOW_S
    assert lines_of(server, nodes.second) == expected("second", 11)
