"""What attribution costs a printed line, beside Ray's own stream in the same worker, in turns: plain task, threaded and async actor.

uv run python -m benchmarks.attribution [--lines 50000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

ROUND_LINES = 50_000


def measure(lines: int, rounds: int) -> dict[str, float]:
    """Microseconds a line of print, through Rayscope's stream and through Ray's, in turns; the median of the rounds."""
    from ray._private.utils import Unbuffered

    ours: Any = sys.stdout
    if not hasattr(ours, "flush_task"):
        raise RuntimeError("the hooks are not installed in this worker")
    streams: dict[str, Any] = {"rayscope": ours, "ray": Unbuffered(ours.stream)}
    seconds: dict[str, list[float]] = {name: [] for name in streams}
    for _ in range(rounds):
        for name, stream in streams.items():
            sys.stdout = stream
            seconds[name].append(_print(lines))
    sys.stdout = ours
    return {name: statistics.median(taken) / lines * 1e6 for name, taken in seconds.items()}


def _print(lines: int) -> float:
    began = time.perf_counter()
    for number in range(lines):
        print("a line of a usual length, with a number in it:", number)
    return time.perf_counter() - began


def kinds(ray: Any) -> dict[str, Callable[[int, int], Any]]:
    """The kinds of tasks, each as a function that measures in one."""

    class Threaded:
        def run(self, lines: int, rounds: int) -> dict[str, float]:
            return measure(lines, rounds)

    class Async:
        async def run(self, lines: int, rounds: int) -> dict[str, float]:
            await asyncio.sleep(0)
            return measure(lines, rounds)

    threaded = ray.remote(max_concurrency=4)(Threaded).remote()
    coroutine = ray.remote(Async).remote()
    return {"plain task": ray.remote(measure).remote, "threaded actor": threaded.run.remote, "async actor": coroutine.run.remote}


def main() -> None:
    """Print a line a kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=ROUND_LINES)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    hook = str(resources.files("rayscope.worker") / "hook")
    os.environ["PYTHONPATH"] = os.pathsep.join([hook, str(Path.cwd()), *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    for kind, run in kinds(ray).items():
        took = ray.get(run(given.lines, given.rounds))
        print(f"{kind:<15} rayscope {took['rayscope']:.2f} µs a line, ray {took['ray']:.2f} µs, difference {took['rayscope'] - took['ray']:+.2f} µs")


if __name__ == "__main__":
    main()
