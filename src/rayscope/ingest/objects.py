"""Snapshots of Ray's object table into changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rayscope.ingest.changes import Changes
from rayscope.model.report import ObjectReport
from rayscope.ray.objects import ObjectRow, maker, read_rows
from rayscope.store import limits
from rayscope.store.objects import Snapshot


def fold_objects(changes: Changes, report: ObjectReport) -> None:
    """One snapshot. Rows that cannot be read are counted in its warnings; of too many the largest objects stay."""
    session_no = changes.number(report.session)
    changes.session(report.session)
    rows, bad = read_rows(report.rows)
    kept = _largest(rows)
    total = max(report.total if report.total is not None else len(report.rows), len(kept))
    changes.objects.append(
        Snapshot(
            session_no=session_no,
            taken_ns=report.taken_ns,
            trigger=report.trigger,
            total=total,
            listed=report.num_after_truncation if report.num_after_truncation is not None else len(report.rows),
            truncated=report.truncated or len(kept) < len(rows),
            duration_ns=report.duration_ns,
            warnings=(*report.warnings, *([f"{bad} rows of it could not be read"] if bad else [])),
            partial=report.partial_failure_warning,
            store_stats=tuple(report.store_stats),
            rows=[_values(row) for row in kept],
        )
    )


def _largest(rows: Sequence[ObjectRow]) -> Sequence[ObjectRow]:
    if len(rows) <= limits.OBJECT_ROWS:
        return rows
    return sorted(rows, key=lambda row: (-row.object_size, row.object_id))[: limits.OBJECT_ROWS]


def _values(row: ObjectRow) -> tuple[Any, ...]:
    """The columns of store.objects.REFERENCE, then the task's id and key."""
    call_site = row.call_site if len(row.call_site) <= limits.CALL_SITE_BYTES else f"{row.call_site[: limits.CALL_SITE_BYTES]}… (cut)"
    return (
        *(row.object_id, row.ip, row.pid, row.type, row.reference_type, row.object_size, call_site, row.task_status, row.attempt_number),
        *maker(row.object_id),
    )
