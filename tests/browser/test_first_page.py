"""The page at `/`, in a browser, against a real server: what it says, where it leads, and what it does when things change or break."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from rayscope.model.report import RunReport
from support import events
from support.events import Event, at
from support.ids import actor_id, constructor_id, task_id

if TYPE_CHECKING:
    from browser.conftest import Served

Visit = Callable[..., Page]

LATER_MS = 60_000
"""Put the page's clock forward by this much, and it has asked again if it ever does."""

_STATIC = resources.files("rayscope.server") / "static"

ENDED = "session_2026-11-18_10-26-40_000000_4242"
LIVE = "session_2026-11-18_11-00-00_000000_4243"
HOSTILE = "<img src=x onerror=alert(1)>"
"""A name that must stay a name."""

RUN = RunReport(
    session=ENDED, command="python train.py", ray_version="2.60.0", started_ns=at(0), ended_ns=at(31), cluster_ended=True, exit_code=1, undrained=7, dropped=0
)


def ended_session() -> list[Event]:
    """4 `load` that finished, 6 `preprocess` of which 2 failed and 1 was tried three times, one actor that died, on one node."""
    told = [events.node_definition(1, session=ENDED), events.node_alive(1, at(0), head=True, session=ENDED)]
    told += [events.job_definition(1, session=ENDED), events.job_lifecycle(1, {"CREATED": at(0), "FINISHED": at(30)}, session=ENDED)]
    for number in range(4):
        told += events.whole_task(task_id(number), name="load", start=at(1), end=at(2), session=ENDED)
    for number in range(10, 16):
        tries = 3 if number == 10 else 1
        for attempt in range(tries):
            state = "FAILED" if number in {14, 15} or attempt < tries - 1 else "FINISHED"
            start, end = at(3 + attempt), at(4 + attempt)
            told += events.whole_task(task_id(number), name="preprocess", attempt=attempt, start=start, end=end, state=state, session=ENDED)
    told += events.whole_task(task_id(30), name=HOSTILE, start=at(5), end=at(6), session=ENDED)
    return told + _dead_actor()


def _dead_actor() -> list[Event]:
    actor = actor_id(1)
    lived = [events.actor_transition("ALIVE", at(1), worker=2, pid=77), events.actor_death(at(9))]
    return [
        events.actor_definition(actor, class_name="Counter", session=ENDED),
        events.constructor_definition(constructor_id(1), class_name="Counter", session=ENDED),
        events.task_lifecycle(constructor_id(1), {"RUNNING": at(0.5), "FINISHED": at(1)}, session=ENDED),
        events.actor_lifecycle(actor, lived, session=ENDED),
    ]


def live_session(session: str = LIVE) -> list[Event]:
    """A job with one task that runs and one that waits."""
    told = [
        events.node_definition(1),
        events.node_alive(1, at(2000), head=True),
        events.job_definition(1),
        events.job_lifecycle(1, {"CREATED": at(2000)}),
        *running_task(1),
        events.task_definition(task_id(2), name="slow"),
        events.task_lifecycle(task_id(2), {"PENDING_NODE_ASSIGNMENT": at(2001)}),
    ]
    return of(session, told)


def running_task(number: int) -> list[Event]:
    """A task that runs."""
    return [events.task_definition(task_id(number), name="slow"), events.task_lifecycle(task_id(number), {"RUNNING": at(2001)}, worker=1, node=1)]


def of(session: str, told: list[Event]) -> list[Event]:
    """The same events, of a session that began later than the ended one."""
    return [event | {"sessionName": session, "timestamp": events.stamp(at(2000))} for event in told]


@pytest.fixture(scope="module")
def recorded(serve: Callable[[], Served]) -> Served:
    """A server with one session that ended and one that lives; tests that share it change nothing."""
    server = serve()
    server.record(ended_session())
    server.report(RUN)
    server.record(live_session())
    return server


@pytest.fixture(scope="module")
def changing(serve: Callable[[], Served]) -> Served:
    """A server to which tests add sessions of their own."""
    return serve()


