"""Whose a metric is: told by its name and, of names not known, by its labels."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayscope.ray.metric_names import source_of

SCRAPED = {"job": ["ray"], "instance": ["10.0.0.1:8080"], "node": ["ab"]}


@pytest.mark.parametrize(
    ("name", "labels", "source"),
    [
        ("ray_tasks", SCRAPED, "ray"),
        ("ray_node_mem_used", SCRAPED, "ray"),
        ("ray_serve_num_http_requests_total", SCRAPED | {"route": ["/"]}, "ray"),
        ("ray_data_output_rows", SCRAPED | {"dataset": ["d"]}, "ray"),
        ("ray_finished_jobs_total", SCRAPED, "ray"),
        ("ray_operation_run_time_ms", SCRAPED, "ray"),
        ("ray_operation_run_time_ms_bucket", SCRAPED, "ray"),
        ("ray_aggregator_agent_published_events_total", SCRAPED, "ray"),
        ("ray_something_new", SCRAPED | {"Component": ["raylet"]}, "ray"),
        ("python_gc_objects_collected_total", SCRAPED, "ray"),
        ("process_resident_memory_bytes", SCRAPED, "ray"),
        ("ray_rows_cleaned_total", SCRAPED | {"Component": ["core_worker"]}, "user"),
        ("ray_data_quality", SCRAPED, "user"),
        ("ray_train_loss", SCRAPED | {"Component": ["core_worker"]}, "user"),
        ("ray_tasks_of_mine", SCRAPED, "user"),
        ("up", SCRAPED, "node"),
        ("rayscope_node_load1", {"job": ["rayscope"]}, "node"),
        ("http_requests_total", {"job": ["nginx"]}, "external"),
        ("ray_tasks", {"job": ["another-prometheus"]}, "external"),
        ("loss", {}, "external"),
    ],
)
def test_source(name: str, labels: dict[str, list[str]], source: str) -> None:
    """User's, Ray's, the node's, or somebody else's."""
    assert source_of(name, labels) == source


def rays_own() -> Iterator[tuple[str, str]]:
    """The names of metrics that the installed Ray makes in Python, each with the file that does."""
    spec = importlib.util.find_spec("ray")
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    for part in ("dashboard", "serve", "data", "train", "autoscaler", "_private"):
        for path in (root / part).rglob("*.py"):
            for name in re.findall(r"\b(?:Gauge|Counter|Histogram|Sum)\(\s*(?:name=)?f?\"([a-z][\w{}]*)\"", path.read_text(errors="replace")):
                yield from ((name.replace("{protocol_name}", protocol), f"{path.relative_to(root)}") for protocol in ("http", "grpc"))


LIBRARY = {"data": {"dataset": ["d"]}, "train": {"ray_train_run_name": ["r"]}}
EXAMPLES = {"my_counter", "my_gauge", "my_histogram"}


def test_the_names_of_the_installed_ray_are_known() -> None:
    """Whatever it makes in Python; of those in C++ the tests with a real Ray tell."""
    found = {(name, path) for name, path in rays_own() if name not in EXAMPLES and not path.startswith("autoscaler")}
    assert len(found) > 100
    taken = sorted((name, path) for name, path in found if source_of(f"ray_{name}", SCRAPED | LIBRARY.get(path.split("/")[0], {})) != "ray")
    assert not [pair for pair in taken if not pair[1].startswith("dashboard/dashboard_metrics")]
