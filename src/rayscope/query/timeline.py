"""Timelines: tracks of slices binned to pixels, never more than a picture can show, whatever the count; and what a range and an attempt are linked to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from msgspec import Struct

from rayscope.errors import FilterError, NotFound
from rayscope.model.timeline import FunctionStatistics, Links, Marks, MoreTracks, RangeStatistics, Slices, Spot, Timeline, Track
from rayscope.query.labels import labels_of
from rayscope.query.lanes import Slice, density, pack
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
    drawn, warnings = _Drawing(connection, spans, tick_ns, bin_ticks, request.lanes), []
    tracks = drawn.tracks(rows, moment)
    if drawn.is_coarse:
        warnings.append(f"more than {TIMELINE_LONG:,} attempts are wide enough for a slice of their own: only the longest have one")
    total = rows[0] if rows else {"tracks_total": 0, "attempts_total": 0, "failed_total": 0}
    return Timeline(
        session=moment.session,
        from_ns=from_ns,
        to_ns=to_ns,
        as_of_ns=moment.at_ns,
        group=request.group,
        color=request.color,
        tick_ns=tick_ns,
        bin_ticks=bin_ticks,
        attempts=total["attempts_total"],
        failed=total["failed_total"],
        waiting=store.waiting(connection, spans),
        tracks=tracks,
        tracks_total=total["tracks_total"],
        more=MoreTracks(
            tracks=total["tracks_total"] - len(rows),
            attempts=total["attempts_total"] - sum(row["attempts"] for row in rows),
            failed=total["failed_total"] - sum(row["failed"] for row in rows),
        ),
        colors=list(drawn.colors),
        warnings=warnings,
    )


def _ticks(length_ns: int, px: int, tracks: int) -> tuple[int, int]:
    """The tick in ns, and how many make a bin: of a pixel, or of several where that would be too many bins in all."""
    tick_ns = max(-(-length_ns // (px * _BIN_TICKS)), 1)
    wider = -(-tracks * px // TIMELINE_CELLS) or 1
    return tick_ns, _BIN_TICKS * wider


class _Drawing:
    """The slices of one picture. ``colors`` holds each colour's index."""

    def __init__(self, connection: Connection, spans: store.Spans, tick_ns: int, bin_ticks: int, lanes: int) -> None:
        self._connection = connection
        self._spans = spans
        self._tick_ns = tick_ns
        self._bin_ns = tick_ns * bin_ticks
        self._lanes = lanes
        self.colors: dict[str, int] = {}
        self.is_coarse = False

    def tracks(self, rows: Sequence[Row], moment: Moment) -> list[Track]:
        """The tracks with all that is drawn in them."""
        names = [row["track"] for row in rows]
        if not names:
            return []
        least_ns, attempts = _LONG_BINS * self._bin_ns - 1, sum(row["attempts"] for row in rows)
        drawn = store.drawn(self._connection, self._spans, names, least_ns=least_ns, most=TIMELINE_LONG, bin_ns=self._bin_ns, attempts=attempts)
        self.is_coarse = drawn.width_ns > least_ns
        slices, lanes = self._slices(names, drawn)
        ids = self._ids([one for name in names for one in slices[name]])
        bad = {name: list(part) for name, part in groupby(drawn.marks, key=itemgetter(0))}
        labels = labels_of(self._connection, self._spans.track, moment, rows)
        return [self._track(row, labels[row["track"]], slices[row["track"]], lanes[row["track"]], ids, bad.get(row["track"], [])) for row in rows]

    def _slices(self, names: Sequence[str], drawn: store.Drawn) -> tuple[dict[str, list[Slice]], dict[str, int]]:
        length_ns = self._spans.to_ns - self._spans.from_ns
        cells = {name: density((row[1:] for row in part), self._bin_ns, length_ns) for name, part in groupby(drawn.cells, key=itemgetter(0))}
        packed = {name: pack(map(_own, part), self._lanes) for name, part in groupby(drawn.long, key=itemgetter(0))}
        slices = {name: cells.get(name, []) + packed.get(name, ([], 0))[0] for name in names}
        return slices, {name: packed.get(name, ([], 0))[1] + 1 for name in names}

    def _ids(self, slices: Sequence[Slice]) -> dict[tuple[int, int], tuple[str, int]]:
        """The attempts that slices are, as many as there is room for: those with a slice of their own first."""
        own = [one.place for one in slices if one.place and one.lane]
        merged = [one.place for one in slices if one.place and not one.lane]
        return store.task_ids(self._connection, [*own, *merged][:TIMELINE_LONG])

    def _track(
        self, row: Row, label: tuple[str, str], slices: Sequence[Slice], lanes: int, ids: dict[tuple[int, int], tuple[str, int]], bad: Sequence[Any]
    ) -> Track:
        tick, named = self._tick_ns, [ids.get(one.place, ("", -1)) if one.place else ("", -1) for one in slices]
        edges = [(one.begin // tick, -(-one.until // tick)) for one in slices]
        return Track(
            id=row["track"],
            label=label[0],
            detail=label[1],
            lanes=lanes,
            attempts=row["attempts"],
            failed=row["failed"],
            busy_ns=row["busy_ns"],
            slices=Slices(
                x=[begin for begin, _ in edges],
                w=[max(until - begin, 1) for begin, until in edges],
                lane=[one.lane for one in slices],
                color=[self.colors.setdefault(one.color, len(self.colors)) for one in slices],
                count=[one.count for one in slices],
                failed=[one.failed for one in slices],
                fill=[one.fill for one in slices],
                id=[task for task, _ in named],
                attempt=[attempt for _, attempt in named],
            ),
            marks=Marks(x=[at * self._bin_ns // tick for _, at, _ in bad], count=[count for _, _, count in bad]),
        )


def _own(row: tuple[Any, ...]) -> tuple[Slice, str]:
    """The slice of one attempt, and its worker."""
    _, begin, until, failed, color, part, place, worker = row
    return Slice(begin, until, color, 1, failed, 100, (part, place)), worker


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
