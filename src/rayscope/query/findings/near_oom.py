"""A node whose memory is nearly full, and who holds most of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rayscope.model.finding import Evidence, Finding
from rayscope.query.findings import thresholds
from rayscope.query.findings.facts import RESIDENT, UNIQUE, Facts, Share
from rayscope.query.findings.series import Spell, Times, Values, by_node, grid_of, on_grid, spells
from rayscope.query.findings.words import bytes_text, lasted

KIND = "node-near-oom"
USED, TOTAL = "ray_node_mem_used", "ray_node_mem_total"
HOST_USED, HOST_TOTAL = "rayscope_node_memory_used_bytes", "rayscope_node_memory_total_bytes"
NAMES = (USED, TOTAL, HOST_USED, HOST_TOTAL, UNIQUE, RESIDENT)
_GAP_S = 30.0


def find(facts: Facts) -> Iterator[Finding]:
    """The nodes that are or were nearly full, each once, by its last such spell. Ray's figures know a container's limit; without them the host's are taken."""
    used_name, total_name = (USED, TOTAL) if facts.of(USED) else (HOST_USED, HOST_TOTAL)
    totals = by_node(facts.of(total_name))
    grid = grid_of(facts.from_ms, facts.to_ms, thresholds.GRID_S)
    for node_id, used in by_node(facts.of(used_name)).items():
        total = on_grid(totals.get(node_id), grid, thresholds.FRESH_S)
        values = on_grid(used, grid, thresholds.FRESH_S)
        share = np.divide(values, total, out=np.full(len(grid), np.nan), where=total > 0)
        found = spells(grid, np.nan_to_num(share) >= thresholds.NEAR_OOM, thresholds.NEAR_OOM_S, _GAP_S)
        if found:
            yield _finding(facts, node_id, found, grid, (share, values, total), f'{used_name}{{node="{node_id}"}} / {total_name}{{node="{node_id}"}}')


def _finding(facts: Facts, node_id: str, found: list[Spell], grid: Times, taken: tuple[Values, Values, Values], query: str) -> Finding:
    share, values, total = taken
    spell = found[-1]
    peak = spell.first + int(np.nanargmax(share[spell.first : spell.last + 1]))
    holders = facts.memory(node_id, int(grid[peak]))
    most = f"; {holders[0].words} holds most: {bytes_text(holders[0].value)}" if holders else ""
    node = facts.node(node_id)
    evidence = [
        Evidence(
            text=f"{bytes_text(values[peak])} of {bytes_text(total[peak])} were in use at the peak; {thresholds.NEAR_OOM:.0%} or more for "
            f"{lasted(spell.until_ms - spell.since_ms)}{f', as in {len(found) - 1} spells before' if len(found) > 1 else ''}",
            query=query,
            value=float(share[peak]),
        ),
        *(_holds(one, node_id) for one in holders),
    ]
    return Finding(
        id=f"{KIND}:{node_id}",
        kind=KIND,
        severity="error" if share[peak] >= thresholds.OOM_KILL else "warning",
        title=f"node {node.name} {'is' if facts.until(spell.until_ms) is None else 'was'} at {share[peak]:.0%} of its memory{most}",
        about=node,
        since_ms=spell.since_ms,
        until_ms=facts.until(spell.until_ms),
        evidence=evidence,
        advice="have fewer such tasks at once (num_cpus, or memory= in their options), smaller batches, or a node with more memory; "
        "at 95 % Ray kills the newest retriable task",
        doc=f"findings.md#{KIND}",
        node_ids=[node_id],
        job_ids=sorted({job for one in holders[:1] for job in _jobs(one)}),
        actor_ids=[one.process.actor_id for one in holders[:1] if one.process and one.process.actor_id],
        task_ids=[task.task_id for one in holders[:1] for task in one.tasks],
    )


def _holds(one: Share, node_id: str) -> Evidence:
    tasks = f", running {', '.join(sorted({task.name for task in one.tasks}))}" if one.tasks and one.process and one.process.actor_id else ""
    return Evidence(text=f"{one.words} holds {bytes_text(one.value)}{tasks}", query=f'{UNIQUE}{{node="{node_id}",pid="{one.pid}"}}', value=one.value)


def _jobs(one: Share) -> list[str]:
    named = [one.process.job_id if one.process else None, *(task.job_id for task in one.tasks)]
    return [job for job in named if job]
