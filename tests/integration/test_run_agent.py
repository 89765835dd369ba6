"""The agent of a run: killed in the middle it is started again, and at the end everything is there, once and in order."""

from __future__ import annotations

import re
from pathlib import Path

from support.commands import Commands

PROGRAMS = Path(__file__).parents[1] / "programs"


def test_an_agent_that_is_killed_is_started_again(rayscope: Commands) -> None:
    """Every line once, in order within its task's file; the run's last line stays what it was."""
    ran = rayscope("run", "--cluster", "killed-agent", str(PROGRAMS / "kills_its_agent.py"))
    assert ran.returncode == 0, ran.stderr
    session = rayscope.rows("list", "sessions", "-f", "cluster=killed-agent")[0]["session"]
    found = rayscope("logs", "counted", "-s", session, "--limit", "0", "--order", "oldest", "--format", "jsonl").stdout
    for name in ("a", "b"):
        numbers = [int(number) for number in re.findall(rf'"text":\s*"{name} counted (\d+)"', found)]
        assert sorted(numbers) == list(range(1000))
    said = max((rayscope.data / "runs").iterdir(), key=lambda folder: folder.stat().st_mtime_ns) / "agent.log"
    assert said.read_text().count("watches node") == 2
    assert re.search(r"rayscope: kills_its_agent.py succeeded after .* 4 tasks \(0 failed\)", ran.stderr)
    assert "warning" not in ran.stderr.lower().replace("authentication_token_setup", "").split("rayscope:")[-1]
