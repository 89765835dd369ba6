"""Search: the pieces that can hold fitting lines, the nearest to the wanted end of time first, until the page is full.

Lines have one total order: by key (see ray/log_lines.py), file and offset. A page is final when no piece that was not looked
at can hold a line before its last one.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial

import numpy as np
from msgspec import Struct

from rayscope.errors import NotFound
from rayscope.model.log import LogLine, LogPage
from rayscope.query.logs.attribution import Output
from rayscope.query.logs.cursor import Key, decode_key, encode_key
from rayscope.query.logs.lines import Found, LineMaker
from rayscope.query.logs.match import fitting, may_fit, may_hold_text, needs_words, of_level
from rayscope.query.logs.pieces import Candidate, Opened, in_memory, open_piece, slice_of, stored
from rayscope.query.logs.plan import Plan, make_plan
from rayscope.query.logs.request import NEWEST, LogQuery
from rayscope.query.sessions import resolve_session
from rayscope.ray.log_lines import Flags, is_marker
from rayscope.store import questions
from rayscope.store.database import Connection, Database
from rayscope.store.limits import LINE_TEXT_BYTES, LOG_LATE_S, LOG_PAGE_BYTES, LOG_SEARCH_S
from rayscope.store.logs import index
from rayscope.store.logs.memory import FileState
from rayscope.store.logs.questions import stored_ends
from rayscope.store.logs.store import LogStore, View
from rayscope.store.retention import deletions

_MARKERS_A_LINE = 4
"""How many lines that look like Ray's markers are kept for each line of a page until it is known whose they are."""


class Scene(Struct, frozen=True):
    """One question's view of the data."""

    plan: Plan
    view: View
    candidates: list[Candidate]
    gaps: dict[int, set[int]]
    lost: list[tuple[int, int, int, str]]
    behind: list[tuple[str, int, float]]


class LogSearch:
    """Answers searches over one store of logs."""

    def __init__(self, database: Database, store: LogStore) -> None:
        self._database = database
        self._store = store

    def search(self, query: LogQuery, budget_s: float = LOG_SEARCH_S) -> LogPage:
        """A page of lines. Raises FilterError, NotFound, Ambiguous."""
        deadline = time.monotonic() + budget_s
        scene = self._scene(query)
        after = decode_key(scene.plan.query.order, query.cursor)
        page = _Page(scene.plan, after)
        stop = self._look(scene, page, deadline)
        made = LineMaker(self._database, self._store)
        looked_at, last = made.lines(page.found(), scene.plan)
        lines, following = _bounded(looked_at, last, scene.plan, stop=stop, full=page.is_full)
        if query.context:
            lines = made.with_context(lines, query.context)
        notes = [*_notes(stop), *_lost(scene), *_behind(scene), *self._deleted(scene.plan)]
        return LogPage(lines=lines, next=following, complete=stop is None, notes=notes, session=scene.plan.session)

    def _deleted(self, plan: Plan) -> list[str]:
        """What of these sessions' logs was deleted: what is not found may have been there."""
        found = self._database.read(lambda connection: deletions(connection, None, "logs"))
        known = [row for row in found if plan.session in {None, row["session"]}]
        if not known:
            return []
        before_ns = max(row["before_ns"] for row in known)
        by = "retention" if any(row["cause"] != "asked" for row in known) else "request"
        until = datetime.fromtimestamp(before_ns / 1e9, UTC)
        return [f"logs deleted by {by} before {until:%Y-%m-%d %H:%M:%S} UTC: {sum(row['amount'] for row in known):,} bytes on disk"]

    def _scene(self, query: LogQuery) -> Scene:
        chosen = self._database.read(lambda connection: resolve_session(questions.sessions(connection), query.session))
        everything = self._store.view(lambda state: chosen is None or state.session_no == chosen[0])
        return self._database.read(lambda connection: self._scene_in(connection, query, everything))

    def _scene_in(self, connection: Connection, query: LogQuery, everything: View) -> Scene:
        plan = make_plan(connection, query, everything.marks)
        files = {file_no: state for file_no, state in everything.files.items() if plan.wants(state)}
        numbers = sorted(files)
        after = decode_key(plan.query.order, query.cursor)
        since_ns, until_ns = _span(plan, after)
        rows = index.pieces_of(connection, numbers, since_ns, until_ns) if numbers else []
        ends = stored_ends(connection, [number for number in numbers if number in everything.arrivals])
        candidates = [stored(files[row.file_no], row) for row in rows if row.file_no in files]
        for number, arrivals in everything.arrivals.items():
            if number in files:
                candidates += in_memory(files[number], arrivals, ends.get(number, 0))
        lost = [(gap.file_no, gap.start, gap.end, gap.reason) for gap in everything.gaps if gap.file_no in files]
        lost += index.gaps_of(connection, numbers) if any(state.lost_bytes for state in files.values()) else []
        gaps: defaultdict[int, set[int]] = defaultdict(set)
        for file_no, start, _, _ in lost:
            gaps[file_no].add(start)
        view = View(files, everything.arrivals, everything.gaps, everything.marks, everything.seq)
        nodes = {state.node_id for state in files.values()}
        behind = [agent for agent in index.agents_behind(connection, plan.session_no, LOG_LATE_S) if agent[0] in nodes]
        return Scene(plan, view, _chosen(candidates, plan), gaps, lost, behind)

    def _look(self, scene: Scene, page: _Page, deadline: float) -> int | None:
        """Fill the page. Where time ran out before all was looked at: the time up to which the page is final."""
        plan = scene.plan
        prunes = needs_words(plan.node)
        reached: int | None = None
        for candidate in scene.candidates:
            nearest = candidate.last_ns if page.newest else candidate.first_ns
            if page.is_beyond(nearest):
                return None
            if reached is not None and nearest != reached and time.monotonic() > deadline:
                return nearest
            reached = nearest
            if prunes and not self._may_fit(plan, candidate):
                continue
            try:
                opened = open_piece(self._store, candidate, scene.gaps.get(candidate.state.file_no, set()), partial(may_hold_text, plan.node))
            except NotFound:
                continue  # retention took it meanwhile
            if opened is not None:
                page.add(candidate, opened, _flags(plan, opened))
        return None

    def _may_fit(self, plan: Plan, candidate: Candidate) -> bool:
        row = candidate.row
        if row is None:
            return True
        try:
            return may_fit(plan.node, self._store.segments.filter_of(candidate.state.session, row.segment_no, row.position))
        except NotFound:
            return False


