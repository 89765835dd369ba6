"""The frame: navigation, keys, search, time, themes, tokens, and a server that goes and comes back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from browser.histories import ENDED, LIVE, live_session, of, running_task
from rayscope.server.lifecycle import start_background, stop
from support.events import at
from support.ids import task_id

if TYPE_CHECKING:
    from browser.conftest import Served, Visits


def test_every_page_by_the_sidebar_and_back(recorded: Served, visit: Visits) -> None:
    """Each entry leads to its page; the browser's back undoes each step."""
    tab = visit(f"{recorded.url}/s/{ENDED}")
    names = tab.locator(".sidebar li a").all()
    visited = [tab.url]
    for link in names[1:]:
        link.click()
        expect(link).to_have_attribute("aria-current", "page")
        expect(tab.locator("main h1")).to_be_visible()
        if tab.url != visited[-1]:
            visited.append(tab.url)
    assert len(visited) >= 13
    for url in reversed(visited[:-1]):
        tab.go_back()
        expect(tab).to_have_url(url)


def test_keys_lead_everywhere_and_help_lists_them(recorded: Served, visit: Visits) -> None:
    """`g t` goes to the tasks, `?` lists all, Esc closes."""
    tab = visit(f"{recorded.url}/s/{ENDED}")
    expect(tab.locator("main h1")).to_be_visible()
    tab.keyboard.press("g")
    tab.keyboard.press("t")
    expect(tab).to_have_url(f"{recorded.url}/s/{ENDED}/tasks")
    tab.keyboard.press("?")
    dialog = tab.get_by_role("dialog", name="Keyboard")
    expect(dialog).to_contain_text("search, jump, act")
    tab.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    tab.keyboard.press("/")
    expect(tab.locator("[data-filter]")).to_be_focused()
    tab.keyboard.press("Escape")
    tab.keyboard.press("g")
    tab.keyboard.press("f")
    expect(tab.locator("main h1")).to_have_text("Fleet")


def test_palette_finds_by_name_id_and_error(recorded: Served, visit: Visits) -> None:
    """Mod+K: a function, a task by its id, a page; Enter opens."""
    tab = visit(f"{recorded.url}/s/{ENDED}")
    expect(tab.locator("main h1")).to_be_visible()
    tab.keyboard.press("Control+k")
    box = tab.get_by_role("combobox", name="search or jump")
    box.fill(task_id(10).hex())
    expect(tab.get_by_role("option", name=re.compile("preprocess")).first).to_be_visible()
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile(f"/tasks/{task_id(10).hex()}"))
    tab.keyboard.press("Control+k")
    box.fill("call graph")
    tab.get_by_role("option", name=re.compile("Call graph")).first.click()
    expect(tab.locator("main h1")).to_have_text("Call graph")


def test_as_of_a_time_shows_the_past(recorded: Served, visit: Visits) -> None:
    """At six seconds the third attempt has just begun, and nothing after it exists."""
    tab = visit(f"{recorded.url}/s/{ENDED}/tasks?at={at(5.5)}&q=name%3Dpreprocess%20attempt_number%3D2")
    expect(tab.locator(".band")).to_contain_text("As of")
    expect(tab.locator("tbody tr")).to_contain_text("RUNNING")
    tab.get_by_role("button", name="Back to now").click()
    expect(tab.locator("tbody tr")).to_contain_text("FINISHED")
    assert "at=" not in tab.url


def test_the_time_menu_sets_a_range(recorded: Served, visit: Visits) -> None:
    """A typed range bounds the listing, and links take it along; what is no time is told."""
    tab = visit(f"{recorded.url}/s/{ENDED}/tasks?q=name%3Dload")
    expect(tab.locator("tbody tr")).to_have_count(4)
    tab.get_by_role("button", name=re.compile("^time:")).click()
    tab.get_by_label("From").fill("yesterday-ish")
    tab.get_by_role("button", name="Apply").click()
    expect(tab.locator(".panel form")).to_contain_text("is no time")
    tab.get_by_label("From").fill("2026-11-18T11:06:50")
    tab.get_by_role("button", name="Apply").click()
    expect(tab.locator("main")).to_contain_text("None of")
    tab.locator(".sidebar").get_by_role("link", name="Timeline").click()
    expect(tab).to_have_url(re.compile("since=2026-11-18T11%3A06%3A50"))


