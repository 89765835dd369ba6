"""Timelines: tracks of slices binned to pixels, never more than a picture can show, whatever the count; and what a range and an attempt are linked to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from msgspec import Struct
from msgspec.structs import astuple

from rayscope.errors import FilterError, NotFound
from rayscope.model.timeline import FunctionStatistics, Links, Marks, MoreTracks, RangeStatistics, Slices, Spot, Timeline, Track
from rayscope.query.bins import Bins, Ints, Rows, Runs
from rayscope.query.labels import labels_of
from rayscope.query.lanes import Slice, pack
from rayscope.query.moment import Moment, View, ask, moment_of, stretch, task_scope
from rayscope.ray.ids import task_key
from rayscope.store import timeline as store
from rayscope.store.conditions import Condition
from rayscope.store.database import Connection, Database
from rayscope.store.entity import Row
from rayscope.store.limits import TIMELINE_CELLS, TIMELINE_FUNCTIONS, TIMELINE_LANES, TIMELINE_LONG, TIMELINE_PX, TIMELINE_SLOWEST, TIMELINE_TRACKS
from rayscope.store.select import Scope

_BIN_TICKS: Final = 8
_LONG_BINS: Final = 2
_CHILDREN: Final = 500


class TimelineRequest(Struct, frozen=True, kw_only=True):
    """A timeline as a caller words it. ``tracks`` empty: all, a page of them."""

    view: View
    px: int = 1200
    group: str = "node"
    color: str = "function"
    tracks: tuple[str, ...] = ()
    lanes: int = 8
    limit: int = 32
    offset: int = 0


class Timelines:
    """Answers what happened when, over one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def picture(self, request: TimelineRequest) -> Timeline:
        """A range as a picture. Raises FilterError, NotFound, Ambiguous."""
        _check(request)
        return ask(self._database, lambda connection: _picture(connection, request))

    def statistics(self, view: View, group: str, tracks: Sequence[str]) -> RangeStatistics:
        """What a selected range holds."""
        _one_of("group", group, store.TRACKS)
        return ask(self._database, lambda connection: _statistics(connection, view, group, tracks))

    def links(self, session: str, task_id: str, attempt: int) -> Links:
        """An attempt with the one that submitted it and those that it submitted."""
        return ask(self._database, lambda connection: _links(connection, session, task_id, attempt))


def _check(request: TimelineRequest) -> None:
    _one_of("group", request.group, store.TRACKS)
    _one_of("color", request.color, store.COLORS)
    for name, value, most in (("px", request.px, TIMELINE_PX), ("lanes", request.lanes, TIMELINE_LANES), ("limit", request.limit, TIMELINE_TRACKS)):
        if not 1 <= value <= most:
            raise FilterError(f"{name} {value} is not between 1 and {most:,}")
    if request.offset < 0:
        raise FilterError(f"offset {request.offset} is less than 0")


def _one_of(name: str, value: str, known: Any) -> None:
    if value not in known:
        raise FilterError(f"no {name} {value!r}", hint=f"there are {', '.join(known)}")


def _picture(connection: Connection, request: TimelineRequest) -> Timeline:
    moment = moment_of(connection, request.view)
    scope = task_scope(connection, moment, request.view.filters)
    first_ns, last_ns = (None, None) if request.view.start and request.view.end else store.extent(connection, scope, moment.now_ns)
    from_ns, to_ns = stretch(request.view, moment, first_ns, None if last_ns is None else last_ns + 1)
    spans = store.Spans(scope=scope, from_ns=from_ns, to_ns=to_ns, now_ns=moment.now_ns, track=request.group, color=request.color)
    rows = store.tracks(connection, spans, request.tracks, request.limit, request.offset)
    tick_ns, bin_ticks = _ticks(to_ns - from_ns, request.px, len(rows))
    drawing = _Drawing(connection, spans, rows, tick_ns, bin_ticks)
    drawing.read(request.tracks)
    tracks = drawing.tracks(request.lanes, labels_of(connection, request.group, moment, rows))
    total = rows[0]["tracks_total"] if rows else 0
    return Timeline(
        session=moment.session,
        from_ns=from_ns,
        to_ns=to_ns,
        as_of_ns=moment.at_ns,
        group=request.group,
        color=request.color,
        tick_ns=tick_ns,
        bin_ticks=bin_ticks,
        attempts=drawing.bins.attempts,
        failed=drawing.bins.failed,
        waiting=store.waiting(connection, spans),
        tracks=tracks,
        tracks_total=total,
        more=MoreTracks(
            tracks=total - len(rows),
            attempts=drawing.bins.attempts - sum(track.attempts for track in tracks),
            failed=drawing.bins.failed - sum(track.failed for track in tracks),
        ),
        colors=drawing.colors,
        warnings=drawing.warnings,
    )