def _span(plan: Plan, after: Key | None) -> tuple[int | None, int | None]:
    """The span of times that is left to look at."""
    since_ns, until_ns = plan.since_ns, plan.until_ns
    if after is not None and plan.query.order == NEWEST:
        until_ns = after[0] if until_ns is None else min(until_ns, after[0])
    elif after is not None:
        since_ns = after[0] if since_ns is None else max(since_ns, after[0])
    return since_ns, until_ns


def _chosen(candidates: Iterable[Candidate], plan: Plan) -> list[Candidate]:
    """Those that can hold fitting lines, the nearest first."""
    fits = [candidate for candidate in candidates if _has_level(candidate, plan) and _in_spans(candidate, plan)]
    if plan.query.order == NEWEST:
        return sorted(fits, key=lambda candidate: -candidate.last_ns)
    return sorted(fits, key=lambda candidate: candidate.first_ns)


def _has_level(candidate: Candidate, plan: Plan) -> bool:
    return plan.level is None or bool(candidate.levels & plan.levels)


def _in_spans(candidate: Candidate, plan: Plan) -> bool:
    if plan.spans is None:
        return True
    start, end = _reach(candidate)
    return any(first < end and last > start for first, last in plan.spans.get(_output(candidate.state), ()))


def _reach(candidate: Candidate) -> tuple[int, int]:
    if candidate.row is not None:
        return candidate.row.start_offset, candidate.row.end_offset
    assert candidate.stretch is not None
    return candidate.stretch.start, candidate.stretch.end


def _output(state: FileState) -> Output:
    return (state.session_no, state.name.worker_id or "", state.name.stream)


def _flags(plan: Plan, opened: Opened) -> Flags:
    """Which of its own lines fit."""
    flags = opened.own.copy()
    lines = opened.text.lines
    if plan.since_ns is not None:
        flags &= lines.keys >= plan.since_ns
    if plan.until_ns is not None:
        flags &= lines.keys <= plan.until_ns
    if plan.spans is not None:
        starts = lines.starts + opened.base
        within = np.zeros(flags.size, np.bool_)
        for first, last in plan.spans.get(_output(opened.text.state), ()):
            within |= (starts >= first) & (starts < last)
        flags &= within
    if flags.any():
        flags &= fitting(plan.node, opened.text)
    if plan.level is not None:
        flags = of_level(opened.text, plan.level, flags)
    return flags


