"""The timeline, the call graph, the SQL console."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import Page, expect

from browser.histories import ENDED

if TYPE_CHECKING:
    from browser.conftest import Served, Visits


def colours(tab: Page) -> int:
    """How many colours the canvas shows: of an empty one there are two or three."""
    return tab.locator("canvas").evaluate(
        """canvas => { const { width, height } = canvas, data = canvas.getContext('2d').getImageData(0, 0, width, height).data, found = new Set();
        for (let i = 0; i < data.length; i += 16) found.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]); return found.size; }"""
    )


def test_timeline_draws_zooms_and_keeps_it_in_the_address(recorded: Served, visit: Visits) -> None:
    """Wheel and keys zoom and pan; a reload shows the same window; 0 shows all."""
    tab = visit(f"{recorded.url}/s/{ENDED}/timeline")
    canvas = tab.locator("canvas")
    expect(canvas).to_have_attribute("aria-label", re.compile("timeline of 244 attempts, 4 failed"))
    assert colours(tab) > 8
    canvas.hover(position={"x": 600, "y": 60})
    tab.mouse.wheel(0, -400)
    expect(tab).to_have_url(re.compile(r"v=\d+-\d+"))
    tab.keyboard.press("d")
    tab.keyboard.press("w")
    zoomed = tab.url
    tab.reload()
    expect(tab.locator(".status")).to_contain_text("shown")
    assert re.search(r"v=\d+-\d+", zoomed)
    tab.keyboard.press("0")
    expect(tab).not_to_have_url(re.compile("v="))


def test_timeline_selects_measures_and_lists(recorded: Served, visit: Visits) -> None:
    """A click on a slice shows its task; a dragged range its statistics; the list says the same in words."""
    tab = visit(f"{recorded.url}/s/{ENDED}/timeline?group=function")
    expect(tab.locator("canvas")).to_have_attribute("aria-label", re.compile("244 attempts"))
    box = tab.locator("canvas").bounding_box()
    assert box
    tab.keyboard.down("Shift")
    tab.mouse.move(box["x"] + 240, box["y"] + 40)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] - 10, box["y"] + 60, steps=5)
    tab.mouse.up()
    tab.keyboard.up("Shift")
    expect(tab.locator(".stats")).to_contain_text("preprocess")
    tab.get_by_role("button", name="Close").click()
    tab.get_by_text("What is drawn, as a list").click()
    rows = tab.get_by_role("table", name=re.compile("what is drawn")).locator("tbody tr")
    expect(rows.first).to_contain_text("preprocess")
    expect(rows.first.locator(".failed")).to_be_visible()


def test_call_graph_leads_to_tasks(recorded: Served, visit: Visits) -> None:
    """A node is chosen by a click, and leads to its tasks."""
    tab = visit(f"{recorded.url}/s/{ENDED}/graph")
    tab.locator("g.node", has_text="preprocess").click()
    about = tab.get_by_label("the chosen node")
    expect(about).to_contain_text("6 tasks")
    about.get_by_role("link", name="6 tasks").click()
    expect(tab.locator("tbody tr")).to_have_count(8)


def test_sql_answers_draws_and_explains_errors(recorded: Served, visit: Visits) -> None:
    """A question by its address runs; a chart of it; an error says where."""
    visit.forgiven += ["400"]
    tab = visit(f"{recorded.url}/s/{ENDED}/sql?sql=SELECT name, count(*) AS n FROM tasks GROUP BY ALL ORDER BY n DESC")
    result = tab.get_by_role("table", name="result", exact=True)
    expect(result.locator("tbody tr").first).to_contain_text("short")
    tab.get_by_role("button", name="Chart").click()
    expect(tab.get_by_role("table", name="chart of the result")).to_contain_text("230")
    editor = tab.get_by_role("textbox", name="SQL")
    editor.click()
    tab.keyboard.press("Control+a")
    tab.keyboard.type("SELECT nothing FROM tasks")
    tab.keyboard.press("Control+Enter")
    expect(tab.get_by_role("alert")).to_contain_text("nothing")
