"""Rayscope's page of a job beside the one of Ray's own dashboard, on the same live cluster: time to the task table, and bytes on the way.

Both in headless Chromium, each visit with an empty cache, in turns. Ray's page shows its task table after a click, which the time includes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Locator, Page

from benchmarks.figures import Figure, options, quantile, show
from benchmarks.process import Server, running_server
from benchmarks.ui import Wire, chromium

PROGRAM: Final = """
import sys, time
from pathlib import Path
import ray
folder, count = Path(sys.argv[1]), int(sys.argv[2])
context = ray.init(num_cpus=2, logging_level="ERROR")
@ray.remote
def work(number): return number
for start in range(0, count, 1000):
    ray.get([work.remote(number) for number in range(start, min(start + 1000, count))])
(folder / "url").write_text("http://" + context.dashboard_url)
while not (folder / "end").exists():
    time.sleep(0.1)
"""
_JOB: Final = "01000000"
_ROUNDS: Final = 3
_OPEN_S: Final = 10
"""How long a page stays open to see what it asks for by itself."""
_READY_S: Final = 90
_PATIENCE_MS: Final = 60_000


@contextmanager
def cluster(server: Server, folder: Path, tasks: int) -> Iterator[str]:
    """A recorded program that has run its tasks and waits: the address of its dashboard."""
    (folder / "program.py").write_text(PROGRAM)
    environment = os.environ | {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAYSCOPE_DATA": str(server.data), "RAY_AUTH_MODE": "disabled"}
    command = [sys.executable, "-m", "rayscope", "run", str(folder / "program.py"), str(folder), str(tasks)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        _until((folder / "url").exists)
        _until(lambda: _attempts(server) >= tasks)
        yield (folder / "url").read_text()
    finally:
        (folder / "end").touch()
        process.wait(_READY_S)


def _attempts(server: Server) -> int:
    found: int = server.get("/api/v1/tasks", limit=1)["total"]
    return found


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _READY_S
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the cluster was not ready within {_READY_S} s")
        time.sleep(0.2)


class Visit:
    """One visit: milliseconds until the task table has rows, megabytes until then, and megabytes a minute of the page left open."""

    def __init__(self, browser: Browser, url: str, *, is_rays: bool, stays: bool) -> None:
        tab = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        tab.set_default_timeout(_PATIENCE_MS)
        wire = Wire(tab)
        start = time.perf_counter()
        tab.goto(url, wait_until="commit")
        rows = _rays_rows(tab) if is_rays else tab.locator("tbody tr")
        rows.first.wait_for()
        self.ms = (time.perf_counter() - start) * 1000
        tab.wait_for_timeout(500)  # the table's own answer is counted when its last byte is in
        self.megabytes = wire.size / 1e6
        self.a_minute = 0.0
        if stays:
            tab.wait_for_timeout(_OPEN_S * 1000)
            self.a_minute = (wire.size / 1e6 - self.megabytes) * 60 / _OPEN_S
        tab.context.close()


def _rays_rows(tab: Page) -> Locator:
    tab.get_by_text("Task Table", exact=True).click()
    return tab.locator("tbody tr", has_text="work")


def measure(tasks: int) -> list[Figure]:
    """All figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_server(folder / "data") as server, cluster(server, folder, tasks) as rays, chromium() as browser:
            ours = f"{server.info.url}/s/latest/jobs/{_JOB}?tab=tasks"
            visits = [
                (Visit(browser, ours, is_rays=False, stays=turn == 0), Visit(browser, f"{rays}/#/jobs/{_JOB}", is_rays=True, stays=turn == 0))
                for turn in range(_ROUNDS)
            ]
    figures = []
    for name, found in (("Rayscope", [one for one, _ in visits]), ("Ray", [other for _, other in visits])):
        figures += [
            Figure(name=f"{name}: time to the task table, median", value=quantile([visit.ms for visit in found], 0.5), unit="ms"),
            Figure(name=f"{name}: bytes until then", value=found[0].megabytes, unit="MB"),
            Figure(name=f"{name}: bytes of the page left open", value=found[0].a_minute, unit="MB/min"),
        ]
    return figures


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    parser.add_argument("--tasks", type=int, default=10_000, help="tasks of the cluster's job")
    asked = parser.parse_args()
    show(f"The task table of a job with {asked.tasks:,} tasks", measure(asked.tasks), asked.json)


if __name__ == "__main__":
    main()
