"""Objects that went to disk because the object store was full. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rayscope.model.finding import Evidence, Finding
from rayscope.query.findings import thresholds
from rayscope.query.findings.facts import Facts
from rayscope.query.findings.series import Places, Series, Times, by_label, grid_of, last_before, summed
from rayscope.query.findings.words import bytes_text

KIND = "object-store-spilling"
STORE, RESOURCES = "ray_object_store_memory", "ray_resources"
NAMES = (STORE, RESOURCES)
_SHARED_MEMORY = "MMAP_SHM"


def find(facts: Facts) -> Iterator[Finding]:
    """The nodes that spilled, each once."""
    spilled = by_label([one for one in facts.of(STORE) if one.labels.get("Location") == "SPILLED"], "node")
    grid = grid_of(facts.from_ms, facts.to_ms, thresholds.GRID_S)
    for (node_id,), one in spilled.items():
        most = float(one.values.max(initial=0.0))
        risen = _risen(one, is_whole=facts.is_whole)
        if most >= thresholds.SPILLED_BYTES and len(risen):
            yield _finding(facts, node_id, one, risen, _fullness(facts, node_id, grid))


def _risen(one: Series, *, is_whole: bool) -> Places:
    """Where more was spilled than before. What lies there at the very beginning of a session's series was spilled too."""
    before = np.concatenate([[0.0 if is_whole else np.inf], one.values[:-1]])
    return np.flatnonzero(one.values > before)


def _finding(facts: Facts, node_id: str, one: Series, risen: Places, full: str) -> Finding:
    most = float(one.values.max())
    since_ms, last_ms = int(one.times[max(int(np.argmax(one.values > 0)), 0)]), int(one.times[risen[-1]])
    node, jobs = facts.node(node_id), facts.jobs_between(since_ms, last_ms)
    selector = f'{STORE}{{node="{node_id}",Location="SPILLED"}}'
    evidence = [Evidence(text=f"up to {bytes_text(most)} of objects lay on disk at once, in {len(risen)} steps", query=selector, value=most)]
    if full:
        evidence.append(Evidence(text=full, query=f'{STORE}{{node="{node_id}",Location="{_SHARED_MEMORY}"}}'))
    if len(jobs) == 1:
        evidence.append(Evidence(text=f"only job {jobs[0].job_id} ran then: {jobs[0].name}"))
    return Finding(
        id=f"{KIND}:{node_id}",
        kind=KIND,
        severity="warning",
        title=f"the object store of node {node.name} was full: {bytes_text(most)} of objects went to disk",
        about=node,
        since_ms=since_ms,
        until_ms=facts.until(last_ms),
        evidence=evidence,
        advice="`rayscope memory --group-by STACK_TRACE` shows who holds the objects: drop references sooner, make fewer results at once, "
        "or give the object store more memory (object_store_memory=)",
        doc=f"findings.md#{KIND}",
        node_ids=[node_id],
        job_ids=[jobs[0].job_id] if len(jobs) == 1 else [],
    )


def _fullness(facts: Facts, node_id: str, grid: Times) -> str:
    """How full the store was at its fullest, where its size is known."""
    size = [one for one in facts.of(RESOURCES) if one.labels.get("Name") == "object_store_memory" and one.labels.get("node") == node_id]
    inside = [one for one in facts.of(STORE) if one.labels.get("Location") == _SHARED_MEMORY and one.labels.get("node") == node_id]
    total = summed(size, grid, thresholds.FRESH_S)
    used = summed(inside, grid, thresholds.FRESH_S)
    if np.isnan(total).all() or np.isnan(used).all():
        return ""
    at = int(np.nanargmax(used))
    room = last_before(Series({}, grid[~np.isnan(total)], total[~np.isnan(total)]), int(grid[at]), thresholds.FRESH_S)
    return f"the store itself held up to {bytes_text(used[at])} of {bytes_text(room)}" if room else ""
