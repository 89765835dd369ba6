"""Wall time of whole commands: `rayscope list actors` and `ray list actors` on the same live cluster, in turns."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, options, quantile, show

PROGRAM = """
import ray, sys, time
ray.init(num_cpus=1, logging_level="ERROR")
@ray.remote(num_cpus=0)
class Idle:
    def ready(self): return True
actors = [Idle.remote() for _ in range(3)]
ray.get([actor.ready.remote() for actor in actors])
print("ready", flush=True)
sys.stdin.readline()
"""


def main() -> None:
    """Start a cluster with three actors, and ask for them with both tools."""
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="runs of each command")
    given = parser.parse_args()
    folder = Path(sys.executable).parent
    rayscope, ray = str(folder / "rayscope"), str(folder / "ray")
    with tempfile.TemporaryDirectory() as data:
        environment = os.environ | {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAYSCOPE_DATA": data, "RAY_AUTH_MODE": "token"}  # as a local ray.init turns it on
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        program = subprocess.Popen(
            [rayscope, "run", "--", sys.executable, "-c", PROGRAM],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert program.stdin is not None
        assert program.stdout is not None
        while program.stdout.readline() != "ready\n":
            continue
        commands = {"rayscope list actors": [rayscope, "list", "actors"], "ray list actors": [ray, "list", "actors"], "rayscope --help": [rayscope, "--help"]}
        try:
            times = _in_turns(commands, given.rounds, environment)
        finally:
            program.communicate("\n", timeout=120)
            subprocess.run([rayscope, "server", "stop"], env=environment, check=False, capture_output=True)
    show("Wall time of commands, from start to exit", _figures(times), given.json, dict(times))


def _in_turns(commands: dict[str, list[str]], rounds: int, environment: dict[str, str]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, env=environment, check=True, capture_output=True)
            times[name].append(time.perf_counter() - started)
    return times


def _figures(times: dict[str, list[float]]) -> list[Figure]:
    middle = {name: quantile(values, 0.5) for name, values in times.items()}
    return [
        Figure(name="rayscope list actors, median", value=middle["rayscope list actors"], unit="s", target=0.25),
        Figure(name="ray list actors, median", value=middle["ray list actors"], unit="s"),
        Figure(name="ray / rayscope", value=middle["ray list actors"] / middle["rayscope list actors"], unit="ratio"),
        Figure(name="rayscope --help, median", value=middle["rayscope --help"], unit="s", target=0.12),
    ]


if __name__ == "__main__":
    main()
