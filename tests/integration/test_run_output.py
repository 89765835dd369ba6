"""What a program under `rayscope run` prints: shipped as its jobs' output while it runs, split by cluster, whole when the run has ended."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.commands import Commands

PROGRAM = Path(__file__).parents[1] / "programs" / "prints.py"
SECOND = "".join(f"second {number}\n" for number in range(20)) + "no newline at the end"


@pytest.fixture(scope="module")
def ran(rayscope: Commands) -> subprocess.CompletedProcess[str]:
    done = rayscope("run", "--cluster", "prints", str(PROGRAM))
    assert done.returncode == 0, done.stderr
    return done


def output(rayscope: Commands, session: str, *arguments: str) -> str:
    done = rayscope("job", "logs", "01000000", "--session", session, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_cluster_has_its_own_output(rayscope: Commands, ran: subprocess.CompletedProcess[str]) -> None:
    """By job id, in the order of time, at once when the run has ended."""
    rows = sorted(rayscope.rows("list", "sessions", "-f", "cluster=prints"), key=lambda row: row["started_ns"])
    first, second = (str(row["session"]) for row in rows)
    told = output(rayscope, first, "--stream", "out")
    assert told.startswith("before any cluster\nin the first\npassword=*")
    assert told.endswith("job 01000000\nbetween the two\n")
    assert output(rayscope, second, "--stream", "out") == SECOND
    followed = rayscope("job", "logs", "01000000", "--session", second, "--follow", "--stream", "out")
    assert (followed.returncode, followed.stdout) == (0, SECOND), followed.stderr
    assert "SUCCEEDED" in followed.stderr
    assert "on stderr\n" in rayscope("job", "logs", "01000000", "--session", first, "--stream", "err").stderr


def test_the_terminal_shows_it_as_it_is(ran: subprocess.CompletedProcess[str]) -> None:
    """Only what is kept is masked."""
    assert "password=planted-in-output-31ab" in ran.stdout


def test_lines_are_found_beside_all_others(rayscope: Commands, ran: subprocess.CompletedProcess[str]) -> None:
    """With their job and stream, by `rayscope logs`."""
    found = rayscope("logs", "between", "--session", "all", "--source", "driver", "--format", "jsonl")
    assert "between the two" in rayscope("logs", "between", "--all-sessions", "--source", "driver").stdout, found.stderr


def test_no_secret_of_it_is_kept(rayscope: Commands, ran: subprocess.CompletedProcess[str]) -> None:
    """In no file of the data folder, the run's own included."""
    found = [path for path in rayscope.data.rglob("*") if path.is_file() and b"planted-in-output" in path.read_bytes()]
    assert found == []
