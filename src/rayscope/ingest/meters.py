"""What ingest counts of its own doings."""

from __future__ import annotations

import time

from rayscope.meters import Counter, Histogram
from rayscope.wire.exposition import Metric


class EventMeters:
    """Of events: what was accepted, and how long acceptance and writing took."""

    def __init__(self) -> None:
        self.events = Counter("rayscope_ingest_events", "Events accepted: they are durable.")
        self.batches = Counter("rayscope_ingest_batches", "Bodies of events accepted.")
        self.bytes = Counter("rayscope_ingest_bytes", "Bytes of the bodies accepted.", unit="bytes")
        self.refused = Counter("rayscope_ingest_refused_batches", "Bodies of events that were not accepted, by error.", ["error"])
        self.accepting = Histogram("rayscope_ingest_accept_duration_seconds", "From a body's arrival to its durability.")
        self.applying = Histogram("rayscope_ingest_apply_duration_seconds", "A group of events into the tables, in one transaction.")

    def metrics(self) -> list[Metric]:
        """As families."""
        return [meter.metric() for meter in (self.events, self.batches, self.bytes, self.refused, self.accepting, self.applying)]


class LogMeters:
    """Of log bytes."""

    def __init__(self) -> None:
        self.bytes = Counter("rayscope_logs_bytes", "Log bytes accepted, in the bodies of agents.", unit="bytes")
        self.bodies = Counter("rayscope_logs_bodies", "Bodies of log bytes accepted.")

    def metrics(self) -> list[Metric]:
        """As families."""
        return [meter.metric() for meter in (self.bytes, self.bodies)]


class MetricMeters:
    """Of samples that agents ship."""

    def __init__(self) -> None:
        self.samples = Counter("rayscope_metrics_samples", "Samples that agents have shipped, and that are kept.")
        self.bodies = Counter("rayscope_metrics_bodies", "Bodies of samples accepted from agents.")
        self.accepting = Histogram("rayscope_metrics_accept_duration_seconds", "From a body of samples to its durability.")

    def took(self, samples: int, came_s: float) -> None:
        """A body with so many, which came at a time of the monotonic clock."""
        self.samples.add(samples)
        self.bodies.add()
        self.accepting.observe(time.monotonic() - came_s)

    def metrics(self) -> list[Metric]:
        """As families."""
        return [meter.metric() for meter in (self.samples, self.bodies, self.accepting)]
