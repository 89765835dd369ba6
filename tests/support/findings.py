"""Series and facts for the rules of findings: figures over time, as a node's targets would give them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rayscope.query.findings.facts import Facts, Process
from rayscope.query.findings.series import Series

START_MS = 1_795_521_600_000
HOUR_S = 3600
MIB = 1024 * 1024
A, B, C, D = (letter * 56 for letter in "abcd")
"""Node ids."""


def series(
    metric: str, values: Callable[[float], float] | float, /, *, seconds: float = HOUR_S, step_s: float = 5, start_s: float = 0, **labels: str
) -> Series:
    """A series of one name: a value every ``step_s``, given by the seconds since the start, or always the same."""
    at = np.arange(start_s, seconds + 1e-9, step_s)
    made = [values(float(second)) if callable(values) else values for second in at]
    return Series({"__name__": metric, "node": A} | labels, START_MS + np.round(at * 1000).astype(np.int64), np.array(made, dtype=np.float64))


def facts(*every: Series, seconds: float = HOUR_S, live: bool = True, **more: Any) -> Facts:
    """Facts of a session that is looked at from the start of the series to so many seconds later."""
    by_name: dict[str, list[Series]] = {}
    for one in every:
        by_name.setdefault(one.labels["__name__"], []).append(one)
    nodes = {A: "head 10.0.0.1", B: "10.0.0.2", C: "10.0.0.3", D: "10.0.0.4"}
    known: dict[str, Any] = {"nodes": nodes} | more
    return Facts(session="s", from_ms=START_MS, to_ms=START_MS + round(seconds * 1000), is_live=live, series=by_name, **known)


def process(pid: int, node: str = A, **more: Any) -> dict[tuple[str, int], Sequence[Process]]:
    """The processes of facts, with one of them known."""
    return {(node, pid): [Process(node_id=node, pid=pid, **more)]}
