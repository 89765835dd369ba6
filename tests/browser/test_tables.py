"""Tables: filter, sort, page, choose, copy, all of it in the address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import Page, expect

from browser.histories import ENDED

if TYPE_CHECKING:
    from browser.conftest import Served, Visits


def tasks(served: Served, query: str = "") -> str:
    return f"{served.url}/s/{ENDED}/tasks{query}"


def filter_by(tab: Page, text: str) -> None:
    tab.locator("[data-filter]").fill(text)
    tab.locator("[data-filter]").press("Enter")


def test_filter_is_text_and_in_the_address(recorded: Served, visit: Visits) -> None:
    """Typed, it narrows; reloaded, it is still there; clicked, a value joins it."""
    tab = visit(tasks(recorded))
    filter_by(tab, "state=FAILED")
    expect(tab.locator("tbody tr")).to_have_count(4)
    expect(tab).to_have_url(re.compile(r"q=state%3DFAILED"))
    tab.reload()
    expect(tab.locator("tbody tr")).to_have_count(4)
    tab.locator("tbody tr").first.locator("button.value", has_text="TASK_EXECUTION").click()
    expect(tab.locator("[data-filter]")).to_have_value("state=FAILED error_type=TASK_EXECUTION_EXCEPTION")
    filter_by(tab, "preproc")
    expect(tab.locator("tbody tr")).to_have_count(8)


def test_filter_completes_columns_and_values(recorded: Served, visit: Visits) -> None:
    """Columns with what they mean, then values with how many rows have them."""
    tab = visit(tasks(recorded))
    box = tab.locator("[data-filter]")
    box.press_sequentially("stat")
    expect(tab.get_by_role("option", name=re.compile("^state "))).to_be_visible()
    box.press("Tab")
    expect(box).to_have_value("state=")
    expect(tab.get_by_role("option", name=re.compile("FAILED 4"))).to_be_visible()
    tab.get_by_role("option", name=re.compile("FAILED 4")).click()
    expect(tab.locator("tbody tr")).to_have_count(4)


def test_sorting_and_paging_follow_keys(recorded: Served, visit: Visits) -> None:
    """Pages of a hundred, forward and back, in the order that was asked for; all of it in the address."""
    tab = visit(tasks(recorded, "?q=name%3Dshort&sort=creation_ns"))
    first = tab.locator("tbody tr a.primary").first
    expect(tab.locator("nav.pages")).to_contain_text("1–100 of 230")
    start = first.get_attribute("href")
    tab.get_by_role("button", name="Next").click()
    expect(tab.locator("nav.pages")).to_contain_text("101–200 of 230")
    second = tab.url
    tab.keyboard.press("n")
    expect(tab.locator("nav.pages")).to_contain_text("201–230 of 230")
    tab.keyboard.press("p")
    expect(tab.locator("nav.pages")).to_contain_text("101–200 of 230")
    tab.goto(second)
    expect(tab.locator("nav.pages")).to_contain_text("101–200 of 230")
    tab.get_by_role("button", name="First").click()
    expect(first).to_have_attribute("href", start or "")
    tab.get_by_role("button", name="duration").click()
    expect(tab.locator("th[aria-sort=descending]")).to_contain_text("duration")
    expect(tab).to_have_url(re.compile("sort=-duration_ns"))


def test_columns_are_chosen_and_kept(recorded: Served, visit: Visits) -> None:
    """A chosen column stays on this machine, and stands in the address for others."""
    tab = visit(tasks(recorded))
    tab.get_by_role("button", name="Columns").click()
    tab.get_by_role("checkbox", name=re.compile("module")).check()
    expect(tab.get_by_role("columnheader", name="module")).to_be_visible()
    tab.goto(tasks(recorded))
    expect(tab.get_by_role("columnheader", name="module")).to_be_visible()
    assert "cols=" in tab.url


def test_chosen_rows_are_copied(recorded: Served, visit: Visits) -> None:
    """What is chosen is what is copied, as CSV or JSON lines."""
    tab = visit(tasks(recorded, "?q=state%3DFAILED&cols=name,state"), permissions=["clipboard-read", "clipboard-write"])
    expect(tab.locator("tbody tr")).to_have_count(4)
    tab.keyboard.press("j")
    tab.keyboard.press("x")
    tab.keyboard.press("j")
    tab.keyboard.press("x")
    tab.get_by_role("button", name=re.compile("^take along")).click()
    tab.get_by_role("button", name="Copy as CSV").click()
    expect(tab.locator(".toast")).to_contain_text("2 rows copied")
    assert tab.evaluate("navigator.clipboard.readText()") == "name,state\r\npreprocess,FAILED\r\npreprocess,FAILED\r\n"


def test_all_rows_are_downloaded(recorded: Served, visit: Visits) -> None:
    """Every row that fits comes as a file, not only those shown."""
    tab = visit(tasks(recorded, "?q=name%3Dshort&cols=name,state"))
    expect(tab.locator("tbody tr")).to_have_count(100)
    tab.get_by_role("button", name=re.compile("^take along")).click()
    with tab.expect_download() as download:
        tab.get_by_role("link", name="Download all as CSV").click()
    assert len(download.value.path().read_text().splitlines()) == 231


def test_rows_are_walked_by_keys(recorded: Served, visit: Visits) -> None:
    """j and k move, Enter opens, Esc goes back."""
    tab = visit(tasks(recorded, "?q=name%3Dload"))
    expect(tab.locator("tbody tr")).to_have_count(4)
    tab.keyboard.press("j")
    tab.keyboard.press("j")
    tab.keyboard.press("k")
    wanted = tab.locator("tr.at a.primary").get_attribute("href") or "nothing"
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile(re.escape(wanted)))
    tab.keyboard.press("Escape")
    expect(tab.locator("tbody tr")).to_have_count(4)
