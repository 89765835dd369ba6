"""What recording costs the observed program: no-op tasks per second with and without `rayscope run`, in turns on the same machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, options, show

PROGRAM = """
import sys, time, ray
ray.init(num_cpus=2, logging_level="ERROR")
@ray.remote
def nothing(): pass
ray.get([nothing.remote() for _ in range(500)])
count, started = int(sys.argv[1]), time.perf_counter()
ray.get([nothing.remote() for _ in range(count)])
print("tasks_per_s", count / (time.perf_counter() - started))
"""


def main() -> None:
    """Run the program in turns and compare the medians."""
    parser = options(__doc__)
    parser.add_argument("--tasks", type=int, default=8000, help="no-op tasks a run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "nothing.py"
        program.write_text(PROGRAM)
        environment = os.environ | {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAYSCOPE_DATA": str(Path(folder) / "data")}
        rayscope = [sys.executable, "-m", "rayscope"]
        subprocess.run([*rayscope, "server", "start", "--port", "0"], env=environment, check=True, capture_output=True)
        try:
            plain, recorded = _in_turns(given.rounds, [sys.executable, str(program), str(given.tasks)], rayscope, environment)
        finally:
            subprocess.run([*rayscope, "server", "stop"], env=environment, check=True, capture_output=True)
    figures = [
        Figure(name="no-op tasks, not recorded", value=median(plain), unit="tasks/s"),
        Figure(name="no-op tasks, recorded", value=median(recorded), unit="tasks/s"),
        Figure(name="recorded / not recorded", value=median(recorded) / median(plain), unit="ratio"),
    ]
    show(f"Cost to the observed program ({given.tasks:,} tasks, {given.rounds} runs of each)", figures, given.json, {"plain": plain, "recorded": recorded})


def _in_turns(rounds: int, command: list[str], rayscope: list[str], environment: dict[str, str]) -> tuple[list[float], list[float]]:
    plain: list[float] = []
    recorded: list[float] = []
    for _ in range(rounds):
        plain.append(_rate(command, environment))
        recorded.append(_rate([*rayscope, "run", "--", *command], environment))
    return plain, recorded


def _rate(command: list[str], environment: dict[str, str]) -> float:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = re.search(r"tasks_per_s (\S+)", done.stdout)
    if found is None:
        raise RuntimeError(f"the program printed no rate: {done.stdout}{done.stderr}")
    return float(found[1])


if __name__ == "__main__":
    main()
