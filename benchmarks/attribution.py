"""What attribution costs: a printed line beside Ray's own stream in the same worker, in turns, and a task that prints nothing.
And what it costs to ask Ray who runs, which the hooks do not.

Kinds of lines: one argument and two (Python writes each argument by itself), in a plain task, a threaded and an async actor.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import Figure, options, show

TARGET_US = 3.0


def measure(lines: int, rounds: int) -> dict[str, float]:
    """Microseconds a line, by stream and number of arguments, in turns: the median of the rounds. And a task's start and end."""
    from ray._private.utils import Unbuffered

    ours: Any = sys.stdout
    if not hasattr(ours, "flush_task"):
        raise RuntimeError("the hooks are not installed in this worker")
    streams: dict[str, Any] = {"rayscope": ours, "ray": Unbuffered(ours.stream)}
    taken: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, stream in streams.items():
            sys.stdout = stream
            taken.setdefault(f"{name}, one argument", []).append(_print_one(lines))
            taken.setdefault(f"{name}, two", []).append(_print_two(lines))
    sys.stdout = ours
    return {name: median(seconds) / lines * 1e6 for name, seconds in taken.items()}


def _print_one(lines: int) -> float:
    began = time.perf_counter()
    for number in range(lines):
        print(f"a line of a usual length, with a number in it: {number}")
    return time.perf_counter() - began


def _print_two(lines: int) -> float:
    began = time.perf_counter()
    for number in range(lines):
        print("a line of a usual length, with a number in it:", number)
    return time.perf_counter() - began


def task_cost(times: int) -> float:
    """Microseconds that the hooks add to a task: their part of its start and end."""
    from ray._private.worker import Worker, global_worker

    hooked = (Worker.record_task_log_start, Worker.record_task_log_end)
    plain = tuple(getattr(call, "__wrapped__", call) for call in hooked)
    task_id = global_worker.current_task_id

    def run(calls: tuple[Any, ...]) -> float:
        began = time.perf_counter()
        for _ in range(times):
            calls[0](global_worker, task_id, 0)
            calls[1](global_worker, task_id, 0)
        return time.perf_counter() - began

    return median(run(hooked) - run(plain) for _ in range(5)) / times * 1e6


def asking_cost(times: int) -> dict[str, float]:
    """Microseconds to learn the running task: by Ray's public way, and by what lies beneath, as the hooks do."""
    import ray

    beneath: Any = vars(sys.modules["ray._raylet"])["async_task_id"]

    def taken(call: Callable[[], Any]) -> float:
        began = time.perf_counter()
        for _ in range(times):
            call()
        return time.perf_counter() - began

    ways = {"get_runtime_context().get_task_id()": lambda: ray.get_runtime_context().get_task_id(), "the context variable": beneath.get}
    return {name: median(taken(call) for _ in range(5)) / times * 1e6 for name, call in ways.items()}


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
    """Measure inside workers of a small cluster."""
    parser = options(__doc__)
    parser.add_argument("--lines", type=int, default=20_000, help="lines a round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each stream")
    given = parser.parse_args()
    hook = str(resources.files("rayscope.worker") / "hook")
    os.environ["PYTHONPATH"] = os.pathsep.join([hook, str(Path.cwd()), *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    figures: list[Figure] = []
    for kind, run in kinds(ray).items():
        took: dict[str, float] = ray.get(run(given.lines, given.rounds))
        for how in ("one argument", "two"):
            added = took[f"rayscope, {how}"] - took[f"ray, {how}"]
            figures += [
                Figure(name=f"{kind}, {how}: Ray's stream", value=took[f"ray, {how}"], unit="µs/line"),
                Figure(name=f"{kind}, {how}: added", value=added, unit="µs/line", target=TARGET_US),
            ]
    figures.append(Figure(name="a task that prints nothing: added", value=ray.get(ray.remote(task_cost).remote(2000)), unit="µs/task"))
    asked: dict[str, float] = ray.get(ray.remote(asking_cost).remote(given.lines))
    figures += [Figure(name=f"who runs, by {name}", value=value, unit="µs/call") for name, value in asked.items()]
    show(f"Cost of attribution ({given.lines:,} lines a round, {given.rounds} rounds of each)", figures, given.json, {})


if __name__ == "__main__":
    main()
