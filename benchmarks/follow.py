"""From a line printed in a task to the line in `rayscope logs --follow`: the whole road, on a real Ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.figures import Figure, options, quantile, show

PROGRAM = """
import sys, time, ray
@ray.remote
def tick(lines):
    for _ in range(lines):
        print("printed_at", time.time())
        time.sleep(0.05)
ray.init(num_cpus=2, logging_level="ERROR")
ray.get([tick.remote(int(sys.argv[1])) for _ in range(2)])
"""
RAYSCOPE = [sys.executable, "-m", "rayscope"]
WAIT_S = 120.0
SETTLE_S = 2.0


def main() -> None:
    """Run a program that prints the time, follow it, and compare clocks."""
    parser = options(__doc__)
    parser.add_argument("--lines", type=int, default=200, help="lines of each of two tasks")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAYSCOPE_DATA": str(Path(folder) / "data")}
        program = Path(folder) / "tick.py"
        program.write_text(PROGRAM)
        subprocess.run([*RAYSCOPE, "server", "start", "--port", "0"], env=environment, check=True, capture_output=True)
        try:
            delays = _delays(program, given.lines, environment)
        finally:
            subprocess.run([*RAYSCOPE, "server", "stop"], env=environment, check=True, capture_output=True)
    figures = [
        Figure(name="line printed to line followed, p50", value=quantile(delays, 0.5), unit="s"),
        Figure(name="line printed to line followed, p95", value=quantile(delays, 0.95), unit="s", target=1.0),
        Figure(name="line printed to line followed, most", value=max(delays), unit="s"),
    ]
    show(f"Live tail ({len(delays):,} lines of two tasks)", figures, given.json)


def _delays(program: Path, lines: int, environment: Mapping[str, str]) -> list[float]:
    """Seconds from each print to its arrival here. The first lines are there before anybody follows, so not all are counted."""
    run = [*RAYSCOPE, "run", "--no-redirect", str(program), str(lines)]
    with subprocess.Popen(run, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        _wait_for_session(environment)
        follow = [*RAYSCOPE, "logs", "printed_at", "--follow", "--format", "jsonl"]
        with subprocess.Popen(follow, env=environment, stdout=subprocess.PIPE, text=True) as following:
            assert following.stdout is not None
            ending = threading.Thread(target=_end_after, args=(running, following))
            ending.start()
            delays = [time.time() - float(json.loads(line)["text"].split()[1]) for line in following.stdout]
            ending.join()
    return delays


def _end_after(running: subprocess.Popen[bytes], following: subprocess.Popen[str]) -> None:
    """When the run has ended, all of its lines have been shipped."""
    running.wait(WAIT_S)
    time.sleep(SETTLE_S)
    following.terminate()


def _wait_for_session(environment: Mapping[str, str]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not json.loads(subprocess.run([*RAYSCOPE, "list", "sessions", "--format", "json"], env=environment, check=True, capture_output=True).stdout):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no session within {WAIT_S:.0f} s")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
