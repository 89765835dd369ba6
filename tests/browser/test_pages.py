"""Every page of a recorded session: it opens by its address, says what is there, names no error in its console, and passes axe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from browser.histories import ENDED, HOSTILE
from support.ids import actor_id, node_id, task_id, worker_id

if TYPE_CHECKING:
    from browser.conftest import Served, Visits

AXE = Path(__file__).parents[2] / "ui/node_modules/axe-core/axe.min.js"
JOB = "01000000"

PAGES = {
    "": "Needs attention",
    "/jobs": "python app.py",
    f"/jobs/{JOB}": "preprocess",
    f"/jobs/{JOB}?tab=failures": "ValueError: no",
    f"/jobs/{JOB}?tab=timeline": "attempts",
    f"/jobs/{JOB}?tab=graph": "driver",
    f"/jobs/{JOB}?tab=tasks": "preprocess",
    f"/jobs/{JOB}?tab=compare": "No earlier run of this entrypoint",
    f"/jobs/{JOB}?tab=details": "driver",
    "/tasks": "short",
    f"/tasks/{task_id(10).hex()}": "Attempt 2",
    f"/tasks/{task_id(10).hex()}?tab=details": "preprocess",
    "/actors": "Counter",
    f"/actors/{actor_id(1).hex()}": "the worker died",
    f"/actors/{actor_id(1).hex()}?tab=calls": "Counter.__init__",
    "/nodes": "10.0.0.1",
    f"/nodes/{node_id(1).hex()}": "head node",
    "/workers": "ended",
    f"/workers/{worker_id(1).hex()}": "worker",
    "/placement-groups": "No placement groups in this session",
    "/timeline": "attempts",
    "/graph": "driver",
    "/events": "time",
    "/sql": "Examples",
    "/objects": "Objects",
    "/metrics": "No metrics of this session",
}
"""Addresses below the session, each with a text that stands there when it is complete."""


def address(served: Served, rest: str = "", session: str = ENDED) -> str:
    """The address of a page of a session."""
    return f"{served.url}/s/{session}{rest}"


@pytest.mark.parametrize("rest", PAGES)
def test_page_opens_by_its_address(recorded: Served, visit: Visits, rest: str) -> None:
    """A link opens what its sender saw."""
    tab = visit(address(recorded, rest))
    expect(tab.locator("main")).to_contain_text(PAGES[rest])
    expect(tab.locator("main h1")).to_be_visible()
    assert tab.locator("[role=alert]").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("rest", ["/fleet", *PAGES])
def test_page_is_accessible(recorded: Served, visit: Visits, rest: str, scheme: str) -> None:
    """WCAG 2.1 AA as far as axe can tell, in both themes."""
    url = recorded.url if rest == "/fleet" else address(recorded, rest)
    tab = visit(url, color_scheme=scheme, bypass_csp=True)
    expect(tab.locator("main")).to_contain_text(PAGES.get(rest, "Clusters"))
    assert violations(tab) == []


def violations(tab: Page) -> list[str]:
    """What axe holds against the page, a line each."""
    tab.add_script_tag(path=AXE)
    found = tab.evaluate("axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })")
    return [f"{one['id']}: {node['html'][:160]}" for one in found["violations"] for node in one["nodes"]]


@pytest.mark.parametrize("width", [800, 1280, 1920])
@pytest.mark.parametrize("rest", ["", f"/jobs/{JOB}", "/tasks", "/timeline", "/sql"])
def test_page_fits_its_width(recorded: Served, visit: Visits, rest: str, width: int) -> None:
    """Nothing makes the whole page scroll sideways."""
    tab = visit(address(recorded, rest), width=width)
    expect(tab.locator("main")).to_contain_text(PAGES[rest])
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_names_are_text(recorded: Served, visit: Visits) -> None:
    """A task's name that is HTML is shown, not obeyed."""
    tab = visit(address(recorded, "/tasks?q=onerror"))
    expect(tab.get_by_role("link", name=HOSTILE)).to_be_visible()
    assert tab.locator("main img").count() == 0


def test_bad_addresses_say_what_is_wrong(recorded: Served, visit: Visits) -> None:
    """An unknown session, id, page or filter: the server's own words, and a way on."""
    visit.forgiven += ["404", "400"]
    tab = visit(address(recorded, session="session_of_nobody"))
    expect(tab.locator("main")).to_contain_text("no session 'session_of_nobody'")
    tab.goto(address(recorded, "/tasks/ffff00000000"))
    expect(tab.get_by_role("alert")).to_contain_text("ffff00000000")
    expect(tab.locator("main")).to_contain_text("rayscope get task ffff00000000")
    tab.goto(address(recorded, "/nowhere"))
    expect(tab.locator("main")).to_contain_text("Nothing lives at")
    tab.goto(address(recorded, "/tasks?q=stat%3Dx"))
    expect(tab.get_by_role("alert")).to_contain_text("tasks have no column 'stat'")
    tab.locator("[data-filter]").fill("")
    tab.locator("[data-filter]").press("Enter")
    expect(tab.locator("tbody tr")).to_have_count(100)


def test_attempts_show_where_the_time_went(recorded: Served, visit: Visits) -> None:
    """A retried task shows each attempt, the newest first, with the time in each state as a bar with words."""
    tab = visit(address(recorded, f"/tasks/{task_id(10).hex()}"))
    expect(tab.locator(".attempt")).to_have_count(3)
    assert "running" in (tab.locator(".attempt svg.phases").first.get_attribute("aria-label") or "")
    tab.get_by_role("link", name="Attempt 0").click()
    expect(tab.locator("main")).to_contain_text("Error of attempt 0")
    assert "attempt=0" in tab.url


def test_progress_counts_each_task_once(recorded: Served, visit: Visits) -> None:
    """One bar a function; its counts lead to the tasks."""
    tab = visit(address(recorded, f"/jobs/{JOB}"))
    bar = tab.locator(".progress svg.bar[aria-label^='preprocess']")
    expect(bar).to_have_attribute("aria-label", "preprocess: 4 finished, 2 failed")
    tab.locator(".tallies a.failed").first.click()
    expect(tab.locator("tbody tr")).to_have_count(4)
    tab.go_back()
    expect(bar).to_be_visible()
