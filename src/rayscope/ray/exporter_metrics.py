"""What a node's agent says of its own event export, read from its Prometheus page."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

_SAMPLE: Final = re.compile(r"^ray_aggregator_agent_(\w+)\{([^}]*)\} (\S+)", re.MULTILINE)
_HTTP: Final = 'consumer="http_service"'


class ExporterCounts(Struct, frozen=True, kw_only=True):
    """Events since the node's start: received from its processes, sent out, filtered, and dropped because a buffer was full."""

    received: int = 0
    published: int = 0
    filtered: int = 0
    dropped: int = 0

    @property
    def waiting(self) -> int:
        """Events that are still in the agent."""
        return max(self.received - self.published - self.filtered - self.dropped, 0)


_FIELDS: Final = {
    "events_received_total": "received",
    "published_events_total": "published",
    "filtered_events_total": "filtered",
    "queue_dropped_events_total": "dropped",
}


def read_exporter_counts(page: str) -> ExporterCounts | None:
    """The counts of a metrics page; None where it has none: nothing was exported yet, or export is off."""
    found: dict[str, int] = {}
    for name, labels, value in _SAMPLE.findall(page):
        field = _FIELDS.get(name)
        if field and (field == "received" or _HTTP in labels):
            found[field] = found.get(field, 0) + int(float(value))
    return ExporterCounts(**found) if found else None
