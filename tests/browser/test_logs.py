"""The Logs page with lines: search, facets, the live tail, the link of one line, colours."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from browser.histories import ENDED, ended_session
from browser.test_pages import violations
from support.events import at
from support.ids import node_id, task_id, worker_id
from support.logs import chunk, numbered

if TYPE_CHECKING:
    from browser.conftest import Served, Visits

WORKER = worker_id(1).hex()
OUT, ERR = f"worker-{WORKER}-01000000-77.out", f"worker-{WORKER}-01000000-77.err"
RAYLET, LATE = "raylet.out", f"worker-{worker_id(2).hex()}-01000000-78.out"
LINES = 2000
"""More than a page of the list, all seen at one moment, as an agent sees what a program prints in a burst."""
COLOURED = (
    b"2026-11-18 10:26:45,000\tERROR data.py:42 -- \x1b[31mbad row\x1b[0m <b>17</b>\n2026-11-18 10:26:46,000\tWARNING data.py:43 -- slow disk\nplain words\n"
)


@pytest.fixture(scope="module")
def printed(serve: Callable[[], Served]) -> Served:
    """A server with a session whose worker has printed; `preprocess` (task 14) printed the lines 100 to 199."""
    server = serve()
    server.record(ended_session())
    text = numbered(LINES)
    first, last = text.index(b"line 100 "), text.index(b"line 200 ")
    marks = f"v1 {OUT} {ERR}\no {first} {last} {task_id(14).hex()} 0\n".encode()
    seen = {"observed_ns": at(5)}
    server.ship(chunk(f"rayscope/marks-{WORKER}-77.log", 0, marks, **seen), chunk(OUT, 0, text, **seen), chunk(ERR, 0, COLOURED, **seen))
    server.ship(chunk(RAYLET, 0, b"[2026-11-18 10:26:44,000 I 7 7] (raylet) main.cc:1: the raylet started\n", **seen))
    return server


def logs(served: Served, rest: str = "") -> str:
    """The address of the Logs page."""
    return f"{served.url}/s/{ENDED}/logs{rest}"


def texts(tab: Page) -> list[str]:
    """The texts of the lines that are shown."""
    return tab.locator("[role=log] .text").all_text_contents()


def test_words_and_patterns_find_lines(printed: Served, visit: Visits) -> None:
    """The address has the search; the words are marked; nothing found says so; a pattern that is none says what is wrong."""
    visit.forgiven += ["400"]
    tab = visit(logs(printed))
    expect(tab.locator("[role=log] .line")).to_have_count(300)
    tab.keyboard.press("/")
    tab.keyboard.type("row 17")
    tab.keyboard.press("Enter")
    expect(tab.locator("[role=log] .line")).to_have_count(1)
    assert "q=row+17" in tab.url
    search = tab.locator("[data-filter]")
    search.fill("/line 1[0-9]7 /")
    search.press("Enter")
    expect(tab.locator("[role=log] .line")).to_have_count(10)
    search.fill("such a line is nowhere")
    search.press("Enter")
    expect(tab.locator("main")).to_contain_text("No line fits")
    search.fill("/(/")
    search.press("Enter")
    expect(tab.get_by_role("alert")).to_be_visible()
    search.fill("slow disk")
    search.press("Enter")
    expect(tab.locator("mark")).to_have_text("slow disk")


@pytest.mark.parametrize(
    ("name", "value", "count"),
    [
        ("level", "ERROR", 1),
        ("source", "raylet", 1),
        ("stream", "err", 3),
        ("task", task_id(14).hex(), 100),
        ("worker", WORKER, 300),
        ("node", node_id(1).hex(), 300),
    ],
)
def test_facets_narrow(printed: Served, visit: Visits, name: str, value: str, count: int) -> None:
    """A facet's value is a click, and is undone by the next; the address has it."""
    tab = visit(logs(printed, "?q=raylet+OR+words+OR+row+OR+disk" if name in {"level", "source"} else f"?{name}={value}"))
    facet = tab.get_by_label("narrow by").locator(f"button[title='{value}']")
    if name in {"level", "source"}:
        facet.click()
    expect(tab).to_have_url(re.compile(f"{name}={value}"))
    expect(facet).to_have_attribute("aria-pressed", "true")
    expect(tab.locator("[role=log] .line")).to_have_count(count)
    facet.click()
    expect(tab).not_to_have_url(re.compile(f"{name}="))
    expect(tab.locator("[role=log] .line")).to_have_count(4 if name in {"level", "source"} else 300)


def test_a_line_of_a_task_names_it(printed: Served, visit: Visits) -> None:
    """Where it is certain who printed it."""
    tab = visit(logs(printed, "?q=/line+150+/"))
    tab.locator("[role=log] .line").get_by_role("link", name="preprocess").click()
    expect(tab).to_have_url(re.compile(f"/tasks/{task_id(14).hex()}"))