def row(tab: Page, section: str, name: str) -> list[str]:
    """The texts of one row's cells."""
    return tab.locator(f"#{section} tbody tr", has_text=name).first.locator("td").all_inner_texts()


def shows_session(tab: Page, session: str) -> None:
    """Wait for the view of a session."""
    expect(tab).to_have_url(re.compile(f"/s/{session}$"))
    expect(tab.locator("#nodes tbody tr")).to_have_count(1)


def shows_list(tab: Page, sessions: int) -> None:
    """Wait for the view of all sessions."""
    expect(tab).to_have_url(re.compile(r"//[^/]+/$"))
    expect(tab.locator("#sessions tbody tr")).to_have_count(sessions)


def test_list_counts_each_session(recorded: Served, visit: Visit) -> None:
    """A row says what lives, what ended, and how much is in it."""
    tab = visit(recorded.url)
    shows_list(tab, 2)
    ended, live = row(tab, "sessions", ENDED), row(tab, "sessions", LIVE)
    assert (ended[0], ended[1], ended[3], ended[5:]) == ("ENDED", ENDED, "python train.py", ["31 s", "1", "1", "1", "12", "2"])
    assert (live[0], live[6:]) == ("LIVE", ["1", "1", "0", "2", "0"])
    expect(tab.locator("#sessions .head")).to_contain_text("2 sessions: 1 live, 1 ended, 1 with failed tasks")
    expect(tab.locator("#health")).to_contain_text("ok · 2 sessions")
    expect(tab.locator("#sessions .end code")).to_have_text("rayscope list sessions")


def test_click_opens_session_and_back_returns(recorded: Served, visit: Visit) -> None:
    """The address is the state: a click pushes it, the browser's back undoes it."""
    tab = visit(recorded.url)
    tab.get_by_role("link", name=ENDED).click()
    shows_session(tab, ENDED)
    tab.go_back()
    shows_list(tab, 2)
    tab.go_forward()
    shows_session(tab, ENDED)


def test_click_anywhere_in_a_row_opens_it(recorded: Served, visit: Visit) -> None:
    """The whole row is the target, not only its name."""
    tab = visit(recorded.url)
    tab.locator("#sessions tbody tr", has_text=LIVE).locator("td").nth(5).click()
    shows_session(tab, LIVE)


def test_session_view_counts_by_state(recorded: Served, visit: Visit) -> None:
    """A deep link shows the one-line answer, and below it the counts that it was computed from."""
    tab = visit(f"{recorded.url}/s/{ENDED}")
    shows_session(tab, ENDED)
    answer = "ENDED after 31 s · exit code 1 · 12 tasks: 10 finished, 2 failed, 2 retries"
    expect(tab.locator("h1")).to_have_text(re.compile(f"{re.escape(answer)}$"))
    counts = tab.locator("#tasks tbody tr", has_text="preprocess").locator(".counts")
    assert counts.locator("> span").all_inner_texts() == ["4", "2", "2"]
    assert row(tab, "tasks", "load")[3:] == ["4", "997 ms", "997 ms"]
    assert [mark.get_attribute("aria-label") for mark in counts.locator(".mark").all()] == ["finished", "failed", "retries"]
    assert row(tab, "actors", "Counter")[2:] == ["1 DEAD", "1", "0"]
    assert row(tab, "nodes", "10.0.0.1")[0] == "DEAD"
    assert row(tab, "jobs", "python app.py")[1] == "01000000"


def test_session_view_says_why_and_what_is_missing(recorded: Served, visit: Visit) -> None:
    """Why it ended, how many events never came, what failed with which error, and the command for a terminal."""
    tab = visit(f"{recorded.url}/s/{ENDED}")
    shows_session(tab, ENDED)
    expect(tab.locator("#head")).to_contain_text("the cluster ended with the program that started it")
    expect(tab.locator("#head")).to_contain_text("7 events lost with the cluster")
    expect(tab.locator("#failures .head")).to_contain_text("Failed attempts4")
    expect(tab.locator("#failures tbody")).to_contain_text("ValueError: no")
    expect(tab.locator("#tasks .end code")).to_have_text(f"rayscope summary tasks --session {ENDED}")


