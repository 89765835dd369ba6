"""The agent of a run: told to leave at any moment, it ships what is there, and does not look like a crash."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rayscope.run import agent as agents
from rayscope.run.agent import ClusterAgent

WAIT_S = 60.0


class Started:
    """In the place of subprocess: every process that is started is one of these programs, in turn; the command lines are kept."""

    DEVNULL = subprocess.DEVNULL

    def __init__(self, *programs: str) -> None:
        self.programs = list(programs)
        self.commands: list[list[str]] = []
        self.processes: list[subprocess.Popen[bytes]] = []

    def Popen(self, command: list[str], **_: Any) -> subprocess.Popen[bytes]:  # noqa: N802 as in subprocess
        self.commands.append(command)
        self.processes.append(subprocess.Popen([sys.executable, "-c", self.programs.pop(0)], start_new_session=True))
        return self.processes[-1]


class Missed:
    """The recording, as far as it is told of losses."""

    info = SimpleNamespace(url="http://127.0.0.1:1")
    ingest_token = "token"

    def __init__(self) -> None:
        self.said: list[str] = []

    def miss_text(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def missed() -> Missed:
    return Missed()


def stepped(agent: ClusterAgent) -> Iterator[float]:
    deadline = time.monotonic() + WAIT_S
    while not agent.is_done:
        assert time.monotonic() < deadline, "the agent does not end"
        yield time.monotonic()


def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missed: Missed, *programs: str) -> tuple[ClusterAgent, Started]:
    started = Started(*programs)
    monkeypatch.setattr(agents, "subprocess", started)
    facts = SimpleNamespace(log_dir=str(tmp_path), session_name="session_1", dashboard=None)
    return ClusterAgent(facts, missed, tmp_path / "agent.log", 3.0), started  # type: ignore[arg-type]  # what of them is used


def test_one_that_is_told_to_leave_before_it_listens_is_started_once_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missed: Missed) -> None:
    agent, started = made(monkeypatch, tmp_path, missed, "import time; time.sleep(60)", "")
    agent.leave()
    for now_s in stepped(agent):
        agent.step(now_s)
    assert started.processes[0].returncode == -signal.SIGTERM
    assert "--once" in started.commands[1]
    assert missed.said == []


def test_one_that_does_not_listen_twice_is_told_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missed: Missed) -> None:
    die = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    agent, started = made(monkeypatch, tmp_path, missed, die, die)
    agent.leave()
    for now_s in stepped(agent):
        agent.step(now_s)
    assert len(started.commands) == 2
    assert "its agent ended with code -15" in missed.said[0]
