"""One server, and one recorded run of a varied program, for all tests that only ask."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import Commands

PROGRAMS = Path(__file__).parents[1] / "programs"


@pytest.fixture(scope="session")
def rayscope(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """The commands, with a server in the background on a port that the system gave."""
    commands = Commands(tmp_path_factory.mktemp("data"))
    started = commands("server", "start", "--port", "0")
    assert started.returncode == 0, started.stderr
    yield commands
    stopped = commands("server", "stop")
    assert stopped.returncode == 0, stopped.stderr


@pytest.fixture(scope="session")
def varied(rayscope: Commands) -> subprocess.CompletedProcess[str]:
    """`rayscope run` of a program in which tasks succeed, fail, are retried and wait, and actors live and die."""
    return rayscope("run", "--cluster", "tests", str(PROGRAMS / "varied.py"), "--rows", "300")


@pytest.fixture(scope="session")
def session(rayscope: Commands, varied: subprocess.CompletedProcess[str]) -> str:
    """The session of that run."""
    assert varied.returncode == 3, varied.stderr
    rows = rayscope.rows("list", "sessions", "-f", "cluster=tests")
    return str(rows[0]["session"])