def test_names_are_text(recorded: Served, visit: Visit) -> None:
    """A task's name that is HTML is shown, not obeyed."""
    tab = visit(f"{recorded.url}/s/{ENDED}")
    shows_session(tab, ENDED)
    assert row(tab, "tasks", "onerror")[0] == HOSTILE
    assert tab.locator("main img").count() == 0
    assert "innerHTML" not in (_STATIC / "page.js").read_text()


def test_keyboard_goes_everywhere(recorded: Served, visit: Visit) -> None:
    """The rows are walked with j and k, Enter opens, Esc goes back to the row that was left, ? helps."""
    tab = visit(recorded.url)
    shows_list(tab, 2)
    tab.keyboard.press("j")
    expect(tab.get_by_role("link", name=LIVE)).to_be_focused()
    tab.keyboard.press("j")
    expect(tab.get_by_role("link", name=ENDED)).to_be_focused()
    tab.keyboard.press("Enter")
    shows_session(tab, ENDED)
    tab.keyboard.press("Escape")
    shows_list(tab, 2)
    expect(tab.get_by_role("link", name=ENDED)).to_be_focused()
    tab.keyboard.press("k")
    expect(tab.get_by_role("link", name=LIVE)).to_be_focused()
    tab.keyboard.press("?")
    expect(tab.locator("#help")).to_be_visible()
    tab.keyboard.press("Escape")
    expect(tab.locator("#help")).to_be_hidden()
    shows_list(tab, 2)


def test_esc_leaves_a_deep_link_for_the_list(recorded: Served, visit: Visit) -> None:
    """Where nothing is behind, back means up."""
    tab = visit(f"{recorded.url}/s/{LIVE}")
    shows_session(tab, LIVE)
    tab.keyboard.press("Escape")
    shows_list(tab, 2)


