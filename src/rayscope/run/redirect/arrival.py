"""Whether a cluster's worker output has arrived at the server: the files as they lie on this node, beside what the server has of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def sizes_here(log_dir: str) -> dict[str, int]:
    """Bytes of every worker's file in a session's folder on this machine, by name; none where the folder is elsewhere."""
    found: dict[str, int] = {}
    for path in [*Path(log_dir, "logs").glob("worker-*.out"), *Path(log_dir, "logs").glob("worker-*.err")]:
        try:
            found[path.name] = path.stat().st_size
        except OSError:
            continue
    return found


def missing_bytes(here: Mapping[str, int], arrived: Mapping[str, int]) -> int:
    """What has not arrived yet."""
    return sum(max(0, size - arrived.get(name, 0)) for name, size in here.items())
