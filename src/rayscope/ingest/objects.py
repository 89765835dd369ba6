"""Snapshots of Ray's object table into changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from rayscope.ingest.changes import Changes
from rayscope.model.report import ObjectReport
from rayscope.ray.objects import RAY_READS, ObjectRow, maker, read_rows
from rayscope.store import limits
from rayscope.store.objects import Snapshot


def fold_objects(changes: Changes, report: ObjectReport) -> None:
    """One snapshot. Rows that cannot be read are counted in its warnings; of too many the largest objects stay."""
    session_no = changes.number(report.session)
    changes.session(report.session)
    report = _unpacked(report)
    rows, bad = read_rows(report.rows)
    kept = _largest(rows)
    changes.objects.append(
        Snapshot(
            session_no=session_no,
            taken_ns=report.taken_ns,
            trigger=report.trigger,
            total=max(_or(report.total, len(report.rows)), len(kept)),
            listed=_or(report.num_after_truncation, len(report.rows)),
            truncated=report.truncated or len(kept) < len(rows),
            duration_ns=report.duration_ns,
            warnings=(*report.warnings, *([f"{bad} rows of it could not be read"] if bad else [])),
            partial=report.partial_failure_warning,
            store_stats=tuple(report.store_stats),
            rows=[_values(row) for row in kept],
        )
    )


def _unpacked(report: ObjectReport) -> ObjectReport:
    """The report with the parts of Ray's answer as its own."""
    if report.answer is None:
        return report
    listing = report.answer.data.result
    listed = _or(listing.num_after_truncation, len(listing.result))
    total = _or(listing.total, listed)
    # Ray's total also counts entries that are no references to anything (it drops them), so a larger total alone is no cut
    cut = len(listing.result) < _or(listing.num_filtered, listed) or (listed < total and total > RAY_READS)
    return replace(
        report,
        rows=listing.result,
        total=total,
        num_after_truncation=listed,
        truncated=report.truncated or cut,
        warnings=[*report.warnings, *(listing.warnings or [])],
        partial_failure_warning=report.partial_failure_warning or listing.partial_failure_warning,
    )


def _or(given: int | None, otherwise: int) -> int:
    return otherwise if given is None else given


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