class _Page:
    """The lines found so far that come first in the order, no more than are needed."""

    def __init__(self, plan: Plan, after: Key | None) -> None:
        self.newest = plan.query.order == NEWEST
        self._limit = plan.query.limit
        self._after = after
        self._found: list[Found] = []
        self._bound: Key | None = None  # of a full page, its last line

    @property
    def is_full(self) -> bool:
        """Whether there are as many lines as were asked for, or as fit into an answer."""
        return self._bound is not None

    def is_beyond(self, nearest_ns: int) -> bool:
        """Whether no line from there on can come into the page."""
        if self._bound is None:
            return False
        return nearest_ns < self._bound[0] if self.newest else nearest_ns > self._bound[0]

    def found(self) -> list[Found]:
        """The lines, in order."""
        self._shrink()
        return self._found

    def add(self, candidate: Candidate, opened: Opened, flags: Flags) -> None:
        """The flagged lines of a piece."""
        lines, state = opened.text.lines, candidate.state
        for at in self._nearest(flags):
            start, end = slice_of(opened, at)
            key = (int(lines.keys[at]), state.file_no, start)
            if not self._is_wanted(key):
                continue
            text = opened.text.data[lines.starts[at] : lines.starts[at] + min(int(lines.ends[at] - lines.starts[at]), LINE_TEXT_BYTES)]
            self._found.append(Found(key, state, text, end - start, bool(lines.stamped[at])))
        self._shrink()

    def _nearest(self, flags: Flags) -> Sequence[int]:
        """The places of flagged lines, no more than can come into the page: keys never fall within a piece."""
        places = [int(at) for at in np.flatnonzero(flags)]
        if self._after is not None:
            return places[::-1] if self.newest else places
        at_most = self._limit * (1 + _MARKERS_A_LINE)
        return places[: -at_most - 1 : -1] if self.newest else places[:at_most]

    def _is_wanted(self, key: Key) -> bool:
        if self._after is not None and (key >= self._after if self.newest else key <= self._after):
            return False
        return self._bound is None or (key > self._bound if self.newest else key < self._bound)

    def _shrink(self) -> None:
        self._found.sort(key=lambda found: found.key, reverse=self.newest)
        size, count = 0, 0
        for at, found in enumerate(self._found):
            size += len(found.text)
            count += not is_marker(found.text)
            if count >= self._limit or size >= LOG_PAGE_BYTES or at + 1 >= self._limit * (1 + _MARKERS_A_LINE):
                del self._found[at + 1 :]
                self._bound = found.key
                return


def _bounded(lines: list[tuple[Key, LogLine]], last: Key | None, plan: Plan, *, stop: int | None, full: bool) -> tuple[list[LogLine], str | None]:
    """The lines of the page, and where the next one begins. ``last``: the last place looked at on the way; ``stop``: where time ran out."""
    order, limit = plan.query.order, plan.query.limit
    if stop is not None:
        newest = order == NEWEST
        final = [(key, line) for key, line in lines if (key[0] > stop if newest else key[0] < stop)]
        edge = (stop, 2**31, 2**62) if newest else (stop, -1, -1)
        if len(final) >= limit:
            return [line for _, line in final[:limit]], encode_key(order, final[limit - 1][0])
        return [line for _, line in final], encode_key(order, edge)
    if len(lines) > limit:
        return [line for _, line in lines[:limit]], encode_key(order, lines[limit - 1][0])
    return [line for _, line in lines], encode_key(order, last) if full and last is not None else None


def _notes(stop: int | None) -> list[str]:
    if stop is None:
        return []
    return ["the search took its time and has not looked at everything yet: `next` goes on from where it stopped"]


def _lost(scene: Scene) -> list[str]:
    """A note for each gap near the asked lines; of many, how many."""
    if not scene.lost:
        return []
    size = sum(end - start for _, start, end, _ in scene.lost)
    file_no, start, end, reason = scene.lost[0]
    first = f"{end - start:,} bytes of {scene.view.files[file_no].path} at {start:,}: {reason}"
    more = f", and {len(scene.lost) - 1} gaps more" if len(scene.lost) > 1 else ""
    return [f"{size:,} bytes of these files could not be read any more ({first}{more})"]


def _behind(scene: Scene) -> list[str]:
    """A note for each node whose newest lines are still on their way."""
    return [
        f"the agent of node {node_id[:12]} is {lag_s:.0f} s and {size:,} bytes behind: its newest lines are not here yet"
        for node_id, size, lag_s in scene.behind
    ]
