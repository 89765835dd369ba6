"""A store of metrics that is killed with SIGKILL while it flushes and merges."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from support.metrics import MetricRecording

PROGRAM = Path(__file__).parents[1] / "programs" / "metric_writer.py"
TESTS = Path(__file__).parents[1]


def write_until_killed(folder: Path, begin_ms: int, count: int) -> list[int]:
    """The times that were acknowledged before the kill, at least so many."""
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    with subprocess.Popen([sys.executable, str(PROGRAM), str(folder), str(begin_ms)], stdout=subprocess.PIPE, text=True, env=environment) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(count)]
        os.kill(writer.pid, signal.SIGKILL)
        told += [int(line) for line in writer.stdout.read().split("\n")[:-1]]  # a last line without its end may be torn
    return told


def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """At several moments, one after the other on the same folder: each sample once, with its value, and none that was not sent."""
    begin_ms = int(time.time() * 1000) - 3_600_000
    told: list[int] = []
    for turn, count in enumerate((5, 60, 30)):
        told += write_until_killed(tmp_path, begin_ms + turn * 600_000, count)
    recording = MetricRecording(tmp_path)
    found = recording.samples()
    times = {time_ms for samples in found.values() for time_ms, _ in samples}
    assert set(told) <= times
    assert len(times - set(told)) <= 3 * 2  # durable, and killed before it was printed
    assert sum(map(len, found.values())) == 20 * len(times)
    assert all(value == (time_ms - begin_ms) % 600_000 for samples in found.values() for time_ms, value in samples)
    assert recording.ingest.store.directory.of(1)
    recording.close()
