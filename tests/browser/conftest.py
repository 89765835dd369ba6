"""A Chromium for all browser tests, a page of its own for each, and servers to look at."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from browser.histories import ENDED, RUN, ended_session, live_session
from rayscope.model.report import RunReport
from rayscope.server.lifecycle import read_ingest_token, start_background, stop
from support import events
from support.events import Event
from support.ids import node_id
from support.logs import chunks_body

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_MS = 15_000
"""For what a page does, on a machine that does other things too."""
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

    def ship(self, *chunks: dict[str, Any]) -> None:
        """Send stretches of log files as the agent of the ended session's first node does; when it returns they can be found."""
        body = chunks_body(*chunks, session=ENDED, node_id=node_id(1).hex())
        self._post("agent/chunks", body, kind="application/x-msgpack", status=200)

    def sample(self, bodies: Iterable[bytes]) -> None:
        """Send samples as agents do; when it returns they can be asked for."""
        for body in bodies:
            self._post("agent/metrics", body, kind="application/x-msgpack", status=200)

    def objects(self, taken_ns: int, rows: list[dict[str, Any]]) -> None:
        """Send a snapshot of the ended session's object table."""
        self._post("ray/objects", msgspec.json.encode({"session": ENDED, "taken_ns": taken_ns, "rows": rows}))

    def _health(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.url}/api/v1/health", timeout=10) as response:
            return json.load(response)

    def _post(self, what: str, body: bytes, kind: str = "application/json", status: int = 204) -> None:
        token = read_ingest_token(self.data)
        request = urllib.request.Request(f"{self.url}/ingest/{token}/{what}", body, {"Content-Type": kind})
        with urllib.request.urlopen(request, timeout=30) as response:
            assert response.status == status


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium; without one, the one that Playwright has installed. Of one module: while it is there, Playwright's event loop runs."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(_ARGUMENTS))
        yield browser
        browser.close()


class Visits:
    """Opens pages, each in a profile of its own, and keeps what they complain of. ``forgiven``: complaints that a test provokes, by a part of their text."""

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.forgiven: list[str] = []

    def __call__(self, url: str, *, width: int = 1440, **options: object) -> Page:
        context = self._chromium.new_context(viewport={"width": width, "height": 900}, **options)  # type: ignore[arg-type]
        self._contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(TIMEOUT_MS)
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("console", lambda line: self.complaints.append(f"{line.text} {line.location.get('url')}") if line.type in {"error", "warning"} else None)
        tab.goto(url)
        return tab

    def close(self) -> None:
        """Close all. They must not have complained."""
        for context in self._contexts:
            context.close()
        assert [one for one in self.complaints if not any(part in one for part in self.forgiven)] == []


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visits]:
    """A function that opens a page. At the end no page may have complained, in its console or otherwise."""
    visits = Visits(chromium)
    yield visits
    visits.close()


@pytest.fixture(scope="module")
def recorded(serve: Callable[[], Served]) -> Served:
    """A server with one session that ended and one that lives; tests that share it change nothing."""
    server = serve()
    server.record(ended_session())
    server.report(RUN)
    server.record(live_session())
    return server


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