def _ticks(length_ns: int, px: int, tracks: int) -> tuple[int, int]:
    """The tick in ns, and how many make a bin: of a pixel, or of several where that would be too many bins in all."""
    tick_ns = max(-(-length_ns // (px * _BIN_TICKS)), 1)
    wider = -(-tracks * px // TIMELINE_CELLS) or 1
    return tick_ns, _BIN_TICKS * wider


class _Drawing:
    """One picture. ``rows``: its page of tracks. After `tracks`, ``colors`` and ``warnings`` are what belongs to it."""

    def __init__(self, connection: Connection, spans: store.Spans, rows: Sequence[Row], tick_ns: int, bin_ticks: int) -> None:
        self._connection = connection
        self._spans = spans
        self._rows = rows
        self._tick_ns = tick_ns
        self._bin_ns = tick_ns * bin_ticks
        self._least_ns = _LONG_BINS * self._bin_ns - 1
        self.bins = Bins(tracks=len(rows), from_ns=spans.from_ns, to_ns=spans.to_ns, bin_ns=self._bin_ns, width_ns=self._least_ns, most=TIMELINE_LONG)
        self.colors: list[str] = []
        self.warnings: list[str] = []

    def read(self, only: Sequence[str]) -> None:
        """Take in all attempts of the range, of some tracks ``only`` if there are any."""
        for columns in store.attempts(self._connection, self._spans, [row["track"] for row in self._rows], only, self._least_ns):
            self.bins.add(Rows(*columns))

    def tracks(self, lanes: int, labels: Mapping[str, tuple[str, str]]) -> list[Track]:
        """The tracks with all that is drawn in them."""
        packed, used = _packed(self.bins.long(), len(self._rows), lanes)
        if self.bins.width_ns > self._least_ns:
            self.warnings.append(f"more than {TIMELINE_LONG:,} attempts are wide enough for a slice of their own: only the longest have one")
        drawn = _joined(self.bins.density(), packed)
        keys, index = np.unique(drawn.color, return_inverse=True)
        known = store.colors(self._connection, self._spans, keys.tolist())
        self.colors = [known.get(key, "") for key in keys.tolist()]
        slices = self._slices(drawn, index)
        return [
            self._track(row, labels[row["track"]], slices[at], used[at], self.bins.by_track[:, at].tolist(), marks)
            for at, (row, marks) in enumerate(zip(self._rows, self.bins.marks(), strict=True))
        ]

    def _slices(self, drawn: Runs, color: Ints) -> list[Slices]:
        """Of each track, with the names of the attempts that slices are."""
        ids = self._ids(drawn)
        named = [ids.get(place, ("", -1)) for place in drawn.place.tolist()]
        x = drawn.begin // self._tick_ns
        columns = {
            "x": x,
            "w": np.maximum(-(-drawn.until // self._tick_ns) - x, 1),
            "lane": drawn.lane,
            "color": color,
            "count": drawn.count,
            "failed": drawn.failed,
            "fill": drawn.fill,
        }
        lists = {name: column.tolist() for name, column in columns.items()} | {"id": [task for task, _ in named], "attempt": [attempt for _, attempt in named]}
        edges = np.searchsorted(drawn.track, np.arange(len(self._rows) + 1)).tolist()
        return [Slices(**{name: column[first:last] for name, column in lists.items()}) for first, last in pairwise(edges)]

    def _ids(self, drawn: Runs) -> dict[int, tuple[str, int]]:
        """The attempts that slices are, as many as there is room for: those with a slice of their own first."""
        own, merged = drawn.place[(drawn.place >= 0) & (drawn.lane > 0)], drawn.place[(drawn.place >= 0) & (drawn.lane == 0)]
        return store.task_ids(self._connection, np.concatenate([own, merged])[:TIMELINE_LONG].tolist())

    def _track(self, row: Row, label: tuple[str, str], slices: Slices, lanes: int, sums: Sequence[int], bad: tuple[list[int], list[int]]) -> Track:
        attempts, failed, busy_ns = sums
        marks = Marks(x=[at * self._bin_ns // self._tick_ns for at in bad[0]], count=bad[1])
        return Track(
            id=row["track"], label=label[0], detail=label[1], lanes=lanes + 1, attempts=attempts, failed=failed, busy_ns=busy_ns, slices=slices, marks=marks
        )


def _packed(long: Rows, tracks: int, lanes: int) -> tuple[list[list[Slice]], list[int]]:
    """Of each track the slices that are attempts of their own, in lanes, and how many lanes they take."""
    columns = (long.begin, long.until, long.color, long.bad, long.place)
    own = [
        Slice(begin, until, color, 1, int(bad > 0), 100, place)
        for begin, until, color, bad, place in zip(*(column.tolist() for column in columns), strict=True)
    ]
    workers = long.worker.tolist()
    edges = np.searchsorted(long.track, np.arange(tracks + 1)).tolist()
    packed = [pack(zip(own[first:last], workers[first:last], strict=True), lanes) for first, last in pairwise(edges)]
    return [slices for slices, _ in packed], [used for _, used in packed]


def _joined(density: Runs, packed: Sequence[Sequence[Slice]]) -> Runs:
    """Everything by track: its density, which is lane 0, and then its own slices."""
    own = [(at, *astuple(one)) for at, slices in enumerate(packed) for one in slices]
    if not own:
        return density
    pairs = zip(astuple(density), zip(*own, strict=True), strict=True)
    columns = [np.concatenate([column, np.array(more, column.dtype)]) for column, more in pairs]
    order = np.argsort(columns[0], kind="stable")
    return Runs(*(column[order] for column in columns))


def _statistics(connection: Connection, view: View, group: str, tracks: Sequence[str]) -> RangeStatistics:
    moment = moment_of(connection, view)
    scope = task_scope(connection, moment, view.filters)
    from_ns, to_ns = stretch(view, moment)
    spans = store.Spans(scope=scope, from_ns=from_ns, to_ns=to_ns, now_ns=moment.now_ns, track=group)
    found = store.function_statistics(connection, spans, tracks)
    return RangeStatistics(
        session=moment.session,
        from_ns=from_ns,
        to_ns=to_ns,
        as_of_ns=moment.at_ns,
        attempts=sum(row["attempts"] for row in found),
        failed=sum(row["failed"] for row in found),
        busy_ns=sum(row["total_ns"] for row in found),
        functions=[FunctionStatistics(**row) for row in found[:TIMELINE_FUNCTIONS]],
        more_functions=max(len(found) - TIMELINE_FUNCTIONS, 0),
        slowest=[Spot(**row) for row in store.slowest(connection, spans, tracks, TIMELINE_SLOWEST)],
    )


def _links(connection: Connection, session: str, task_id: str, attempt: int) -> Links:
    moment = moment_of(connection, View(session=session))
    found = store.spots(connection, _task(connection, moment, task_id), "attempt_number DESC", 1000)
    own = next((row for row in found if row["attempt_number"] == attempt), None)
    if own is None:
        raise NotFound(f"no attempt {attempt} of task {task_id!r} in session {moment.session}", hint="give the whole task id, and session=")
    parents = _parents(connection, moment, task_id)
    below = task_scope(connection, moment, (), Condition("parent_task_id", "=", (task_id,)))
    total = store.count_of(connection, below)
    return Links(
        session=moment.session,
        attempt=Spot(**own),
        parent=Spot(**parents[0]) if parents else None,
        children=[Spot(**row) for row in store.spots(connection, below, "creation_ns, task_id, attempt_number", _CHILDREN)],
        children_total=total,
    )


def _parents(connection: Connection, moment: Moment, task_id: str) -> list[Row]:
    """The last attempt of the task that submitted one; a driver is none."""
    parent = store.parent_of(connection, _task(connection, moment, task_id))
    return store.spots(connection, _task(connection, moment, parent), "attempt_number DESC", 1) if parent else []


def _task(connection: Connection, moment: Moment, task_id: str) -> Scope:
    """The attempts of one task, found by its key."""
    return task_scope(connection, moment, (), Condition("task_key", "=", (_key(task_id),)), Condition("task_id", "=", (task_id,)))


def _key(task_id: str) -> int:
    try:
        return task_key(task_id)
    except ValueError:
        raise NotFound(f"no task {task_id[:60]!r}", hint="a task id is 48 hexadecimal digits") from None
