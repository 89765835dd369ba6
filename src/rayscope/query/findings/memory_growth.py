"""Memory that grows without bound in one process. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from rayscope.model.finding import About, Evidence, Finding
from rayscope.query.findings import thresholds
from rayscope.query.findings.facts import RESIDENT, UNIQUE, Facts, Process, process_words
from rayscope.query.findings.near_oom import TOTAL, USED
from rayscope.query.findings.series import Series, by_node, by_process, fit, floors, slope
from rayscope.query.findings.words import byte_rate, bytes_text, lasted

KIND = "memory-growth"
NAMES = (UNIQUE, RESIDENT, USED, TOTAL)
_LEAST_WINDOWS = 9
"""Of the twelve stretches so many must have samples, or nothing is said."""


class Growth(Struct, frozen=True):
    """A floor that rises: bytes a second, how well a line fits, from what to what, over how long."""

    bytes_a_second: float
    fit: float
    from_bytes: float
    to_bytes: float
    since_ms: int
    until_ms: int


def find(facts: Facts) -> Iterator[Finding]:
    """The processes that grow. Ray's own processes and drivers count too: what grows there kills the node as well."""
    name = UNIQUE if facts.of(UNIQUE) else RESIDENT
    for (node_id, pid, _), one in by_process(facts.of(name)).items():
        grown = growth(one)
        if grown is not None:
            yield _finding(facts, one, name, grown, (node_id, int(pid)))


def growth(one: Series) -> Growth | None:
    """How a series' floor rises, None where it does not, or not for long or straight enough to say so."""
    life_s = (int(one.times[-1]) - int(one.times[0])) / 1000
    start_ms = int(one.times[0] + max(thresholds.GROWTH_WARM_UP_S, life_s / 10) * 1000)
    span_s = (int(one.times[-1]) - start_ms) / 1000
    if span_s < thresholds.GROWTH_S:
        return None
    seconds, values = floors(one, start_ms, thresholds.GROWTH_WINDOWS)
    if len(values) < _LEAST_WINDOWS:
        return None
    whole, late = slope(seconds, values), slope(seconds[-(len(values) // 3) :], values[-(len(values) // 3) :])
    straight = fit(seconds, values)
    least = max(thresholds.GROWTH_BYTES, thresholds.GROWTH_SHARE * float(values[0]))
    if straight < thresholds.GROWTH_FIT or late < thresholds.GROWTH_LATE * whole or min(whole * span_s, float(values[-1] - values[0])) < least:
        return None
    return Growth(whole, straight, float(values[0]), float(values[-1]), start_ms, int(one.times[-1]))


def _finding(facts: Facts, one: Series, name: str, grown: Growth, where: tuple[str, int]) -> Finding:
    node_id, pid = where
    process = facts.process(node_id, pid, one.labels.get("worker_id", ""))
    words = process_words(process, pid, one.labels.get("name", ""))
    selector = f'{name}{{node="{node_id}",pid="{pid}"}}'
    time = lasted(grown.until_ms - grown.since_ms)
    grew = f"it rose from {bytes_text(grown.from_bytes)} to {bytes_text(grown.to_bytes)} in {time}, {byte_rate(grown.bytes_a_second)}"
    return Finding(
        id=f"{KIND}:{node_id}:{pid}:{one.labels.get('worker_id', '')}",
        kind=KIND,
        severity="warning",
        title=f"the memory of {words} on node {facts.node(node_id).name} keeps growing: {byte_rate(grown.bytes_a_second)}",
        about=_about(process, node_id, pid, words),
        since_ms=grown.since_ms,
        until_ms=facts.until(grown.until_ms),
        evidence=[
            Evidence(text=f"the least that it held in each stretch of time: {grew}", query=selector, value=grown.bytes_a_second),
            Evidence(text=f"a line explains {grown.fit:.0%} of that rise, and it has not levelled off", query=f"deriv({selector}[10m])", value=grown.fit),
            *_outlook(facts, node_id, grown),
        ],
        advice="look for what it keeps between calls: lists and dictionaries of its own, caches without a limit, object references; then bound or drop them",
        doc=f"findings.md#{KIND}",
        node_ids=[node_id],
        job_ids=[process.job_id] if process and process.job_id else [],
        actor_ids=[process.actor_id] if process and process.actor_id else [],
    )


def _outlook(facts: Facts, node_id: str, grown: Growth) -> Iterator[Evidence]:
    """How long the node's free memory lasts at that rate, while it goes on and both figures are known."""
    used, total = (by_node(facts.of(name)).get(node_id) for name in (USED, TOTAL))
    if facts.until(grown.until_ms) is None and used is not None and total is not None:
        free = float(total.values[-1] - used.values[-1])
        lasts = lasted(max(free, 0.0) / grown.bytes_a_second * 1000)
        query = f'{TOTAL}{{node="{node_id}"}} - {USED}{{node="{node_id}"}}'
        yield Evidence(text=f"at that rate the {bytes_text(free)} that are free on its node last {lasts}", query=query, value=free)


def _about(process: Process | None, node_id: str, pid: int, words: str) -> About:
    if process and process.actor_id:
        return About(kind="actor", id=process.actor_id, name=words)
    if process and process.worker_id:
        return About(kind="worker", id=process.worker_id, name=words)
    return About(kind="process", id=f"{node_id}:{pid}", name=words)
