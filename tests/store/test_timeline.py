"""Timelines against the same question asked of plain attempts in Python: every attempt is in a slice of its pixel, and no failure is hidden."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from rayscope.errors import FilterError, NotFound
from rayscope.model.timeline import Timeline, Track
from rayscope.query.moment import View
from rayscope.query.timeline import TimelineRequest, Timelines
from rayscope.store import limits
from support import events as ev
from support.events import T0, Event
from support.ids import task_id, wire
from support.recording import Recording, stored

MS = 1_000_000
_numbers = itertools.count()


class Run(Struct, frozen=True):
    """One attempt: when in ms after T0, how long (None: it still runs), on which worker, and how it ended. Not ``started``: it failed before it ran."""

    begin: int
    length: int | None
    worker: int
    name: str
    failed: bool
    started: bool

    @property
    def begin_ns(self) -> int:
        return T0 + (self.begin if self.started else self.begin + (self.length or 0)) * MS

    def until_ns(self, now_ns: int) -> int:
        return now_ns if self.length is None else T0 + (self.begin + self.length) * MS


RUNS = st.builds(
    lambda begin, length, worker, name, failed, started: Run(
        begin, length, worker, name, failed and length is not None, started or not failed or length is None
    ),
    st.integers(0, 1000),
    st.one_of(st.integers(0, 20), st.integers(0, 900), st.none()),
    st.integers(1, 3),
    st.sampled_from(["load", "train", "save"]),
    st.booleans(),
    st.booleans(),
)


def events_of(number: int, run: Run, session: str) -> list[Event]:
    """What Ray would say of it."""
    times = {"PENDING_ARGS_AVAIL": T0 + run.begin * MS}
    if run.started:
        times["RUNNING"] = run.begin_ns
    if run.length is not None:
        times["FAILED" if run.failed else "FINISHED"] = run.until_ns(0)
    task = task_id(number + 1)
    return [
        ev.task_definition(task, name=run.name, session=session),
        ev.task_lifecycle(task, times, worker=run.worker, node=1, pid=9000 + run.worker, session=session),
    ]


def record(recording: Recording, runs: list[Run]) -> str:
    """A session of its own."""
    session = f"session_timeline_{next(_numbers)}"
    recording.post([event for number, run in enumerate(runs) for event in events_of(number, run, session)])
    return session


def picture(recording: Recording, session: str, from_ms: float, to_ms: float, **asked: Any) -> Timeline:
    view = View(session=session, start=str(T0 + round(from_ms * MS)), end=str(T0 + round(to_ms * MS)))
    return Timelines(recording.database).picture(TimelineRequest(view=view, **asked))


def covering(track: Track, x: int) -> list[int]:
    """The slices that hold a tick."""
    slices = track.slices
    return [at for at in range(len(slices.x)) if slices.x[at] <= x < slices.x[at] + slices.w[at]]


@stored
@given(
    runs=st.lists(RUNS, min_size=1, max_size=40),
    start=st.integers(-50, 900),
    length=st.integers(1, 1200),
    px=st.integers(1, 60),
    lanes=st.integers(1, 4),
    group=st.sampled_from(["node", "worker", "function"]),
)
def test_every_attempt_is_drawn(shared: Recording, runs: list[Run], start: int, length: int, px: int, lanes: int, group: str) -> None:
    """Counts add up; where an attempt begins and ends is a slice of its track; failures are in slices that say so, and marked where they ended."""
    session = record(shared, runs)
    drawn = picture(shared, session, start, start + length, px=px, lanes=lanes, group=group)
    now_ns = max(run.until_ns(2**62) if run.length is None else 0 for run in runs)
    inside = [run for run in runs if run.begin_ns < drawn.to_ns and run.until_ns(2**62) >= drawn.from_ns]
    tracks = {track.id: track for track in drawn.tracks}
    assert drawn.attempts == len(inside)
    assert drawn.failed == sum(run.failed for run in inside)
    assert sum(sum(track.slices.count) for track in drawn.tracks) == len(inside)
    assert sum(sum(track.slices.failed) for track in drawn.tracks) == drawn.failed
    assert sum(sum(track.marks.count) for track in drawn.tracks) == sum(run.failed and run.until_ns(0) < drawn.to_ns for run in inside)
    for run in inside:
        track = next(track for track in tracks.values() if group == "node" or track.id == run.name or track.label == f"pid {9000 + run.worker}")
        begin = (max(run.begin_ns, drawn.from_ns) - drawn.from_ns) // drawn.tick_ns
        end = max((min(run.until_ns(now_ns), drawn.to_ns) - drawn.from_ns - 1) // drawn.tick_ns, begin)
        assert covering(track, begin)
        assert covering(track, end)
        if run.failed:
            assert any(track.slices.failed[at] for at in covering(track, begin))
            if run.until_ns(0) < drawn.to_ns:
                bin_at = (run.until_ns(0) - drawn.from_ns) // drawn.tick_ns // drawn.bin_ticks * drawn.bin_ticks
                assert bin_at in track.marks.x
    for track in drawn.tracks:
        check_lanes(track, lanes)
        check_ids(track, runs, drawn)


def check_lanes(track: Track, lanes: int) -> None:
    """Slices of a lane do not overlap, but for the rounding to ticks, and there are no more lanes than asked for beside the density's."""
    last: dict[int, int] = {}
    for x, w, lane in zip(track.slices.x, track.slices.w, track.slices.lane, strict=True):
        assert x >= last.get(lane, 0) - 1
        last[lane] = x + w
        assert 0 <= lane < track.lanes <= max(lanes, 2) + 1


