"""`rayscope attach` and `detach` on a cluster that knows nothing of Rayscope."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import Commands, until

PROGRAMS = Path(__file__).parents[1] / "programs"
RAY = [sys.executable, "-m", "ray.scripts.scripts"]
ADDRESS = "127.0.0.1:6399"
SLOW_S = 120.0


def start(environment: dict[str, str], *arguments: str) -> None:
    """One more raylet on this host."""
    started = subprocess.run([*RAY, "start", *arguments, "--disable-usage-stats"], env=environment, check=False, capture_output=True, text=True)
    assert started.returncode == 0, started.stdout + started.stderr


@pytest.fixture
def cluster(rayscope: Commands) -> Iterator[str]:
    """A head node without any switch of ours; its address."""
    environment = rayscope.environment()
    start(environment, "--head", "--num-cpus", "2", "--port", ADDRESS.partition(":")[2], "--resources", '{"first": 9}')
    yield ADDRESS
    subprocess.run([*RAY, "stop", "--force"], env=environment, check=False, capture_output=True)


def processes(word: str) -> list[int]:
    found = subprocess.run(["pgrep", "-f", word], capture_output=True, text=True, check=False).stdout.split()
    return [int(pid) for pid in found if int(pid) != os.getpid()]


def test_attach_and_detach(rayscope: Commands, cluster: str) -> None:
    """Agents come, ship logs and polled states, come back when killed, and go without a trace."""
    attached = rayscope("attach", "--address", cluster)
    assert attached.returncode == 0, attached.stderr
    assert "attached: 1 of 1 nodes have an agent" in attached.stderr
    again = rayscope("attach", "--address", cluster)
    assert "already attached: 1 of 1" in again.stderr
    program = subprocess.Popen(
        [sys.executable, str(PROGRAMS / "plain_cluster.py")],
        env=rayscope.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert program.stdout
    assert program.stdin
    assert any(line == "ready\n" for line in program.stdout)
    until(lambda: len(rayscope("logs", "shouted").stdout.splitlines()) == 5, "the lines", SLOW_S)
    until(lambda: {row["state"] for row in rayscope.rows("list", "tasks", "-f", "name=fail")} == {"FAILED"}, "the polled tasks", SLOW_S)
    tasks = rayscope("list", "tasks")
    assert "its states were polled" in tasks.stderr
    rows = rayscope.rows("list", "tasks", "-f", "name=shout")
    assert [row["state"] for row in rows] == ["FINISHED"] * 5
    assert rayscope.rows("list", "actors", "-f", "name=keeper")[0]["state"] == "ALIVE"
    assert rayscope.rows("list", "nodes")[0]["state"] == "ALIVE"
    assert rayscope.rows("list", "jobs", "-f", "status=RUNNING")
    agent = int(re.search(r"\d+", str(rayscope.rows("list", "agents")[0]["pid"]))[0])  # type: ignore[index]
    os.kill(agent, signal.SIGKILL)
    until(lambda: rayscope.rows("list", "agents")[0]["pid"] != agent, "the agent's return", SLOW_S)
    program.stdin.close()
    program.wait(60)
    detached = rayscope("detach", "--address", cluster)
    assert "detached: 1 agents taken away" in detached.stderr
    assert not processes("rayscope-agent-")
    assert "nothing was attached" in rayscope("detach", "--address", cluster).stderr


def join(rayscope: Commands, address: str, name: str) -> None:
    """Another node, which has a resource of this name. Ray takes its token to a cluster that is named if told so only."""
    start(rayscope.environment(RAY_AUTH_MODE="token"), "--address", address, "--num-cpus", "1", "--resources", f'{{"{name}": 9}}')


def test_nodes_that_join(rayscope: Commands, cluster: str) -> None:
    """Each of several has its agent, also one that comes after attaching; each line is there once, as its node's; one dies; detaching leaves none."""
    join(rayscope, cluster, "second")
    attached = rayscope("attach", "--address", cluster)
    assert attached.returncode == 0, attached.stderr
    assert "attached: 2 of 2 nodes have an agent" in attached.stderr
    join(rayscope, cluster, "third")
    until(lambda: len(heard(rayscope)) == 3, "an agent on the node that joined", SLOW_S)
    program = [sys.executable, str(PROGRAMS / "one_a_node.py"), "first", "second", "third"]
    said = subprocess.run(program, env=rayscope.environment(), capture_output=True, text=True, check=True, timeout=SLOW_S).stdout
    nodes = {where: node for line in said.splitlines() for where, _, node in [line.partition(" ")] if len(node) == 56}
    assert set(nodes.values()) == heard(rayscope)
    lines = [(f"greetings from {where}", node) for where, node in sorted(nodes.items())]
    until(lambda: greetings(rayscope) == lines, "each node's line", SLOW_S)
    again = rayscope("attach", "--address", cluster)
    assert "already attached: 3 of 3" in again.stderr
    for raylet in processes(f"node_id={nodes['second']}"):
        os.kill(raylet, signal.SIGKILL)
    until(lambda: not processes(f"rayscope-agent-{nodes['second']}"), "the end of the agent whose node died", SLOW_S)
    detached = rayscope("detach", "--address", cluster)
    assert detached.returncode == 0, detached.stderr
    assert "detached: 2 agents taken away" in detached.stderr
    assert not processes("rayscope-agent-")
    join(rayscope, cluster, "fourth")
    assert not processes("rayscope-agent-")
    assert greetings(rayscope) == lines
    assert "nothing was attached" in rayscope("detach", "--address", cluster).stderr


def heard(rayscope: Commands) -> set[str]:
    """The nodes of the agents that were heard."""
    return {str(row["node_id"]) for row in rayscope.rows("list", "agents")}


def greetings(rayscope: Commands) -> list[tuple[str, str]]:
    """The lines that were printed, and the nodes that they are said to be of."""
    lines = [json.loads(line) for line in rayscope("logs", "greetings", "--source", "worker", "--format", "jsonl").stdout.splitlines()]
    return sorted((line["text"], line["node_id"]) for line in lines)


def test_a_cluster_that_is_not_there(rayscope: Commands) -> None:
    """Said at once, with what to do."""
    failed = rayscope("attach", "--address", "127.0.0.1:1")
    assert failed.returncode == 3
    assert "nobody answers at 127.0.0.1:1" in failed.stderr
    assert "hint:" in failed.stderr


def test_a_python_without_ray(rayscope: Commands, tmp_path: Path, cluster: str) -> None:
    """Its name, and what would do."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')
    python.chmod(0o755)
    failed = rayscope("attach", "--address", cluster, "--python", str(python))
    assert failed.returncode == 4
    assert "has no Ray" in failed.stderr