def test_the_link_of_a_line_opens_exactly_it(printed: Served, visit: Visits) -> None:
    """In a browser that knows nothing: that line, marked and in view, between its neighbours; then more of them, then its whole file."""
    tab = visit(logs(printed, "?q=/line+700+/"))
    link = tab.locator("[role=log] .line a.time").get_attribute("href")
    assert link
    assert re.search(r"\?line=\d+%3A\d+$", link)
    other = visit(printed.url + link, width=1024)
    wanted = other.locator(".line.wanted")
    expect(wanted).to_have_count(1)
    expect(wanted.locator(".text")).to_have_text("line 700 of the log")
    expect(wanted).to_be_in_viewport()
    assert texts(other) == [f"line {number} of the log" for number in range(600, 801)]
    expect(other.locator("main")).to_contain_text(f"of {OUT}, and 200 lines around it")
    other.get_by_role("button", name="More around it").click()
    expect(other.locator("[role=log] .line")).to_have_count(601)
    expect(wanted).to_be_in_viewport()
    other.get_by_role("button", name="The whole file").click()
    expect(other.locator("[role=log] .line")).to_have_count(300)
    expect(wanted).to_have_count(0)


def test_a_link_to_no_line_says_so(printed: Served, visit: Visits) -> None:
    """In the server's words; all lines are one click away."""
    visit.forgiven += ["404"]
    tab = visit(logs(printed, "?line=1:3"))
    expect(tab.get_by_role("alert")).to_contain_text("no line begins at byte 3")
    tab.get_by_role("button", name="All lines").click()
    expect(tab.locator("[role=log] .line")).to_have_count(300)
    tab.goto(logs(printed, "?line=nonsense"))
    expect(tab.get_by_role("alert")).to_be_visible()


def test_following_shows_what_arrives(served: Served, visit: Visits) -> None:
    """At the end of the list by itself; away from the end under a button."""
    served.ship(chunk(LATE, 0, numbered(400)))
    tab = visit(logs(served))
    expect(tab.locator("[role=log] .line")).to_have_count(300)
    tab.get_by_role("button", name="Follow").click()
    expect(tab.locator("main")).to_contain_text("; following")
    served.ship(chunk(LATE, len(numbered(400)), b"a new one\n"))
    newest = tab.locator("[role=log] .line", has_text="a new one")
    expect(newest).to_be_in_viewport()
    tab.get_by_role("log").evaluate("list => { list.scrollTop = 0; }")
    expect(newest).not_to_be_in_viewport()
    served.ship(chunk(LATE, len(numbered(400)) + 10, b"and another\n"))
    tab.get_by_role("button", name="1 new line").click()
    expect(tab.locator("[role=log] .line", has_text="and another")).to_be_in_viewport()


def test_terminal_colours_and_markup(printed: Served, visit: Visits) -> None:
    """Colours stay; HTML is text."""
    tab = visit(logs(printed, "?stream=err"))
    expect(tab.locator("[role=log] .ansi1")).to_have_text("bad row")
    assert "bad row <b>17</b>" in texts(tab)[0]
    assert "\x1b" not in "".join(texts(tab))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("rest", ["", "?stream=err", "?q=/line+700+/", "?line=PLACE"])
def test_lines_are_accessible(printed: Served, visit: Visits, rest: str, scheme: str) -> None:
    """WCAG 2.1 AA as far as axe can tell, in both themes."""
    tab = visit(logs(printed, rest.replace("PLACE", "2:0")), color_scheme=scheme, bypass_csp=True)
    expect(tab.locator("[role=log] .line").first).to_be_visible()
    assert violations(tab) == []


@pytest.mark.parametrize("width", [800, 1024, 1280])
def test_the_text_has_most_of_the_width(printed: Served, visit: Visits, width: int) -> None:
    """Narrow windows fold the facets, which a button shows; the page never scrolls sideways."""
    tab = visit(logs(printed), width=width)
    line = tab.locator("[role=log] .text").first
    expect(line).to_be_visible()
    box = line.evaluate("text => { const box = text.parentElement.getBoundingClientRect(); return box.right - text.getBoundingClientRect().left; }")
    assert box > 0.4 * width
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    fold = tab.get_by_role("button", name="Narrow by")
    expect(fold).to_be_visible(visible=width <= 1180)
    if width <= 1180:
        expect(tab.get_by_label("narrow by", exact=True)).to_be_hidden()
        fold.click()
        tab.get_by_label("narrow by", exact=True).locator("button[title='out']").click()
        expect(tab.get_by_role("button", name="Narrow by (1)")).to_be_visible()