def check_ids(track: Track, runs: list[Run], drawn: Timeline) -> None:
    """A slice that is one attempt names it."""
    ids = {task_id(number + 1).hex(): run for number, run in enumerate(runs)}
    for at, name in enumerate(track.slices.id):
        assert bool(name) == (track.slices.count[at] == 1)
        if name:
            assert ids[name].failed == bool(track.slices.failed[at])


@stored
@given(runs=st.lists(RUNS, min_size=1, max_size=40), px=st.integers(2, 50))
def test_time_is_not_made_up(shared: Recording, runs: list[Run], px: int) -> None:
    """What all slices of a track hold together, by width and fill, is the time that its attempts take; as exact as rounding allows."""
    ended = [run for run in runs if run.length is not None and run.started]
    session = record(shared, ended or [Run(0, 10, 1, "load", False, True)])
    drawn = picture(shared, session, 0, 2000, px=px, lanes=3)
    for track in drawn.tracks:
        held = sum(w * fill for w, fill in zip(track.slices.w, track.slices.fill, strict=True)) * drawn.tick_ns / 100
        slack = sum(track.slices.w) * drawn.tick_ns * 0.01 + len(track.slices.x) * 2 * drawn.tick_ns * max([*track.slices.fill, 100]) / 100
        assert abs(held - track.busy_ns) <= slack


def test_a_crowd_is_never_more_than_a_few_slices_a_pixel(shared: Recording) -> None:
    """Three hundred at once, of all lengths: the slices of a lane are at least two bins wide, and the lanes are bounded."""
    session = record(shared, [Run(at % 40, 10 + at * 7 % 900, 1, "load", at % 50 == 0, True) for at in range(300)])
    drawn = picture(shared, session, 0, 1000, px=100, lanes=4)
    (track,) = drawn.tracks
    assert sum(track.slices.count) == 300
    assert len(track.slices.x) <= 100 + 4 * 50
    assert track.lanes <= 5


