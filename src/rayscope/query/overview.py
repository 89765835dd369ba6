"""A session at a glance: what ran and waited over time, what the cluster had and used, and what needs attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rayscope.errors import FilterError
from rayscope.model.overview import CountSeries, Overview, ResourceSeries, Totals
from rayscope.query.attention import attention
from rayscope.query.levels import add_amounts, by_kind, level_series, rounded
from rayscope.query.moment import View, ask, moment_of, stretch, task_scope
from rayscope.store import overview as store
from rayscope.store.database import Connection, Database
from rayscope.store.limits import OVERVIEW_BINS, OVERVIEW_RESOURCES

_FIRST: Final = ("CPU", "GPU", "memory", "object_store_memory")


class Overviews:
    """Answers how a session is, over one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def overview(self, view: View, bins: int) -> Overview:
        """A session at a glance, in so many bins. Raises FilterError, NotFound, Ambiguous."""
        if not 1 <= bins <= OVERVIEW_BINS:
            raise FilterError(f"px {bins} is not between 1 and {OVERVIEW_BINS:,}")
        return ask(self._database, lambda connection: _overview(connection, view, bins))


def _overview(connection: Connection, view: View, wanted: int) -> Overview:
    moment = moment_of(connection, view)
    from_ns, to_ns = stretch(view, moment)
    bin_ns = max(-(-(to_ns - from_ns) // wanted), 1)
    bins = -(-(to_ns - from_ns) // bin_ns)
    asked = store.Stretch(
        scope=task_scope(connection, moment, view.filters),
        session_no=moment.session_no,
        at_ns=moment.at_ns,
        from_ns=from_ns,
        to_ns=to_ns,
        now_ns=moment.now_ns,
        bin_ns=bin_ns,
    )
    running, nodes = by_kind(store.levels(connection, asked, "running")), by_kind(store.levels(connection, asked, "nodes"))
    used: dict[str, list[float]] = {}
    had: dict[str, list[float]] = {}
    add_amounts(used, running, bins, bin_ns)
    add_amounts(used, by_kind(store.levels(connection, asked, "actors")), bins, bin_ns)
    add_amounts(had, nodes, bins, bin_ns)
    totals = store.totals(connection, asked)
    return Overview(
        session=moment.session,
        state="LIVE" if moment.ended_ns is None else "ENDED",
        from_ns=from_ns,
        to_ns=to_ns,
        as_of_ns=moment.at_ns,
        bin_ns=bin_ns,
        counts=_counts(connection, asked, running, bins),
        resources=_resources(had, used, bins),
        nodes_alive=rounded(level_series((row for rows in nodes.values() for row in rows), bins, bin_ns)),
        totals=Totals(**totals),
        attention=attention(connection, moment, asked, totals, {name: max(series) for name, series in had.items()}),
    )


def _counts(connection: Connection, asked: store.Stretch, running: Mapping[str, Sequence[tuple[int, int, int]]], bins: int) -> CountSeries:
    finished, failed = [0] * bins, [0] * bins
    for at, well, badly in store.ends(connection, asked):
        finished[at], failed[at] = well, badly
    pending = [row[1:] for row in store.levels(connection, asked, "pending")]
    return CountSeries(
        t_ns=[asked.from_ns + at * asked.bin_ns for at in range(bins)],
        running=rounded(level_series((row for rows in running.values() for row in rows), bins, asked.bin_ns)),
        pending=rounded(level_series(pending, bins, asked.bin_ns)),
        finished=finished,
        failed=failed,
    )


def _resources(had: Mapping[str, list[float]], used: Mapping[str, list[float]], bins: int) -> list[ResourceSeries]:
    """Those that people ask for first, then by name; a node's own marker is none."""
    names = {name for name in (*had, *used) if not name.startswith("node:")}
    ordered = [*(name for name in _FIRST if name in names), *sorted(names - set(_FIRST))]
    empty = [0.0] * bins
    return [ResourceSeries(name=name, total=rounded(had.get(name, empty)), used=rounded(used.get(name, empty))) for name in ordered[:OVERVIEW_RESOURCES]]
