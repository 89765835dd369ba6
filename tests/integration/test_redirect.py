"""Workers' output on the terminal of `rayscope run`, all the way: worker, agent, server, terminal. The server is killed in between."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

from support.commands import Commands, until

PROGRAMS = Path(__file__).parents[1] / "programs"


def test_every_line_once_and_in_order_though_the_server_is_killed(tmp_path: Path) -> None:
    """And equal lines of two workers folded, stderr on stderr, the actor by its repr."""
    rayscope = Commands(tmp_path / "data")
    assert rayscope("server", "start", "--port", "0").returncode == 0
    info = json.loads((rayscope.data / "server.json").read_text())
    run = rayscope.start("run", str(PROGRAMS / "talkative.py"), str(tmp_path / "go"))
    try:
        assert run.stdout is not None
        lines: list[str] = []
        while not any(line.startswith("the speaker") for line in lines):
            lines.append(run.stdout.readline())
            assert lines[-1], "the program ended early"
        os.kill(info["pid"], signal.SIGKILL)
        (tmp_path / "go").touch()
        port = str(info["url"]).rpartition(":")[2]
        until(lambda: rayscope("server", "start", "--port", port).returncode == 0, "the server is back")
        rest, errors = run.communicate(timeout=120)
    finally:
        run.kill()
        rayscope("server", "stop")
    assert run.returncode == 0, errors
    shown = [*"".join(lines).splitlines(), *rest.splitlines()]
    for k in range(2):
        assert [line for line in shown if f"foo {k} line" in line] == _prefixed("task_foo", [f"foo {k} line {n}" for n in range(1000)], shown)
    for k in range(5):
        assert [line for line in shown if f"speaker {k} line" in line] == _prefixed("Speaker(7)", [f"speaker {k} line {n}" for n in range(100)], shown)
    assert sum(int(found[1] or 1) for line in shown if (found := re.search(r"the same in all(?: \[repeated (\d)x across cluster\])?$", line))) == 2
    assert [len([line for line in errors.splitlines() if f"foo {k} to stderr" in line]) for k in range(2)] == [1, 1]
    assert "not shown" not in errors


def _prefixed(name: str, texts: list[str], shown: list[str]) -> list[str]:
    """The texts behind the prefix of their worker."""
    pid = next(found[1] for line in shown if (found := re.fullmatch(rf"\({re.escape(name)} pid=(\d+)\) {re.escape(texts[0])}", line)))
    return [f"({name} pid={pid}) {text}" for text in texts]