def test_theme_is_kept(recorded: Served, visit: Visit) -> None:
    """The switch goes from the system's to light to dark, and the next visit remembers."""
    tab = visit(recorded.url, color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = tab.evaluate(ground)
    tab.locator("#theme").click()
    tab.locator("#theme").click()
    expect(tab.locator("#theme")).to_have_text("Theme: dark")
    dark = tab.evaluate(ground)
    assert dark != light
    tab.reload()
    expect(tab.locator("#theme")).to_have_text("Theme: dark")
    assert tab.evaluate(ground) == dark


CONTRAST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const luminance = (color) => {
    canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => v / 255).map((v) => (v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ground = luminance(getComputedStyle(document.body).backgroundColor);
  const spoken = [...document.querySelectorAll("body *")].filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return spoken.filter((element) => element.getClientRects().length).map((element) => {
    const [low, high] = [ground, luminance(getComputedStyle(element).color)].sort((a, b) => a - b);
    return [element.textContent.slice(0, 40), (high + .05) / (low + .05)];
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(recorded: Served, visit: Visit, scheme: str) -> None:
    """Every text of both views reaches WCAG's AA (4.5) on the page's ground."""
    tab = visit(recorded.url, color_scheme=scheme)
    shows_list(tab, 2)
    measured = tab.evaluate(CONTRAST)
    for session in (LIVE, ENDED):
        tab.goto(f"{recorded.url}/s/{session}")
        shows_session(tab, session)
        measured += tab.evaluate(CONTRAST)
    assert len(measured) > 100
    assert [(text, ratio) for text, ratio in measured if ratio < 4.5] == []


def test_copies_an_id(recorded: Served, visit: Visit) -> None:
    """One click beside an id puts the whole of it into the clipboard."""
    tab = visit(f"{recorded.url}/s/{ENDED}", permissions=["clipboard-read", "clipboard-write"])
    shows_session(tab, ENDED)
    node = tab.locator("#nodes tbody tr")
    node.hover()
    node.locator("button.copy").click()
    expect(tab.locator("#said")).to_have_text("copied")
    assert tab.evaluate("navigator.clipboard.readText()") == node.locator("a").get_attribute("title")


def test_unknown_session(recorded: Served, visit: Visit) -> None:
    """The server's own words stand where the session would."""
    tab = visit(f"{recorded.url}/s/session_of_nobody")
    expect(tab.locator("h1")).to_contain_text("no session 'session_of_nobody'")


def test_ended_session_is_asked_once(recorded: Served, visit: Visit) -> None:
    """What has ended is not polled; the list is, but not in a hidden tab."""
    tab = visit("about:blank", clock=True)
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url) if "/api/" in request.url else None)
    tab.goto(f"{recorded.url}/s/{ENDED}")
    shows_session(tab, ENDED)
    known = len(asked)
    tab.clock.run_for(LATER_MS)
    assert len(asked) == known
    tab.locator("#trail a").first.click()
    shows_list(tab, 2)
    with tab.expect_response(re.compile("/api/v1/sessions")):
        tab.clock.run_for(LATER_MS)
    tab.evaluate("Object.defineProperty(document, 'hidden', { value: true }); document.dispatchEvent(new Event('visibilitychange'))")
    known = len(asked)
    tab.clock.run_for(LATER_MS)
    assert len(asked) == known


def test_empty_server_teaches(served: Served, visit: Visit) -> None:
    """Nothing recorded: the page says how to get something, and shows it when it comes."""
    tab = visit(served.url, clock=True)
    expect(tab.locator("h1")).to_have_text("Nothing is recorded yet")
    assert tab.locator(".lesson code").all_inner_texts() == ["uv run rayscope run script.py", "uv run rayscope demo"]
    served.record(live_session())
    tab.clock.run_for(LATER_MS)
    shows_list(tab, 1)


def test_live_session_changes_in_place(changing: Served, visit: Visit) -> None:
    """New counts come by themselves and take neither the focus nor the row away."""
    changing.record(live_session("session_that_goes_on"))
    tab = visit(f"{changing.url}/s/session_that_goes_on", clock=True)
    shows_session(tab, "session_that_goes_on")
    expect(tab.locator("h1")).to_contain_text("2 tasks: 1 running, 1 waiting")
    link = tab.locator("#tasks tbody a").first
    link.focus()
    changing.record(of("session_that_goes_on", [*running_task(2), *running_task(3)]))
    tab.clock.run_for(LATER_MS)
    expect(tab.locator("h1")).to_contain_text("3 tasks: 3 running")
    expect(link).to_be_focused()


def test_new_session_waits_while_the_list_is_read(changing: Served, visit: Visit) -> None:
    """A row under the pointer or the focus does not move; a button brings the new ones."""
    changing.record(live_session("session_that_is_read"))
    tab = visit(changing.url, clock=True)
    tab.get_by_role("link", name="session_that_is_read").focus()
    rows = tab.locator("#sessions tbody tr").count()
    changing.record(live_session("session_that_is_new"))
    tab.clock.run_for(LATER_MS)
    button = tab.get_by_role("button", name="1 new")
    expect(button).to_be_visible()
    shows_list(tab, rows)
    button.click()
    shows_list(tab, rows + 1)


def test_server_away_keeps_what_is_known(served: Served, visit: Visit) -> None:
    """The server stops: one line says since when, the rows stay, and all is well when it is back."""
    served.record(live_session())
    tab = visit(served.url, clock=True)
    shows_list(tab, 1)
    served.stop()
    tab.clock.run_for(LATER_MS)
    expect(tab.locator("#health")).to_contain_text(re.compile(r"server away since \d\d:\d\d:\d\d UTC.* · shown: as known at \d\d:\d\d:\d\d UTC"))
    shows_list(tab, 1)
    served.start()
    tab.clock.run_for(LATER_MS)
    expect(tab.locator("#health")).to_contain_text("ok · 1 session")


def test_first_page_is_small() -> None:
    """It is no bundle: three files, no more than 30 KiB."""
    sizes = {path.name: len(path.read_bytes()) for path in _STATIC.iterdir()}
    assert set(sizes) == {"index.html", "page.css", "page.js"}
    assert sum(sizes.values()) <= 30 * 1024
