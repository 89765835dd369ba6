"""GPUs that are held and do nothing. Pure.

That a GPU is idle is no finding while nobody holds it. Ray says how many of a node's GPUs are taken, not which: so more must be idle than are free.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rayscope.model.finding import Evidence, Finding
from rayscope.query.findings import thresholds
from rayscope.query.findings.facts import Facts, Holder
from rayscope.query.findings.series import NAME, Series, Spell, Times, Values, by_label, grid_of, on_grid, spells, summed
from rayscope.query.findings.words import lasted, listed

KIND = "idle-gpu"
SAMPLED, REPORTED, RESOURCES = "rayscope_gpu_utilization_ratio", "ray_node_gpus_utilization", "ray_resources"
NAMES = (SAMPLED, REPORTED, RESOURCES)
_GAP_S = 20.0


def find(facts: Facts) -> Iterator[Finding]:
    """The nodes on which GPUs were held and idle, each once, by the last such spell."""
    grid = grid_of(facts.from_ms, facts.to_ms, thresholds.GRID_S)
    name, label = (SAMPLED, "gpu") if facts.of(SAMPLED) else (REPORTED, "GpuIndex")
    cards = by_label(facts.of(name), "node", label)
    idle_below = thresholds.IDLE_GPU_PERCENT / (100 if name == SAMPLED else 1)
    for node_id in sorted({node for node, _ in cards}):
        own = [one for (node, _), one in cards.items() if node == node_id]
        idle = _idle(own, grid, idle_below)
        held = np.floor(idle - _free(facts, node_id, grid, len(own)))
        found = spells(grid, np.nan_to_num(held) >= 1, thresholds.IDLE_GPU_S, _GAP_S)
        if found:
            yield _finding(facts, node_id, found[-1], held, own)


def _idle(cards: Sequence[Series], grid: Times, below: float) -> Values:
    """How many cards are idle at each time; NaN where one of them is not known."""
    values = np.stack([on_grid(one, grid, thresholds.FRESH_S) for one in cards])
    return np.where(np.isnan(values).any(axis=0), np.nan, (values < below).sum(axis=0))


def _free(facts: Facts, node_id: str, grid: Times, cards: int) -> Values:
    """How many GPUs nobody holds: what Ray says is available, and cards that it was not given. NaN where it is not known."""
    own = [one for one in facts.of(RESOURCES) if one.labels.get("node") == node_id and one.labels.get("Name") == "GPU"]
    by_state = {state: summed([one for one in own if one.labels.get("State") == state], grid, thresholds.FRESH_S) for state in ("AVAILABLE", "USED")}
    used = np.where(np.isnan(by_state["AVAILABLE"]) & np.isnan(by_state["USED"]), np.nan, np.nan_to_num(by_state["USED"]))
    return cards - used


def _finding(facts: Facts, node_id: str, spell: Spell, held: Values, cards: Sequence[Series]) -> Finding:
    count = int(np.nanmin(held[spell.first : spell.last + 1][held[spell.first : spell.last + 1] >= 1]))
    node, holders = facts.node(node_id), _holders(facts, node_id, spell)
    jobs = sorted({one.job_id for one in holders if one.job_id})
    who = f"; held by {listed([f'{one.kind} {one.name}' for one in holders[:3]])}{' and others' if len(holders) > 3 else ''}" if holders else ""  # noqa: PLR2004 three say enough
    what = f"{count} of {len(cards)} GPU{'s' if len(cards) > 1 else ''}"
    return Finding(
        id=f"{KIND}:{node_id}",
        kind=KIND,
        severity="warning",
        title=f"{what} on node {node.name} {'is' if count == 1 else 'are'} held and idle{who}",
        about=node,
        since_ms=spell.since_ms,
        until_ms=facts.until(spell.until_ms),
        evidence=[
            Evidence(
                text=f"utilisation below {thresholds.IDLE_GPU_PERCENT:g} % for {lasted(spell.until_ms - spell.since_ms)}",
                query=f'{cards[0].labels[NAME]}{{node="{node_id}"}}',
                value=float(count),
            ),
            Evidence(text="Ray counts them as used all that time", query=f'{RESOURCES}{{node="{node_id}",Name="GPU"}}'),
        ],
        advice="see what their holders do meanwhile (`rayscope list tasks -f state~RUNNING`): load data in tasks without GPUs, ask for a part of one "
        "(num_gpus=0.5), or let go of actors that wait",
        doc=f"findings.md#{KIND}",
        node_ids=[node_id],
        job_ids=jobs,
        actor_ids=[one.id for one in holders if one.kind == "actor"],
        task_ids=[one.id for one in holders if one.kind == "task"],
    )


def _holders(facts: Facts, node_id: str, spell: Spell) -> list[Holder]:
    """Who held GPUs of the node all through the spell."""
    return [one for one in facts.holders if one.node_id == node_id and one.start_ms <= spell.since_ms and (one.end_ms is None or one.end_ms >= spell.until_ms)]
