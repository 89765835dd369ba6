"""How an agent is: what it costs, how far behind it is, what it had to drop."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rayscope.agent.node import NodeAgent


def resident_bytes() -> int:
    """Memory of this process."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


async def post_health(agent: NodeAgent) -> None:
    """Tell the server how we are. What was dropped is told until the server has heard it."""
    tracker, uplink = agent.tracker, agent.uplink
    if agent.metrics:
        tracker.dropped.extend(agent.metrics.shipper.backlog.take_losses())
    dropped = list(tracker.dropped)
    metrics = {"metrics": agent.metrics.health()} if agent.metrics else {}
    word = {
        "now_ns": time.time_ns(),
        "files": len(tracker.files),
        "lag_bytes": tracker.lag_bytes(),
        "lag_s": round(tracker.lag_s(), 3),
        "shipped_bytes": uplink.shipped,
        "dropped": dropped,
        "rss_bytes": resident_bytes(),
        "cpu_s": round(time.process_time(), 3),
        "clock_skew_ns": uplink.skew_ns,
        "is_dead": agent.is_dead,
    }
    await uplink.post("/agent/health", {**uplink.who, **word, **metrics})
    del tracker.dropped[: len(dropped)]