def test_the_session_switcher_keeps_the_page(recorded: Served, visit: Visits) -> None:
    """Another session, the same page."""
    tab = visit(f"{recorded.url}/s/{ENDED}/tasks")
    tab.get_by_role("button", name=re.compile("^session:")).click()
    tab.get_by_role("searchbox", name="find a session").fill(LIVE)
    tab.locator(".panel a.item", has_text="11-18 11:00:00").click()
    expect(tab).to_have_url(f"{recorded.url}/s/{LIVE}/tasks")
    expect(tab.locator("tbody tr")).to_have_count(2)


def test_theme_is_kept(recorded: Served, visit: Visits) -> None:
    """The switch goes from the system's to light to dark, and the next visit remembers."""
    tab = visit(recorded.url, color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    button = tab.get_by_role("button", name=re.compile("^theme:"))
    light = tab.evaluate(ground)
    button.click()
    button.click()
    expect(button).to_have_attribute("aria-label", "theme: dark")
    dark = tab.evaluate(ground)
    assert dark != light
    tab.reload()
    expect(button).to_have_attribute("aria-label", "theme: dark")
    assert tab.evaluate(ground) == dark


def test_an_empty_server_teaches(served: Served, visit: Visits) -> None:
    """Nothing recorded: the page says how to get something, and shows it when it comes."""
    tab = visit(served.url)
    expect(tab.locator("main")).to_contain_text("Nothing is recorded yet")
    expect(tab.locator("main")).to_contain_text("rayscope demo")
    served.record(live_session())
    expect(tab.locator("main")).to_contain_text("1 session of 1 cluster")


def test_a_live_session_changes_in_place(served: Served, visit: Visits) -> None:
    """New counts come by themselves and take the focus from nobody."""
    served.record(live_session())
    tab = visit(f"{served.url}/s/{LIVE}/tasks?q=state%3DRUNNING")
    expect(tab.locator("tbody tr")).to_have_count(1)
    expect(tab.locator(".topbar")).to_contain_text("live")
    link = tab.locator("tbody a.primary").first
    link.focus()
    served.record(of(LIVE, running_task(2)))
    expect(tab.locator(".pagehead .counts")).to_contain_text("2 running")
    expect(link).to_be_focused()


def test_a_server_that_goes_comes_back_without_reload(served: Served, visit: Visits) -> None:
    """The rows stay, a band says since when, and all goes on by itself."""
    visit.forgiven += ["ERR_CONNECTION", "Failed to load resource", "ERR_INCOMPLETE", "ERR_EMPTY"]
    served.record(live_session())
    tab = visit(f"{served.url}/s/{LIVE}/tasks")
    expect(tab.locator("tbody tr")).to_have_count(2)
    served.stop()
    expect(tab.locator(".band")).to_contain_text("The server is away since")
    expect(tab.locator("tbody tr")).to_have_count(2)
    served.start()
    expect(tab.locator(".band")).to_have_count(0)
    served.record(of(LIVE, running_task(3)))
    expect(tab.locator("nav.pages")).to_contain_text("of 3")


def test_a_server_off_loopback_asks_for_its_token(visit: Visits, tmp_path: Path) -> None:
    """A form asks for it, says when it is wrong, and lets in with the right one."""
    visit.forgiven += ["401"]
    data = tmp_path / "data"
    info = start_background(data, host="0.0.0.0", port=0)
    try:
        tab = visit(f"http://127.0.0.1:{info.port}/")
        tab.get_by_label("This server asks for its token").fill("wrong")
        tab.get_by_role("button", name="Open").click()
        expect(tab.get_by_role("alert")).to_contain_text("not the token")
        tab.get_by_label("This server asks for its token").fill((data / "token").read_text().strip())
        tab.get_by_role("button", name="Open").click()
        expect(tab.locator("main h1")).to_have_text("Fleet")
        assert "token" not in tab.url
    finally:
        stop(data)
