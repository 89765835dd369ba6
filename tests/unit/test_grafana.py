"""The dashboard that is there to be imported: every expression parses, and every variable that it names is one of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from rayscope.agent.metrics.samples import FAMILIES
from rayscope.query.promql.parse import parse
from rayscope.ray import metric_names

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana" / "rayscope.json"
OF_GRAFANA = {"__all", "__rate_interval", "__interval", "__range"}


def dashboard() -> dict[str, Any]:
    """The file."""
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def charts() -> list[dict[str, Any]]:
    """Its panels but the rows."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    """Titles and expressions."""
    return ((panel["title"], target["expr"]) for panel in charts() for target in panel["targets"])


def variables() -> dict[str, dict[str, Any]]:
    """By name."""
    return {variable["name"]: variable for variable in dashboard()["templating"]["list"]}


def filled(text: str) -> str:
    """An expression as Grafana sends it."""
    return re.sub(r"\$\{?(\w+)\}?", lambda found: "1m" if found[1] in OF_GRAFANA else ".+", text)


@pytest.mark.parametrize(("title", "expression"), list(expressions()))
def test_every_expression_parses(title: str, expression: str) -> None:
    """With the variables filled in; and asks for the chosen session and nodes only."""
    selectors: list[str] = re.findall(r"\{([^}]*)\}", expression)
    assert promql_parser.parse(filled(expression))
    assert parse(filled(expression))
    assert selectors
    assert all('session=~"$session",node=~"$node"' in selector for selector in selectors), title


def test_every_variable_is_known_and_every_query_of_one_parses() -> None:
    """In expressions, titles and other variables."""
    text = json.dumps(dashboard())
    assert set(re.findall(r"\$\{?([a-z_]\w*)", text)) <= set(variables()) | OF_GRAFANA
    assert {"datasource", "session", "node"} <= set(variables())
    for variable in (one for one in variables().values() if one["type"] == "query"):
        selector, _ = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()  # type: ignore[union-attr]
        assert promql_parser.parse(filled(selector))


def test_panels_stand_side_by_side() -> None:
    """None over another, none beyond the 24 columns; each with an id of its own and a description."""
    places: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        own = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not own & places
        assert at["x"] + at["w"] <= 24
        places |= own
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(ids) == len(set(ids))
    assert all(panel["description"] and panel["fieldConfig"]["defaults"]["unit"] for panel in charts())


def test_the_programs_own_metrics_are_told_from_rays() -> None:
    """The variable that offers names leaves out those of Ray's parts, of which there is a list."""
    own = re.compile(variables()["user_metric"]["regex"].strip("/"))
    assert all(own.match(name) for name in ("ray_rows_total", "ray_my_loss", "ray_tasks_done"))
    assert not any(own.match(name) for name in ("rayscope_node_cpus", "up"))
    assert [name for name in sorted(metric_names._KNOWN) if own.match(f"ray_{name}")] == []


def test_every_metric_is_one_that_is_collected() -> None:
    """Those of the agent, and Ray's own."""
    sampled = {family.name for family in FAMILIES}
    names = {name for _, expression in expressions() for name in re.findall(r"\b(ray\w*)\{", expression)}
    assert len(names) > 15
    assert sorted(name for name in names if name not in sampled and metric_names.source_of(name, {}) != metric_names.RAY) == []
