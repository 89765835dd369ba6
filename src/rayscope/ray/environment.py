"""The environment variables that make Ray (2.51 and later) export what happens in it."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

_AGGREGATOR: Final = "RAY_DASHBOARD_AGGREGATOR_AGENT"

BUFFERED_EVENTS: Final = 200_000
"""Events that a node's agent holds while it cannot send. Ray's own 100,000 are some fifteen seconds of a busy node, and then the oldest are
dropped; far more would cost the node gigabytes, as Ray's comment on this setting tells."""

WORKER_BUFFERED_EVENTS: Final = 1_000_000
"""Events that one worker or driver holds between two reports: a driver that submits tasks in a loop makes some 30,000 a second."""


METRICS_REPORT_MS: Final = 5000
"""How often Ray's processes report their metrics, users' own among them, to their node's agent: as often as it is scraped. Ray's own 10 s would give each value
twice. Less must not be: Ray forgets a gauge after twice this time, and takes those of the node every 5 s only."""


def ingest_address(server_url: str, ingest_token: str) -> str:
    """Where everything is posted; RAYSCOPE_INGEST tells it to the node's agent."""
    return f"{server_url.rstrip('/')}/ingest/{quote(ingest_token, safe='')}"


CALL_SITES: Final = {"RAY_record_ref_creation_sites": "1"}
"""Has Ray note where each object reference is made: some 10 to 20 µs each, so only who asks for it gets it."""


def export_environment(server_url: str, ingest_token: str, cluster: str | None = None, *, call_sites: bool = False) -> dict[str, str]:
    """The variables for the processes that start Ray, and for its nodes' agents: `ray start`, a pod, or a driver before ``ray.init``."""
    query = f"?{urlencode({'cluster': cluster})}" if cluster else ""
    address = f"{ingest_address(server_url, ingest_token)}/ray/events{query}"
    return {
        "RAYSCOPE_INGEST": ingest_address(server_url, ingest_token),
        "RAY_enable_ray_event": "1",
        "RAY_enable_core_worker_ray_event_to_aggregator": "1",
        f"{_AGGREGATOR}_EVENTS_EXPORT_ADDR": address,
        f"{_AGGREGATOR}_EXPOSABLE_EVENT_TYPES": "ALL",
        f"{_AGGREGATOR}_MAX_EVENT_BUFFER_SIZE": str(BUFFERED_EVENTS),
        "RAY_task_events_max_num_status_events_buffer_on_worker": str(WORKER_BUFFERED_EVENTS),
        "RAY_task_events_max_num_profile_events_buffer_on_worker": str(WORKER_BUFFERED_EVENTS),
        "RAY_ray_event_recorder_max_queued_events": str(WORKER_BUFFERED_EVENTS),
        "RAY_metrics_report_interval_ms": str(METRICS_REPORT_MS),
        **(CALL_SITES if call_sites else {}),
    }
