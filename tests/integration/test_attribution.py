"""Whose output is whose, in a real Ray: every line that says its task is beside a mark of that very task, and no other."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import pytest

from support.commands import until
from support.marks import Line, lines_and_owners, read_marks

PROGRAMS = Path(__file__).parents[1] / "programs"
HOOK = str(resources.files("rayscope.worker") / "hook")

SURE = {"print", "parts", "err", "logging", "long", "end", "attempt", "torn"}
"""What Python wrote. Native output is sure where one task runs alone, and no child of an earlier one is left."""


@contextmanager
def running(*command: str, **more: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A program with the hooks, up to the line in which it names its logs; it ends with its stdin."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "RAYSCOPE_"))}
    environment = ours | {"PYTHONPATH": HOOK, "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAY_raylet_start_wait_time_s": "150"} | more
    with subprocess.Popen([sys.executable, *command], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        logs = next((line.removeprefix("logs: ").strip() for line in program.stdout if line.startswith("logs: ")), None)
        assert logs is not None, "the program ended early"
        yield program, Path(logs)
        program.communicate()


def until_marked(logs: Path, is_sure: Callable[[Line], bool]) -> list[Line]:
    """All lines, when those that are sure are marked, or nothing more comes."""
    found: list[Line] = []

    def all_marked() -> bool:
        found[:] = lines_and_owners(logs)
        return bool(found) and all(line.is_whole for line in found if is_sure(line))

    with contextlib.suppress(AssertionError):  # the tests say what is missing
        until(all_marked, "a mark for each line", 20)
    return found


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[Line]:
    """Of the whole program: tasks, async, threaded and grouped actors, generators, retries, threads, children."""
    retries = str(tmp_path_factory.mktemp("retries"))
    with running(str(PROGRAMS / "attributed.py"), retries, ASYNC_ACTORS="5", THREADED_ACTORS="5") as (_, logs):
        return until_marked(logs, lambda line: line.how in SURE)


def test_every_line_of_python_is_marked_as_its_tasks(lines: list[Line]) -> None:
    """5 async actors of 10 methods at a time, 5 threaded ones, 20 tasks …"""
    assert len(lines) > 4000
    assert [line for line in lines if line.how in SURE and {task for task, _ in line.owners} != {line.task}] == []


def test_no_line_is_marked_as_anothers(lines: list[Line]) -> None:
    """Native output and children's, too."""
    assert [line for line in lines if line.owners and {task for task, _ in line.owners} != {line.task}] == []
    native = [line for line in lines if line.how in {"native", "child"}]
    assert sum(bool(line.owners) for line in native) > len(native) / 4


def test_lines_of_concurrent_methods_are_whole(lines: list[Line]) -> None:
    """Also those that are printed in parts with others in between: each text names one task."""
    torn = [line for line in lines if line.how in {"torn", "parts"}]
    assert len(torn) > 2000
    assert all(line.text.count(b"task=") == 1 for line in torn)


def test_attempts_are_told_apart(lines: list[Line]) -> None:
    """The retries of one task."""
    attempts = [line for line in lines if line.how == "attempt"]
    assert [(line.number, {attempt for _, attempt in line.owners}) for line in sorted(attempts, key=lambda line: line.number)] == [(0, {0}), (1, {1}), (2, {2})]


def test_a_worker_that_is_killed_leaves_its_marks(tmp_path: Path) -> None:
    """But for the last tenth of a second."""
    with running(str(PROGRAMS / "killed.py")) as (program, logs):
        until(lambda: any(logs.glob("rayscope/marks-*")), "marks")
        found = until_marked(logs, lambda line: line.number < 10)
        pid = int(next(iter(logs.glob("rayscope/marks-*"))).stem.rsplit("-", 1)[1])
        os.kill(pid, signal.SIGKILL)
        assert len([line for line in found if line.is_whole]) >= 10
        assert program.poll() is None


@pytest.mark.parametrize("name", ["env_vars", "working_dir", "off", "rotation"])
def test_ways_in(name: str, tmp_path: Path) -> None:
    """A runtime env that sets PYTHONPATH keeps the hooks, one with a working_dir too; they can be off; with rotation nothing is known, and nothing breaks."""
    (tmp_path / "a_module.py").write_text("x = 1\n")
    more = {"off": {"RAYSCOPE_HOOKS": "off"}, "rotation": {"RAY_ROTATION_MAX_BYTES": "1000000"}}.get(name, {})
    with running(str(PROGRAMS / "way_in.py"), name, str(tmp_path), **more) as (_, logs):
        if name in {"off", "rotation"}:
            assert any(list(lines_and_owners(logs)))
            assert read_marks(logs) == {}
        else:
            assert {line.task for line in until_marked(logs, lambda _line: True)} != set()
