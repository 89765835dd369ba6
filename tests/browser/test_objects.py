"""The Objects page with snapshots: who holds what, one in the past, what grew, what seems to leak."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from browser.histories import ENDED, ended_session
from browser.test_pages import violations
from support import events
from support.events import at
from support.ids import actor_id, method_id
from support.objects import object_table, put_id, reference

if TYPE_CHECKING:
    from browser.conftest import Served, Visits


@pytest.fixture(scope="module")
def held(serve: Callable[[], Served]) -> Served:
    """A server with three snapshots: one reference, then all kinds of them, then one that has grown."""
    server = serve()
    server.record([*ended_session(), events.actor_task_definition(method_id(5, 1), actor_id(1), session=ENDED)])
    server.objects(at(10), [reference(put_id(1))])
    server.objects(at(15), object_table())
    orphan = reference(put_id(1, method_id(5, 1)), task_status="NIL")  # put by the actor that died; the driver still holds it
    server.objects(at(20), [*object_table(), orphan, *(reference(put_id(number), object_size=50_000_000) for number in range(3, 8))])
    return server


def address(served: Served, rest: str = "") -> str:
    """The address of the page."""
    return f"{served.url}/s/{ENDED}/objects{rest}"


def test_the_summary_groups_what_is_held(held: Served, visit: Visits) -> None:
    """The largest first; grouped otherwise on demand; as of an earlier snapshot."""
    tab = visit(address(held))
    rows = tab.get_by_role("table", name="objects by call-site").locator("tbody tr")
    expect(rows.first).to_contain_text("TiB")
    tab.get_by_label(re.compile("^By")).select_option("node")
    expect(tab.get_by_role("table", name="objects by node").locator("tbody tr").first).to_be_visible()
    assert "by=node" in tab.url
    tab.goto(address(held))
    choice = tab.get_by_label("Snapshot")
    expect(choice.locator("option")).to_have_count(4)
    choice.select_option(index=3)
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("main.py:main:7")
    expect(tab.locator("header.head, main")).to_contain_text("1 object")


def test_references_are_filtered_and_sorted(held: Served, visit: Visits) -> None:
    """As every other table."""
    tab = visit(address(held, "?tab=references"))
    expect(tab.locator("tbody tr")).to_have_count(12)
    tab.locator("[data-filter]").fill("size_bytes>1MB")
    tab.locator("[data-filter]").press("Enter")
    expect(tab.locator("tbody tr")).to_have_count(6)
    expect(tab).to_have_url(re.compile("q=size_bytes"))


def test_growth_and_leaks_have_rows(held: Served, visit: Visits) -> None:
    """With the trend in words, and the evidence."""
    tab = visit(address(held, "?tab=growth"))
    grown = tab.get_by_role("table", name="growth by call site").locator("tbody tr", has_text="main.py:main:7")
    expect(grown.first).to_contain_text("growing")
    tab.get_by_role("link", name="Leaks").click()
    leaks = tab.get_by_role("table", name="leaks").locator("tbody tr")
    expect(leaks.first).to_contain_text("owner dead")
    expect(leaks.first).to_contain_text("actor Counter")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tab_name", ["summary", "references", "growth", "leaks"])
def test_objects_are_accessible(held: Served, visit: Visits, tab_name: str, scheme: str) -> None:
    """WCAG 2.1 AA as far as axe can tell, in both themes."""
    tab = visit(address(held, f"?tab={tab_name}"), color_scheme=scheme, bypass_csp=True)
    expect(tab.locator("tbody tr").first).to_be_visible()
    assert violations(tab) == []
