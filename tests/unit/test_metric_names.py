"""Whose a metric is: told by its name and, of names not known, by its labels."""

from __future__ import annotations

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
