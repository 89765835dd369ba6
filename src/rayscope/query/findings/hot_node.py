"""One node that works while its peers wait. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rayscope.model.finding import Evidence, Finding
from rayscope.query.findings import thresholds
from rayscope.query.findings.facts import CPU_SECONDS, Facts
from rayscope.query.findings.series import Spell, Times, Values, by_node, grid_of, on_grid, rates, spells
from rayscope.query.findings.words import lasted

KIND = "hot-node"
BUSY = "ray_node_cpu_utilization"
NAMES = (BUSY, CPU_SECONDS)
_GAP_S = 20.0


def find(facts: Facts) -> Iterator[Finding]:
    """The nodes that were hot, each once, by its last such spell."""
    grid = grid_of(facts.from_ms, facts.to_ms, thresholds.GRID_S)
    series = by_node(facts.of(BUSY))
    if len(series) <= thresholds.HOT_PEERS:
        return
    busy = np.stack([on_grid(one, grid, thresholds.FRESH_S) for one in series.values()])
    known, cool = (~np.isnan(busy)).sum(axis=0), (busy <= thresholds.COOL_PERCENT).sum(axis=0)
    for at, node_id in enumerate(series):
        peers = known - ~np.isnan(busy[at])
        idle = cool - (busy[at] <= thresholds.COOL_PERCENT)
        is_so = (np.nan_to_num(busy[at]) >= thresholds.HOT_PERCENT) & (peers >= thresholds.HOT_PEERS) & (2 * idle >= peers)
        found = spells(grid, is_so, thresholds.HOT_S, _GAP_S)
        if found:
            middle = np.nanmedian(np.delete(busy, at, axis=0)[:, found[-1].first : found[-1].last + 1])
            yield _finding(facts, node_id, found[-1], (busy[at], float(middle)), grid, int(peers[found[-1].last]))


def _finding(facts: Facts, node_id: str, spell: Spell, figures: tuple[Values, float], grid: Times, peers: int) -> Finding:
    inside = slice(spell.first, spell.last + 1)
    own, middle = float(np.nanmean(figures[0][inside])), figures[1]
    node = facts.node(node_id)
    holders = facts.shares([rates(one) for one in facts.of(CPU_SECONDS) if one.labels.get("node") == node_id], node_id, int(grid[spell.last]))
    return Finding(
        id=f"{KIND}:{node_id}",
        kind=KIND,
        severity="warning",
        title=f"node {node.name} works at {own:.0f} % while half of its {peers} peers are below {max(middle, 1):.0f} %",
        about=node,
        since_ms=spell.since_ms,
        until_ms=facts.until(spell.until_ms),
        evidence=[
            Evidence(
                text=f"for {lasted(spell.until_ms - spell.since_ms)} its cores were {own:.0f} % busy, those of the peer in the middle {middle:.0f} %",
                query=f"sort_desc({BUSY})",
                value=own,
            ),
            *(
                Evidence(text=f"{one.words} uses {one.value:.1f} cores", query=f'rate({CPU_SECONDS}{{node="{node_id}",pid="{one.pid}"}}[1m])', value=one.value)
                for one in holders
            ),
        ],
        advice='spread the work: scheduling_strategy="SPREAD" for its tasks, placement groups that spread for its actors; see whether data or a custom '
        "resource ties it to this node",
        doc=f"findings.md#{KIND}",
        node_ids=[node_id],
        job_ids=sorted({one.process.job_id for one in holders if one.process and one.process.job_id}),
        actor_ids=sorted({one.process.actor_id for one in holders if one.process and one.process.actor_id}),
    )
