"""Where Ray's own endpoints of metrics are, of clusters that live: those whose `up` the agents have written within the lookback."""

from __future__ import annotations

import time
from collections import defaultdict

from msgspec import Struct

from rayscope.model.metrics import NAME, Matcher
from rayscope.query.metrics.frames import is_absent, is_stale
from rayscope.query.metrics.service import Metrics
from rayscope.query.promql.instant import LOOKBACK_MS
from rayscope.store.limits import FEDERATE_SAMPLES

_RAYS = (Matcher(NAME, "=", "up"), Matcher("job", "=", "ray"))


class TargetGroup(Struct, frozen=True):
    """A group of Prometheus's HTTP service discovery. ``labels``: job, session and node."""

    targets: list[str]
    labels: dict[str, str]


def target_groups(metrics: Metrics, session: str | None, now_ms: int | None = None) -> list[TargetGroup]:
    """A group a node, its endpoints in order."""
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    newest: dict[tuple[str, str, str], tuple[int, bool]] = {}
    for frame in metrics.select(session, _RAYS, now_ms - LOOKBACK_MS, now_ms, max_samples=FEDERATE_SAMPLES):
        there = ~is_absent(frame.values)
        for labels, values, own in zip(frame.labels, frame.values, there, strict=True):
            if own.any():
                last = int(own.nonzero()[0][-1])
                key = (labels.get("session", ""), labels.get("node", ""), labels.get("instance", ""))
                newest[key] = max(newest.get(key, (0, False)), (int(frame.times[last]), bool(is_stale(values[last : last + 1])[0])))
    groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for (name, node, instance), (_, is_gone) in sorted(newest.items()):
        if instance and not is_gone:
            groups[name, node].append(instance)
    return [TargetGroup(targets, {"job": "ray", "session": name, "node": node}) for (name, node), targets in groups.items()]
