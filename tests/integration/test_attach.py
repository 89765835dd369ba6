"""`rayscope attach` and `detach` on a cluster that knows nothing of Rayscope."""

from __future__ import annotations

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
SLOW_S = 120.0


@pytest.fixture
def cluster(rayscope: Commands) -> Iterator[str]:
    """A head node without any switch of ours; its address."""
    environment = rayscope.environment()
    command = [*RAY, "start", "--head", "--num-cpus", "2", "--port", "6399", "--disable-usage-stats"]
    started = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert started.returncode == 0, started.stdout + started.stderr
    yield "127.0.0.1:6399"
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
    assert rayscope.rows("list", "jobs", "-f", "state=RUNNING")
    agent = int(re.search(r"\d+", str(rayscope.rows("list", "agents")[0]["pid"]))[0])  # type: ignore[index]
    os.kill(agent, signal.SIGKILL)
    until(lambda: rayscope.rows("list", "agents")[0]["pid"] != agent, "the agent's return", SLOW_S)
    program.stdin.close()
    program.wait(60)
    detached = rayscope("detach", "--address", cluster)
    assert "detached: 1 agents taken away" in detached.stderr
    assert not processes("rayscope-agent-")
    assert "nothing was attached" in rayscope("detach", "--address", cluster).stderr


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
