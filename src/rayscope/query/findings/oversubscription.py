"""More work on a node's cores than they can do: by more CPUs declared than there are, or tasks with more threads than they ask for. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from rayscope.model.finding import Evidence, Finding
from rayscope.query.findings import thresholds
from rayscope.query.findings.facts import CPU_SECONDS, Facts, Share
from rayscope.query.findings.series import Flags, Spell, Times, Values, by_node, grid_of, on_grid, rates, spells, summed
from rayscope.query.findings.words import lasted

KIND = "cpu-oversubscription"
BUSY, CORES, RESOURCES = "ray_node_cpu_utilization", "ray_node_cpu_count", "ray_resources"
LOAD, HOST_CORES = "rayscope_node_load1", "rayscope_node_cpus"
NAMES = (BUSY, CORES, RESOURCES, LOAD, HOST_CORES, CPU_SECONDS)
_GAP_S = 20.0


class _Node(Struct, frozen=True):
    """Figures of one node on a grid. A container may have fewer cores than its host, of which the load is."""

    busy: Values
    cores: Values
    asked: Values
    load: Values
    host_cores: Values


def find(facts: Facts) -> Iterator[Finding]:
    """The oversubscribed nodes, each once, by its last such spell."""
    grid = grid_of(facts.from_ms, facts.to_ms, thresholds.GRID_S)
    busy, cores, loads, hosts = (by_node(facts.of(name)) for name in (BUSY, CORES, LOAD, HOST_CORES))
    for node_id, one in busy.items():
        used = [x for x in facts.of(RESOURCES) if x.labels.get("node") == node_id and x.labels.get("Name") == "CPU" and x.labels.get("State") == "USED"]
        node = _Node(
            on_grid(one, grid, thresholds.FRESH_S),
            on_grid(cores.get(node_id), grid, thresholds.FRESH_S),
            summed(used, grid, thresholds.FRESH_S),
            on_grid(loads.get(node_id), grid, thresholds.FRESH_S),
            on_grid(hosts.get(node_id), grid, thresholds.FRESH_S),
        )
        is_so = (np.nan_to_num(node.busy) >= thresholds.BUSY_CPU_PERCENT) & (_too_many(node) | _too_loaded(node))
        found = spells(grid, is_so, thresholds.OVERSUBSCRIBED_S, _GAP_S)
        if found:
            yield _finding(facts, node_id, found[-1], node, grid)


def _too_many(node: _Node) -> Flags:
    """Where the running tasks were promised more CPUs than there are cores."""
    found: Flags = np.nan_to_num(node.asked) > np.nan_to_num(node.cores, nan=np.inf)
    return found


def _too_loaded(node: _Node) -> Flags:
    found: Flags = np.nan_to_num(node.load) >= thresholds.LOAD_A_CORE * np.nan_to_num(node.host_cores, nan=np.inf)
    return found


def _finding(facts: Facts, node_id: str, spell: Spell, figures: _Node, grid: Times) -> Finding:
    inside = slice(spell.first, spell.last + 1)
    cores, asked, load, host = (_mean(values[inside]) for values in (figures.cores, figures.asked, figures.load, figures.host_cores))
    declared = asked > cores
    node = facts.node(node_id)
    holders = facts.shares([rates(one) for one in facts.of(CPU_SECONDS) if one.labels.get("node") == node_id], node_id, int(grid[spell.last]))
    selector = f'{{node="{node_id}"}}'
    evidence = [
        Evidence(
            text=f"its {cores:g} cores were {np.nanmean(figures.busy[inside]):.0f} % busy for {lasted(spell.until_ms - spell.since_ms)}",
            query=f"{BUSY}{selector}",
            value=float(np.nanmean(figures.busy[inside])),
        )
    ]
    if not np.isnan(asked):
        evidence.append(
            Evidence(text=f"what ran had asked for {asked:.3g} CPUs", query=f'{RESOURCES}{{node="{node_id}",Name="CPU",State="USED"}}', value=asked)
        )
    if not np.isnan(load / host):
        evidence.append(
            Evidence(text=f"{load:.1f} threads wanted to run on the host's {host:g} cores, {load / host:.1f} a core", query=f"{LOAD}{selector}", value=load)
        )
    evidence += [_uses(one, node_id) for one in holders]
    return Finding(
        id=f"{KIND}:{node_id}",
        kind=KIND,
        severity="warning",
        title=f"node {node.name} has more to do than its {cores if declared else host:g} cores can: "
        + (f"tasks were promised {asked:.3g} CPUs" if declared else f"{load:.1f} threads want to run"),
        about=node,
        since_ms=spell.since_ms,
        until_ms=facts.until(spell.until_ms),
        evidence=evidence,
        advice="let Ray count the cores: do not give it a larger num_cpus than there are"
        if declared
        else "let tasks ask for as many CPUs as they use (num_cpus=), or have them use fewer threads (OMP_NUM_THREADS, torch.set_num_threads, n_jobs)",
        doc=f"findings.md#{KIND}",
        node_ids=[node_id],
        job_ids=sorted({one.process.job_id for one in holders if one.process and one.process.job_id}),
        actor_ids=sorted({one.process.actor_id for one in holders if one.process and one.process.actor_id}),
    )


def _mean(values: Values) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else np.nan


def _uses(one: Share, node_id: str) -> Evidence:
    return Evidence(text=f"{one.words} uses {one.value:.1f} cores", query=f'rate({CPU_SECONDS}{{node="{node_id}",pid="{one.pid}"}}[1m])', value=one.value)
