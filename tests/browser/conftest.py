"""A Chromium for all browser tests, a page of its own for each, and servers to look at."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from rayscope.model.report import RunReport
from rayscope.server.lifecycle import read_ingest_token, start_background, stop
from support import events
from support.events import Event

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")


class Served:
    """A server on a folder of its own, and how to tell it something."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = 0
        self.url = ""
        self._sent = 0
        self.start()

    def start(self) -> None:
        """Start it, again on the port that it had."""
        info = start_background(self.data, port=self.port)
        self.port, self.url = info.port, info.url

    def stop(self) -> None:
        """Stop it; what it stored stays."""
        stop(self.data)

    def record(self, told: Iterable[Event]) -> None:
        """Send a batch as Ray's exporter does, and wait until questions see it: 204 only says that it is durable."""
        batch = list(told)
        self._post("ray/events", events.body(batch))
        self._sent += len(batch)
        deadline = time.monotonic() + 10
        while self._health()["events"] < self._sent:
            assert time.monotonic() < deadline, "the events were accepted, but are not seen"
            time.sleep(0.02)

    def report(self, report: RunReport) -> None:
        """Send a report as `rayscope run` does."""
        self._post("run", msgspec.json.encode(report))

    def _health(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.url}/api/v1/health", timeout=10) as response:
            return json.load(response)

    def _post(self, what: str, body: bytes) -> None:
        token = read_ingest_token(self.data)
        request = urllib.request.Request(f"{self.url}/ingest/{token}/{what}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as response:
            assert response.status == 204


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium; without one, the one that Playwright has installed."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(_ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """A function that opens a page in a profile of its own, with a clock that can be put forward. At the end it must not have complained."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(url: str, *, clock: bool = False, **options: object) -> Page:
        context = chromium.new_context(viewport={"width": 1440, "height": 900}, **options)  # type: ignore[arg-type]
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(5000)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("console", lambda line: complaints.append(line.text) if "Content Security Policy" in line.text else None)
        if clock:
            tab.clock.install()
        tab.goto(url)
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Served]]:
    """A function that starts an empty server, which stops after the module's last test at the latest."""
    servers: list[Served] = []

    def start() -> Served:
        servers.append(Served(tmp_path_factory.mktemp("served") / "data"))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def served(serve: Callable[[], Served]) -> Iterator[Served]:
    """An empty server of this test's own."""
    server = serve()
    yield server
    server.stop()
