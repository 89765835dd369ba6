"""Metrics in the page: charts where they belong, what is marked on them, the explorer, its legend at 200 series, and what is said where there is nothing."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Route, expect

from browser.histories import ENDED, LIVE, RUN, ended_session, live_session
from browser.samples import SHARDS, told
from browser.test_pages import violations
from support.ids import actor_id, node_id, task_id, worker_id

if TYPE_CHECKING:
    from browser.conftest import Served, Visits

JOB = "/jobs/01000000"
RATE = "sum by (kind) (rate(ray_rows_cleaned_total[$__rate_interval]))"
PLACES = {
    "": ["CPU", "Memory", "Object store", "Tasks by state", "Actors by state", "Network", "Disk speed", "Disk"],
    f"/nodes/{node_id(1).hex()}": ["CPU", "Memory", "Processes by CPU", "Processes by memory", "Object store", "Network"],
    f"{JOB}?tab=metrics": ["CPU", "Memory", "Tasks by state"],
    f"/actors/{actor_id(1).hex()}": ["CPU", "Memory", "Threads", "Open files"],
    f"/workers/{worker_id(1).hex()}": ["CPU", "Memory", "Threads", "Open files"],
    f"/tasks/{task_id(10).hex()}": ["CPU", "Memory", "Threads", "Open files"],
    "/metrics": ["ray_batch_wait_s", "ray_queue_depth", "ray_rows_cleaned_total", "ray_shard_rows"],
}
"""Pages and the charts that they have."""


@pytest.fixture(scope="module")
def sampled(serve: Callable[[], Served]) -> Served:
    """A server with a session that has metrics, and one that has none."""
    server = serve()
    server.record(ended_session())
    server.report(RUN)
    server.record(live_session())
    server.sample(told())
    return server


def address(served: Served, rest: str = "", session: str = ENDED) -> str:
    """The address of a page of a session."""
    return f"{served.url}/s/{session}{rest}"


def explorer(served: Served, *queries: str) -> str:
    """The explorer with these queries."""
    return address(served, "/metrics?" + "&".join(f"e={quote(query)}" for query in queries))


def panel(tab: Page, title: str) -> Page:
    """The first chart of that name."""
    return tab.get_by_role("figure", name=title, exact=True).first  # type: ignore[return-value]


@pytest.mark.parametrize("rest", PLACES)
def test_pages_have_their_charts(sampled: Served, visit: Visits, rest: str) -> None:
    """Each with its figures as a table for those who do not see the canvas; what is not stored (GPUs) is not there."""
    tab = visit(address(sampled, rest))
    for title in PLACES[rest]:
        chart = tab.get_by_role("figure", name=title, exact=True).first
        chart.scroll_into_view_if_needed()
        expect(chart.locator("canvas")).to_be_visible()
        expect(chart.get_by_role("table", name=f"{title} in figures").locator("tbody tr").first).to_contain_text(re.compile(r"\d"))
    assert tab.get_by_role("figure", name="GPU").count() == 0


def test_values_have_units_and_downloads(sampled: Served, visit: Visits, tmp_path: Path) -> None:
    """Percent, bytes, bytes a second; the CSV has a row a second; the way to the explorer keeps the query."""
    tab = visit(address(sampled))
    for title, unit in (("CPU", " %"), ("Memory", " GiB"), ("Network", " MiB/s")):
        expect(tab.get_by_role("figure", name=title, exact=True).first.locator(".keys")).to_contain_text(unit)
    memory = tab.get_by_role("figure", name="Memory", exact=True).first
    memory.hover()
    with tab.expect_download() as download:
        memory.get_by_role("button", name="download Memory as CSV").click()
    download.value.save_as(tmp_path / "memory.csv")
    rows = list(csv.DictReader((tmp_path / "memory.csv").open()))
    assert rows[0].keys() == {"time", "used", "of"}
    assert next(row["of"] for row in rows if row["of"]) == str(64 * 2**30)
    memory.get_by_role("link", name="open Memory in the explorer").click()
    expect(tab.get_by_role("combobox", name="query A")).to_have_value("sum(ray_node_mem_used)")


@pytest.mark.parametrize("rest", ["", f"/nodes/{node_id(1).hex()}"])
def test_findings_stand_on_the_pages_that_they_are_about(sampled: Served, visit: Visits, rest: str) -> None:
    """In a line, with the evidence as a link to its chart, and the page that explains it."""
    tab = visit(address(sampled, rest))
    finding = tab.get_by_role("region", name="findings").locator("article").first
    expect(finding).to_contain_text("at 97% of its memory")
    expect(finding).to_contain_text("error")
    expect(finding.get_by_role("link", name=re.compile("^What this means"))).to_have_attribute("href", re.compile("docs/findings.md#node-near-oom$"))
    finding.get_by_role("link", name=re.compile("62 GiB of 64 GiB")).click()
    expect(tab.get_by_role("combobox", name="query A")).to_have_value(re.compile("ray_node_mem_used"))
    expect(tab.get_by_role("table", name="series").locator("tbody tr").first).to_contain_text("0.969")


def test_failures_are_marked_and_lead_to_the_task(sampled: Served, visit: Visits) -> None:
    """In words as a list; on the canvas with a tip under the pointer."""
    tab = visit(address(sampled))
    marks = tab.locator("details", has_text="What is marked, as a list")
    marks.locator("summary").click()
    expect(marks.locator("li").first).to_contain_text("preprocess failed")
    marks.get_by_role("link", name=re.compile("preprocess failed")).first.click()
    expect(tab.locator("main h1")).to_have_text("preprocess")


def test_a_dragged_range_is_that_of_all_charts_and_of_the_page(sampled: Served, visit: Visits) -> None:
    """It goes into the address; a double click shows all again."""
    tab = visit(explorer(sampled, "ray_node_disk_usage"))
    plot = tab.locator(".main .u-over")
    box = plot.bounding_box()
    assert box
    tab.mouse.move(box["x"] + 200, box["y"] + 80)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 400, box["y"] + 80, steps=4)
    tab.mouse.up()
    expect(tab).to_have_url(re.compile(r"since=\d{18,}&until=\d{18,}"))
    plot.dblclick(position={"x": 100, "y": 80})
    expect(tab).not_to_have_url(re.compile("since="))


def test_charts_follow_the_timeline_of_a_job(sampled: Served, visit: Visits) -> None:
    """CPU and memory stand under it, and its zoom is theirs."""
    tab = visit(address(sampled, JOB))
    cpu = tab.get_by_role("figure", name="CPU", exact=True)
    expect(cpu.locator("canvas")).to_be_visible()
    with tab.expect_request(re.compile("query_range")) as asked:
        tab.get_by_role("button", name="zoom in").click()
    assert re.search(r"step=1\b", asked.value.url)


def test_a_metric_is_picked_grouped_and_filtered(sampled: Served, visit: Visits) -> None:
    """A counter as its rate; the query is text and address all the time."""
    tab = visit(address(sampled, "/metrics"))
    tab.keyboard.press("/")
    tab.keyboard.type("cleaned")
    tab.get_by_role("button", name=re.compile("^ray_rows_cleaned_total")).click()
    query = tab.get_by_label("query A", exact=True).locator("textarea")
    expect(query).to_have_value(RATE)
    legend = tab.get_by_role("table", name="series")
    expect(legend.locator("tbody tr")).to_have_count(2)
    expect(legend).to_contain_text("train")
    expect(legend).to_contain_text("120/s")
    tab.get_by_role("button", name="+ filter").click()
    tab.get_by_label("label to filter by").select_option("kind")
    tab.get_by_label("value of kind").fill("eval")
    tab.get_by_label("value of kind").press("Enter")
    expect(query).to_have_value('sum by (kind) (rate(ray_rows_cleaned_total{kind="eval"}[$__rate_interval]))')
    expect(legend.locator("tbody tr")).to_have_count(1)
    expect(tab.locator("main")).to_contain_text("Rows that passed the checks")
    tab.reload()
    expect(legend.locator("tbody tr")).to_have_count(1)


def test_a_histogram_shows_its_quantiles(sampled: Served, visit: Visits) -> None:
    """Three lines without a word typed."""
    tab = visit(address(sampled, "/metrics?find=batch_wait"))
    tab.get_by_role("button", name=re.compile("^ray_batch_wait_s")).click()
    expect(tab.get_by_role("table", name="series").locator("tbody tr")).to_have_count(3)
    expect(tab.get_by_role("table", name="series")).to_contain_text("0.99")


def test_two_hundred_series_have_a_legend_that_works(sampled: Served, visit: Visits) -> None:
    """Only rows in sight are there; it sorts, filters, and shows one line alone, which is in the address."""
    tab = visit(explorer(sampled, "ray_shard_rows"))
    legend = tab.get_by_role("table", name="series")
    expect(legend).to_have_attribute("aria-rowcount", str(SHARDS + 1))
    assert legend.locator("tbody tr").count() < 60
    expect(legend.locator("tbody tr button").first).to_contain_text(f"s{SHARDS - 1}")
    legend.get_by_role("button", name=re.compile("^series")).click()
    expect(legend.locator("tbody tr button").first).to_contain_text("s000")
    tab.get_by_label("filter the series").fill("s07")
    expect(legend.locator("tbody tr button")).to_have_count(10)
    legend.get_by_role("button", name="s077").click()
    expect(tab).to_have_url(re.compile("only="))
    expect(legend.get_by_role("button", name="s077")).to_have_attribute("aria-pressed", "true")
    tab.reload()
    expect(tab.locator("main")).to_contain_text("1 shown")
    tab.get_by_role("button", name="Show all").click()
    expect(tab).not_to_have_url(re.compile("only="))


def test_queries_are_compared_and_errors_stand_at_their_place(sampled: Served, visit: Visits) -> None:
    """Two units, two charts; a broken query says where, and leaves the others alone."""
    visit.forgiven += ["400"]
    tab = visit(explorer(sampled, RATE, "ray_node_mem_used", "sum(ray_node_mem_used"))
    expect(tab.locator(".main .uplot")).to_have_count(2)
    broken = tab.get_by_role("group", name="query C")
    expect(broken.get_by_role("alert")).to_be_visible()
    text = broken.locator("textarea")
    text.fill("sum(ray_node_mem_u")
    expect(broken.get_by_role("option").first).to_contain_text("ray_node_mem_used")
    text.press("ArrowDown")
    text.press("Enter")
    text.press("End")
    text.type(")")
    text.press("Enter")
    expect(broken.get_by_role("alert")).to_have_count(0)
    expect(tab.get_by_role("table", name="series").locator("tbody tr")).to_have_count(4)


def test_a_chart_that_fails_says_what_was_asked(sampled: Served, visit: Visits) -> None:
    """The PromQL, the way to the explorer, the command."""
    visit.forgiven += ["422"]
    tab = visit("about:blank")

    def refuse(route: Route) -> None:
        if "ray_node_cpu" in route.request.url:
            route.fulfill(status=422, json={"status": "error", "errorType": "execution", "error": "the question would touch too much"})
        else:
            route.continue_()

    tab.route("**/query_range?*", refuse)
    tab.goto(address(sampled))
    cpu = tab.get_by_role("figure", name="CPU", exact=True).first
    expect(cpu.get_by_role("alert")).to_contain_text("the question would touch too much")
    expect(cpu).to_contain_text("avg(ray_node_cpu_utilization)")
    expect(cpu).to_contain_text("rayscope metrics query")
    expect(cpu.get_by_role("link", name="Open in the explorer")).to_be_visible()


def test_without_metrics_it_is_said_how_to_get_them(sampled: Served, visit: Visits) -> None:
    """On the pages as in the explorer; `g m` leads there."""
    tab = visit(address(sampled, session=LIVE))
    expect(tab.locator("main")).to_contain_text("rayscope attach --address")
    tab.keyboard.press("g")
    tab.keyboard.press("m")
    expect(tab).to_have_url(re.compile("/metrics$"))
    expect(tab.locator("main")).to_contain_text("No metrics of this session")


@pytest.mark.parametrize("rest", ["", f"/nodes/{node_id(1).hex()}", JOB, "/metrics", f"/metrics?e={quote(RATE)}&e=ray_shard_rows"])
def test_metrics_are_accessible_and_fit(sampled: Served, visit: Visits, rest: str) -> None:
    """WCAG 2.1 AA as far as axe can tell, in both themes; nothing scrolls sideways at any width."""
    tab = visit(address(sampled, rest), bypass_csp=True)
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        expect(tab.locator(".uplot").last).to_be_visible()
        assert violations(tab) == [], scheme
    for width in (800, 1280, 1920):
        tab.set_viewport_size({"width": width, "height": 900})
        expect(tab.locator(".uplot").last).to_be_visible()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