def test_the_longest_keep_their_own_slice(shared: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more are wide than an answer has room for, the others are drawn by density, over all their length, and the answer says so."""
    monkeypatch.setattr("rayscope.query.timeline.TIMELINE_LONG", 5)
    session = record(shared, [Run(0, 500 + at, 1, "load", False, True) for at in range(20)])
    drawn = picture(shared, session, 0, 1000, px=50, lanes=8)
    (track,) = drawn.tracks
    assert "the longest" in drawn.warnings[0]
    assert sum(track.slices.count) == 20
    assert [count for lane, count in zip(track.slices.lane, track.slices.count, strict=True) if lane] == [1] * 5
    assert covering(track, 300 * MS // drawn.tick_ns)


def test_tracks_come_in_pages(shared: Recording) -> None:
    """In the order in which they began; what is beyond the page is counted."""
    session = record(shared, [Run(10 * at, 5, 1, f"step {at}", at == 7, True) for at in range(10)])
    drawn = picture(shared, session, 0, 1000, group="function", limit=3, offset=2)
    assert [track.id for track in drawn.tracks] == ["step 2", "step 3", "step 4"]
    assert (drawn.tracks_total, drawn.more.tracks, drawn.more.attempts, drawn.more.failed) == (10, 7, 7, 1)
    only = picture(shared, session, 0, 1000, group="function", tracks=("step 7",))
    assert [(track.id, track.failed) for track in only.tracks] == [("step 7", 1)]


def test_a_range_without_bounds_holds_everything(shared: Recording) -> None:
    """From the first beginning to the last end, which is in it."""
    session = record(shared, [Run(100, 50, 1, "load", False, True), Run(400, 100, 1, "load", True, True)])
    drawn = Timelines(shared.database).picture(TimelineRequest(view=View(session=session)))
    assert drawn.from_ns == T0 + 100 * MS
    assert drawn.to_ns == T0 + 500 * MS + 1
    assert drawn.tracks[0].marks.count == [1]


def test_statistics_of_a_range(shared: Recording) -> None:
    """Attempts that overlap it, and the time inside it."""
    session = record(shared, [Run(0, 100, 1, "load", False, True), Run(50, 100, 2, "load", True, True), Run(500, 10, 1, "save", False, True)])
    found = Timelines(shared.database).statistics(View(session=session, start=str(T0 + 50 * MS), end=str(T0 + 120 * MS)), "worker", [])
    assert [(one.name, one.attempts, one.failed, one.total_ns, one.p50_ns) for one in found.functions] == [("load", 2, 1, 120 * MS, 100 * MS)]
    assert [spot.name for spot in found.slowest] == ["load", "load"]


def test_links_of_an_attempt(shared: Recording) -> None:
    """Its parent and its children."""
    session = f"session_timeline_{next(_numbers)}"
    parent, children = task_id(1), [task_id(2), task_id(3)]
    shared.post(
        [
            *ev.whole_task(parent, name="outer", start=T0, end=T0 + 100, session=session),
            *(
                event
                for child in children
                for event in ev.whole_task(child, name="inner", start=T0 + 10, end=T0 + 20, session=session, parentTaskId=wire(parent))
            ),
        ]
    )
    timelines = Timelines(shared.database)
    outer = timelines.links(session, parent.hex(), 0)
    assert (outer.parent, outer.children_total, {spot.task_id for spot in outer.children}) == (None, 2, {child.hex() for child in children})
    inner = timelines.links(session, children[0].hex(), 0)
    assert inner.parent is not None
    assert inner.parent.task_id == parent.hex()
    for wrong in ("zz", task_id(9).hex()):
        with pytest.raises(NotFound):
            timelines.links(session, wrong, 0)


@pytest.mark.parametrize("asked", [{"px": 0}, {"px": limits.TIMELINE_PX + 1}, {"lanes": 0}, {"limit": 1000}, {"offset": -1}, {"group": "x"}, {"color": "x"}])
def test_what_cannot_be_drawn_is_refused(shared: Recording, asked: dict[str, Any]) -> None:
    """With the name of what is off."""
    session = record(shared, [Run(0, 1, 1, "load", False, True)])
    with pytest.raises(FilterError, match=next(iter(asked))):
        picture(shared, session, 0, 10, **asked)
