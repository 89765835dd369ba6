"""Every line that a program prints is there once, in order, and named after its task, although the server and the agent are killed meanwhile."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rayscope.client import Client
from rayscope.query.logs.request import LogQuery
from support.commands import Commands, until

PROGRAMS = Path(__file__).parents[1] / "programs"
LINES = int(os.environ.get("RAYSCOPE_TEST_LINES", "400"))  # of each of the 120; 8,400 make a million in all
LINE = re.compile(r"by (\w{48}) (\d+) line (\d+)")
WRITERS = 120
PATIENCE_S = 600.0


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Commands]:
    """Commands over a server of this test's own, which it kills."""
    commands = Commands(tmp_path / "data")
    assert commands("server", "start", "--port", "0").returncode == 0
    yield commands
    commands("server", "stop")


def kill_server(commands: Commands) -> None:
    """Signal 9, and a new one at the same address."""
    running = json.loads((commands.data / "server.json").read_text())
    port = str(urlsplit(running["url"]).port)
    os.kill(running["pid"], signal.SIGKILL)
    until(lambda: commands("server", "start", "--port", port).returncode == 0, "the server is there again", PATIENCE_S)


def test_every_line_is_there_once_and_its_tasks(ours: Commands) -> None:
    """From plain tasks, async and threaded actors; and in the order in which each printed them."""
    program = ours.start("run", str(PROGRAMS / "many_lines.py"), str(LINES))
    _heard_agent(ours, "lines come")
    kill_server(ours)
    os.kill(_heard_agent(ours, "the agent is heard again"), signal.SIGKILL)
    out, err = program.communicate(timeout=PATIENCE_S)
    assert program.returncode == 0, err
    assert f"printed {WRITERS * LINES} lines" in out

    seen: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    named: Counter[str] = Counter()
    with Client(ours.url) as client:
        for page in client.log_pages(LogQuery(q='"line"', source="worker", order="oldest", limit=10_000)):
            for line in page.lines:
                if (said := LINE.fullmatch(line.text)) is not None:
                    seen[said[1], said[2]].append(line.offset << 32 | int(said[3]))
                    named["nobody" if line.task_id is None else "itself" if (line.task_id, str(line.attempt)) == (said[1], said[2]) else "another"] += 1
    assert {name: len(lines) for name, lines in seen.items() if len(lines) != LINES} == {}
    assert len(seen) == WRITERS
    assert all([place & 0xFFFFFFFF for place in sorted(lines)] == list(range(LINES)) for lines in seen.values())
    assert named == {"itself": WRITERS * LINES}


def test_a_line_of_nobodys_names_no_task(ours: Commands) -> None:
    """A thread of an earlier task prints between two lines of a later one, in the range that Ray reports for that one."""
    done = ours("run", str(PROGRAMS / "stray.py"))
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in ours("logs", "--source", "worker", "--stream", "out", "--order", "oldest", "--format", "jsonl").stdout.splitlines()]
    names = {line["text"]: line["task_id"] for line in lines}
    assert names["before 0"] == names["after 0"] == names["stray answer to 0"] is not None  # its task runs
    assert names["before 1"] == names["after 1"] is not None
    assert names["stray answer to 1"] is None


def _heard_agent(commands: Commands, what: str) -> int:
    """The process of the agent, when it is heard. Never a number that is no process: signal 9 to 0 would end these tests and all around them."""
    found: list[int] = []

    def is_heard() -> bool:
        found.extend([pid] if (pid := _agent(commands)) is not None else [])
        return bool(found)

    until(is_heard, what, PATIENCE_S)
    return found[0]


def _agent(commands: Commands) -> int | None:
    """The process of the agent, once it has shipped something and was heard within the last seconds."""
    done = commands("list", "agents", "--format", "json", "--detail")
    rows = json.loads(done.stdout) if done.returncode == 0 else []
    live = [row for row in rows if row["shipped_bytes"] and row["last_word_ns"] > time.time_ns() - 6 * 10**9]
    return int(live[0]["pid"]) if live else None
