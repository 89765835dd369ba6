"""How the pages feel in a browser: first paint, page to page, the timeline's first picture and its frames, bytes on the way.

Headless Chromium against a server over a filled store (`python -m benchmarks.fill`). A page is *useful* when its main rows are there.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.figures import Figure, options, quantile, show
from benchmarks.fill import SESSIONS
from benchmarks.process import Server, children_cpu_s, running_server

_SESSION: Final = f"session_fill_{SESSIONS}"
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_STEPS: Final = ("Jobs", "Tasks", "Actors", "Nodes", "Workers", "Tasks", "Jobs", "Tasks", "Events", "Tasks")
_PAINT_MS: Final = 700
_STEP_MS: Final = 300
_PICTURE_MS: Final = 1000
_FRAMES: Final = 50
_MEGABYTES: Final = 30
_FIRST_VISITS: Final = 5


class Wire:
    """Bytes that a page received, as they came over the network."""

    def __init__(self, tab: Page) -> None:
        self.size = 0
        session = tab.context.new_cdp_session(tab)
        session.send("Network.enable")
        session.on("Network.loadingFinished", self._finished)

    def _finished(self, event: dict[str, Any]) -> None:
        self.size += int(event["encodedDataLength"])


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Paint(NamedTuple):
    """Until the rows were there: milliseconds, and the processor's, of browser and server. The bytes of the whole page."""

    ms: float
    processor_ms: float
    megabytes: float


def first_paint(browser: Browser, server: Server, path: str) -> Paint:
    """The task table, in a browser that has seen nothing yet."""
    tab = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    wire = Wire(tab)
    used, start = children_cpu_s() + server.cpu_s(), time.perf_counter()
    tab.goto(server.info.url + path, wait_until="commit")
    tab.locator("tbody tr").first.wait_for()
    spent = (time.perf_counter() - start) * 1000
    processor = (children_cpu_s() + server.cpu_s() - used) * 1000
    tab.wait_for_load_state("networkidle")
    tab.context.close()
    return Paint(spent, processor, wire.size / 1e6)


def page_to_page(tab: Page, url: str) -> list[float]:
    """Milliseconds of each step through the sidebar, until the new page's rows or words are there."""
    tab.goto(f"{url}/s/{_SESSION}/jobs")
    tab.locator("tbody tr").first.wait_for()
    tab.wait_for_timeout(1000)  # what is fetched ahead arrives
    spent = []
    for name in _STEPS:
        start = time.perf_counter()
        tab.locator(".sidebar").get_by_role("link", name=name).click()
        tab.locator("h1", has_text=name).wait_for()
        tab.locator("main tbody tr, main .empty").first.wait_for()
        spent.append((time.perf_counter() - start) * 1000)
    return spent


_PAN: Final = """() => new Promise((done) => {
  const canvas = document.querySelector('canvas'), box = canvas.getBoundingClientRect(), start = performance.now(), frames = window.rayscopeFrames;
  const before = frames(), gaps = [];
  let last = start;
  const step = (now) => {
    gaps.push(now - last);
    last = now;
    if (now - start > 3000) return done({ drawn: (frames() - before) / ((now - start) / 1000), worst: Math.max(...gaps.slice(2)) });
    const turn = Math.floor((now - start) / 750) % 4;
    const delta = turn % 2 ? { deltaX: turn === 1 ? 24 : -24, deltaY: 0 } : { deltaX: 0, deltaY: turn === 0 ? -18 : 18 };
    canvas.dispatchEvent(new WheelEvent('wheel', { ...delta, clientX: box.left + box.width / 2, clientY: box.top + 60, bubbles: true, cancelable: true }));
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""


def timeline(tab: Page, url: str) -> tuple[float, dict[str, float], float]:
    """Milliseconds to the first picture, frames while zooming and panning for three seconds, and megabytes for all of it."""
    wire = Wire(tab)
    tab.goto(f"{url}/s/{_SESSION}/tasks")
    tab.locator("tbody tr").first.wait_for()
    tab.wait_for_timeout(1000)  # what is fetched ahead arrives
    start = time.perf_counter()
    tab.locator(".sidebar").get_by_role("link", name="Timeline").click()
    tab.locator("canvas[aria-label^='timeline of']").wait_for()
    tab.wait_for_function("window.rayscopeFrames && window.rayscopeFrames() > 0")
    first = (time.perf_counter() - start) * 1000
    moved = tab.evaluate(_PAN)
    tab.wait_for_load_state("networkidle")
    return first, moved, wire.size / 1e6


def measure(data: Path) -> list[Figure]:
    """All figures, over a store that `benchmarks.fill` made."""
    with running_server(data) as server, chromium() as browser:
        tab = browser.new_page(viewport={"width": 1440, "height": 900})
        tab.on("pageerror", lambda error: print(f"the page complains: {error}"))
        paints = [first_paint(browser, server, f"/s/{_SESSION}/tasks") for _ in range(_FIRST_VISITS)]
        steps = page_to_page(tab, server.info.url)
        picture, moved, size = timeline(tab, server.info.url)
    return [
        Figure(name="first useful paint of the task table, median", value=quantile([one.ms for one in paints], 0.5), unit="ms", target=_PAINT_MS),
        Figure(name="its processor time, browser and server", value=quantile([one.processor_ms for one in paints], 0.5), unit="ms"),
        Figure(name="its bytes", value=paints[0].megabytes, unit="MB"),
        Figure(name="page to page, 95th percentile", value=quantile(steps, 0.95), unit="ms", target=_STEP_MS),
        Figure(name="timeline: first picture", value=picture, unit="ms", target=_PICTURE_MS),
        Figure(name="timeline: frames while it moves", value=moved["drawn"], unit="frames/s", target=_FRAMES, at_least=True),
        Figure(name="timeline: longest frame", value=moved["worst"], unit="ms"),
        Figure(name="timeline: bytes in all", value=size, unit="MB", target=_MEGABYTES),
    ]


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder that benchmarks.fill filled")
    asked = parser.parse_args()
    show("Pages", measure(asked.data), asked.json)


if __name__ == "__main__":
    main()
