"""One frame of the live screen as plain text, for scripts and for terminals that are none."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from rayscope.cli.top.snapshot import Snapshot
from rayscope.cli.top.views import VIEWS, Order, View, lay_out

_ROWS: Final = 10


def frame(snapshot: Snapshot, width: int, view: str | None = None, rows: int = _ROWS) -> list[str]:
    """All views one after the other, some rows each; or all rows of one."""
    totals = snapshot.totals
    lines = [
        f"{snapshot.session}  {'LIVE' if snapshot.is_live else 'ENDED'}",
        f"{totals['nodes']} nodes, {totals['running']:,} tasks running, {totals['waiting']:,} waiting, {totals['failed']:,} failed",
    ]
    chosen = [VIEWS[view]] if view else [one for one in VIEWS.values() if one.rows(snapshot) or one.name != "gpus"]
    for one in chosen:
        lines += ["", *_view(one, snapshot, width, None if view else rows)]
    return [line[:width].rstrip() for line in lines]


def _view(view: View, snapshot: Snapshot, width: int, limit: int | None) -> list[str]:
    named = replace(view, columns=[column for column in view.columns if column.name])  # a sparkline of one moment says nothing
    grid = lay_out(named, snapshot, {}, width, Order(view.sorted_by))
    if not grid.rows:
        return [f"--- {view.title} ---", view.empty]
    shown = grid.cells[:limit]
    left = len(grid.cells) - len(shown)
    lines = [f"--- {view.title}: {len(grid.rows)} ---", "  ".join(grid.heads), *("  ".join(cells) for cells in shown)]
    return [*lines, f"… {left:,} more: --view {view.name}"] if left else lines
