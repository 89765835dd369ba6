"""A live run of a real Ray program, watched in the browser from its first tasks to its end, without a reload."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Page, expect

from support.commands import Commands, ask, until

if TYPE_CHECKING:
    from browser.conftest import Served, Visits

PROGRAM = Path(__file__).parents[1] / "programs" / "followed.py"
JOB = "01000000"
START_S = 180
LIVE_MS = 90_000
"""Ray starts in a few seconds, on a busy machine in a minute; its events come once a second."""


@contextmanager
def run(commands: Commands, folder: Path, *arguments: str) -> Iterator[None]:
    """`rayscope run` of the program; it is told to end at the latest when the test does."""
    process = commands.start("run", str(PROGRAM), str(folder), *arguments)
    try:
        yield
    finally:
        for name in ("second", "end"):
            (folder / name).touch()
        said = process.communicate(timeout=START_S)
    assert process.returncode == (1 if arguments else 0), said


def first_session(commands: Commands) -> str:
    """The session of the run, when its job is known."""

    def is_known() -> bool:
        status, jobs = ask(f"{commands.url}/api/v1/jobs")
        return status == HTTPStatus.OK and bool(jobs["rows"])

    until(is_known, "a job", START_S)
    return str(ask(f"{commands.url}/api/v1/sessions")[1]["rows"][0]["session"])


def mark(tab: Page) -> None:
    """Leave a mark that a reload would wipe out."""
    tab.evaluate("window.notReloaded = true")


def bar(tab: Page, function: str, counts: str) -> None:
    """Wait until a function's bar says so."""
    expect(tab.locator(f".progress svg.bar[aria-label^='{function}']")).to_have_attribute("aria-label", f"{function}: {counts}", timeout=LIVE_MS)


def test_a_run_is_followed_to_its_end(served: Served, visit: Visits, tmp_path: Path) -> None:
    """Bars and counts advance, lines arrive on the Logs page, objects have rows; the end shows by itself."""
    commands = Commands(served.data)
    with run(commands, tmp_path):
        session = f"{served.url}/s/{first_session(commands)}"
        job, logs = visit(f"{session}/jobs/{JOB}"), visit(f"{session}/logs?follow=1")
        for tab in (job, logs):
            mark(tab)
        bar(job, "step", "5 finished")
        bar(job, "held", "1 running")
        expect(job.locator("h1")).to_contain_text("followed.py")
        expect(job.locator("main")).to_contain_text("RUNNING")
        expect(logs.get_by_role("log")).to_contain_text("step 4 was here", timeout=LIVE_MS)
        assert commands("memory").returncode == 0
        objects = visit(f"{session}/objects?tab=references")
        expect(objects.locator("tbody tr").first).to_be_visible(timeout=LIVE_MS)
        (tmp_path / "second").touch()
        bar(job, "step", "12 finished")
        bar(job, "held", "1 finished")
        expect(logs.get_by_role("log")).to_contain_text("step 11 was here", timeout=LIVE_MS)
        expect(logs.get_by_role("log")).to_contain_text("all: 56 3000000", timeout=LIVE_MS)
        (tmp_path / "end").touch()
        expect(job.locator("main")).to_contain_text("SUCCEEDED", timeout=LIVE_MS)
        for tab in (job, logs):
            assert tab.evaluate("window.notReloaded")
        job.get_by_role("link", name="Tasks").last.click()
        expect(job.locator("tbody tr")).to_have_count(13)


def test_a_run_that_fails_says_so(served: Served, visit: Visits, tmp_path: Path) -> None:
    """FAILED with the exit code and the reason, on the page that was open."""
    commands = Commands(served.data)
    with run(commands, tmp_path, "fail"):
        job = visit(f"{served.url}/s/{first_session(commands)}/jobs/{JOB}")
        mark(job)
        bar(job, "step", "5 finished")
        for name in ("second", "end"):
            (tmp_path / name).touch()
        expect(job.locator("main")).to_contain_text("FAILED", timeout=LIVE_MS)
        expect(job.locator("main")).to_contain_text(re.compile("told to fail|exit code 1"), timeout=LIVE_MS)
        bar(job, "step", "12 finished")
        assert job.evaluate("window.notReloaded")
