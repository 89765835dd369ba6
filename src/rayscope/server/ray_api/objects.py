"""Ray's listing and summary of objects: the last snapshot of the object table, as Ray told it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from rayscope.query.objects import ObjectQueries
from rayscope.server.ray_api.columns import OBJECT
from rayscope.server.ray_api.filters import check_filters, fits
from rayscope.server.ray_api.listing import ListAnswer
from rayscope.server.ray_api.options import MAX_ROWS, GivenFilter, Options
from rayscope.server.ray_api.summaries import SummaryAnswer
from rayscope.store.entity import Row

_MEBIBYTE: Final = 1024**2
_NO_SITES: Final = "disabled"


def list_objects(queries: ObjectQueries, session: str, options: Options) -> ListAnswer:
    """The references of the newest snapshot. Raises Refused."""
    filters = check_filters(OBJECT, options.filters)
    info, rows = queries.as_ray_told(session)
    fitting = [row for row in rows if fits(row, filters)]
    return ListAnswer(
        total=info.total if info else 0,
        num_after_truncation=info.listed if info else 0,
        num_filtered=len(fitting) if filters or info is None else info.listed,
        result=fitting[: options.limit],
        partial_failure_warning=info.partial_failure_warning if info else None,
        warnings=info.warnings if info else [],
    )


def summarize_objects(queries: ObjectQueries, session: str, given: Sequence[GivenFilter]) -> SummaryAnswer:
    """The references by call site (Ray's ObjectSummaries). Raises Refused."""
    listed = list_objects(queries, session, Options(limit=MAX_ROWS, detail=False, exclude_driver=True, filters=tuple(given)))
    return SummaryAnswer(
        total=listed.total,
        num_after_truncation=listed.num_after_truncation,
        num_filtered=listed.num_filtered,
        result={"node_id_to_summary": {"cluster": _summary(listed.result)}},
        partial_failure_warning=listed.partial_failure_warning,
        warnings=listed.warnings,
    )


def _summary(rows: Sequence[Row]) -> dict[str, Any]:
    by_site: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_site[row["call_site"]].append(row)
    return {
        "summary": {site: _of_site(part) for site, part in by_site.items()},
        "total_objects": len(rows),
        "total_size_mb": _megabytes(rows),
        "callsite_enabled": _NO_SITES not in by_site,
        "summary_by": "callsite",
    }


def _of_site(rows: Sequence[Row]) -> dict[str, Any]:
    """Ray's ObjectSummaryPerKey: it counts references, and calls them objects."""
    return {
        "total_objects": len(rows),
        "total_size_mb": _megabytes(rows),
        "total_num_workers": len({row["pid"] for row in rows}),
        "total_num_nodes": len({row["ip"] for row in rows}),
        "task_state_counts": _counts(rows, "task_status"),
        "task_attempt_number_counts": _counts(rows, "attempt_number"),
        "ref_type_counts": _counts(rows, "reference_type"),
    }


def _megabytes(rows: Sequence[Row]) -> float:
    """Added up as Ray does, one by one, so that the last digit is the same."""
    total: float = 0
    for row in rows:
        if row["object_size"] != -1:
            total += row["object_size"] / _MEBIBYTE
    return total


def _counts(rows: Sequence[Row], column: str) -> dict[str, int]:
    counts: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        counts[str(row[column])] += 1
    return dict(counts)
