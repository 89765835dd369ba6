"""Summaries from their counts by name and state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from rayscope.model.page import TaskGroup
from rayscope.store.entity import Row


def task_groups(rows: Sequence[Row]) -> list[TaskGroup]:
    """One group a name and type, of rows that have one state each."""
    grouped: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["name"], row["type"]].append(row)
    return [_task_group(name, kind, parts) for (name, kind), parts in grouped.items()]


def _task_group(name: str, kind: str, parts: Sequence[Row]) -> TaskGroup:
    """One group of its rows by state. The quantiles are those of the state that most of its timed tasks are in."""
    timed = max((row for row in parts if row["p50_ns"] is not None), key=lambda row: row["tasks"], default=None)
    return TaskGroup(
        name=name,
        type=kind,
        state_counts={row["state"]: row["tasks"] for row in parts if row["tasks"]},
        tasks=sum(row["tasks"] for row in parts),
        retries=sum(row["retries"] for row in parts),
        p50_ns=timed["p50_ns"] if timed else None,
        p99_ns=timed["p99_ns"] if timed else None,
        total_ns=sum(row["total_ns"] or 0 for row in parts) if timed else None,
    )
