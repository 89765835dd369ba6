"""Profiled spans that have rows of their own, put to their attempts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from rayscope.query.present import span_row
from rayscope.store import questions
from rayscope.store.database import Connection
from rayscope.store.entity import Row

_MAX_SPANS: Final = 1000


def add_spans(connection: Connection, rows: Sequence[Row]) -> None:
    """Complete profile_events with the spans that have rows of their own."""
    keys = [(row["session_no"], row["task_key"], row["task_id"], row["attempt_number"]) for row in rows]
    found: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for span in questions.extra_spans(connection, keys, _MAX_SPANS * max(len(rows), 1)):
        found[span["session_no"], span["task_id"], span["attempt"]].append(span_row(span["name"], span["start_ns"], span["end_ns"], span["extra"]))
    for row in rows:
        spans = [*(row["profile_events"] or []), *found[row["session_no"], row["task_id"], row["attempt_number"]]]
        row["profile_events"] = sorted(spans, key=lambda span: (span["start_ns"], -span["end_ns"], span["name"]))[:_MAX_SPANS] or None
