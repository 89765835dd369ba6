"""Live tail: lines in the order in which they arrived, each once, resumable from a cursor.

A line is delivered when it is whole: with the arrival that ends it. A follower pulls; who lags reads from the segments what
memory has let go of, so nothing is dropped and nothing is held for it.
"""

from __future__ import annotations

import bisect
import re
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Final

import numpy as np
from msgspec import Struct

from rayscope.errors import FilterError, NotFound
from rayscope.model.log import LogBatch
from rayscope.query.logs.lines import Found, LineMaker
from rayscope.query.logs.match import PieceText, fitting, of_level
from rayscope.query.logs.pieces import line_before
from rayscope.query.logs.plan import Plan, make_plan
from rayscope.query.logs.request import LogQuery
from rayscope.ray.log_lines import Flags, Mark, read_lines
from rayscope.ray.log_times import LONG_AGO
from rayscope.store.database import Database
from rayscope.store.limits import LINE_TEXT_BYTES, LOG_FOLLOW_LINES, LOG_PAGE_BYTES
from rayscope.store.logs import index
from rayscope.store.logs.index import PieceRow
from rayscope.store.logs.memory import FileState
from rayscope.store.logs.store import LogStore

_REPLAN_S: Final = 2.0
_KEPT_FILES: Final = 10_000
_KEPT_BYTES: Final = 64 * 1024
_WINDOW_BYTES: Final = 16 * 1024 * 1024
_WINDOW_PIECES: Final = 4096
_NAME: Final = re.compile(rb"^:(?:task|actor)_name:(.*)$", re.MULTILINE)
_HOLD_NS: Final = 1_500_000_000
"""How long lines wait when one task's are asked for: who printed them may be told a moment later."""


class Place(Struct, frozen=True, order=True):
    """All arrivals before ``seq`` were delivered, and of that one the lines that begin before ``offset``."""

    seq: int
    offset: int = 0

    def text(self) -> str:
        """As a cursor."""
        return f"{self.seq}.{self.offset}"


def read_place(text: str) -> Place:
    """The place in a cursor; ``0`` is the first line. Raises FilterError."""
    seq, _, offset = text.partition(".")
    if not seq.isdecimal() or not (offset or "0").isdecimal() or len(text) > 40:  # noqa: PLR2004 of two numbers of 64 bits
        raise FilterError(f"not a cursor of a live tail: {text[:40]!r}", hint="take the last event's id, 0 for the first line, or none for now")
    return Place(int(seq), int(offset or 0))


class Part(Struct, frozen=True):
    """Bytes of one file that arrived at once, or a part of them."""

    seq: int
    file_no: int
    start: int
    data: bytes
    observed_ns: int
    stamped: bool
    last: bool


class Follower:
    """One live tail. `take` as often as something has arrived."""

    def __init__(self, database: Database, store: LogStore, query: LogQuery, cursor: str | None) -> None:
        """Raises FilterError, NotFound, Ambiguous."""
        self._database = database
        self._store = store
        self._query = query
        self._plan = self._make_plan()
        self._planned_s = time.monotonic()
        self.place = Place(store.seq + 1) if cursor is None else read_place(cursor)
        self._open: OrderedDict[int, tuple[int, bytes | None]] = OrderedDict()
        self._named: OrderedDict[int, str] = OrderedDict()

    def take(self) -> LogBatch:
        """The lines that have come, up to a limit; `place` is then behind them."""
        self._replan()
        found: list[Found] = []
        size = 0
        parts = self._parts()
        for part in parts:
            if self._plan.tasks is not None and 0 <= time.time_ns() - part.observed_ns < _HOLD_NS:
                break
            for one, following in self._lines(part):
                if one is not None:
                    found.append(one)
                    size += len(one.text)
                self.place = following
                if len(found) >= LOG_FOLLOW_LINES or size >= LOG_PAGE_BYTES:
                    return self._batch(found)
        return self._batch(found)

    def behind_bytes(self) -> int:
        """Bytes in memory that have arrived and were not looked at yet."""
        _, held = self._store.arrivals_after(self.place.seq - 1)
        return sum(len(arrival.data) for arrival in held)

    def _batch(self, found: list[Found]) -> LogBatch:
        if not found:
            return LogBatch(lines=[], behind_bytes=0)
        marks = self._store.view(lambda _: False).marks
        made, _ = LineMaker(self._database, self._store, marks).lines(found, self._plan)
        return LogBatch(lines=[line for _, line in made], behind_bytes=self.behind_bytes())

    def _make_plan(self) -> Plan:
        fresh = self._store.view(lambda _: False).marks
        return self._database.read(lambda connection: make_plan(connection, self._query, fresh))

    def _replan(self) -> None:
        """New workers of a job, and new places of an actor, come to be known while one follows them."""
        if time.monotonic() - self._planned_s < _REPLAN_S:
            return
        self._planned_s = time.monotonic()
        try:
            self._plan = self._make_plan()
        except NotFound:
            return  # what was followed is forgotten: nothing more comes of it

    def _parts(self) -> Iterator[Part]:
        """What came from the place on, in order: first from segments, then from memory."""
        while True:
            stored_seq, held = self._store.arrivals_after(self.place.seq - 1)
            if self.place.seq > stored_seq:
                break
            before = self.place
            yield from self._stored_parts(stored_seq)
            if self.place <= before:
                self.place = Place(stored_seq + 1)
        for arrival in held:
            yield Part(arrival.seq, arrival.file_no, arrival.start, arrival.data, arrival.observed_ns, arrival.stamped, arrival.last)

    def _stored_parts(self, last_seq: int) -> Iterator[Part]:
        seq = self.place.seq
        numbers = None if self._plan.session_no is None else [self._plan.session_no]
        rows = self._database.read(lambda connection: index.pieces_after(connection, numbers, seq, _WINDOW_PIECES))
        rows, until = _window(rows, seq, last_seq)
        parts: list[Part] = []
        for row in rows:
            parts += self._parts_of(row, seq, until)
        yield from sorted(parts, key=lambda part: (part.seq, part.start))
        self.place = max(self.place, Place(until + 1))

    def _parts_of(self, row: PieceRow, seq: int, until: int) -> list[Part]:
        state = self._store.file(row.file_no)
        if state is None or not self._plan.wants(state):
            return []
        try:
            head, data = self._store.segments.block(state.session, row.segment_no, row.position).piece(row.piece_no)
        except NotFound:
            return []
        ends = [*(mark.at for mark in head.marks[1:]), head.size]
        ended = state.ended and head.start + head.size == state.next_offset
        return [
            Part(mark.seq, row.file_no, head.start + mark.at, data[mark.at : end], mark.observed_ns, mark.stamped, ended and end == head.size)
            for mark, end in zip(head.marks, ends, strict=True)
            if seq <= mark.seq <= until
        ]

    def _lines(self, part: Part) -> Iterator[tuple[Found | None, Place]]:
        """The fitting lines that a part ends, each with the place behind it; at last nothing, with the place behind the part."""
        state = self._store.file(part.file_no)
        if state is not None and self._plan.wants(state):
            yield from self._wanted_lines(part, state)
        yield None, Place(part.seq + 1)

    def _wanted_lines(self, part: Part, state: FileState) -> Iterator[tuple[Found | None, Place]]:
        before = self._before(part)
        data = before + part.data
        whole = len(data) if part.last else data.rfind(b"\n") + 1
        self._keep(part, data[whole:])
        if not whole:
            return
        lines = read_lines(data[:whole], (Mark(0, part.observed_ns, part.seq, part.stamped),), LONG_AGO, state.utc_offset_s)
        text, base = PieceText(data[:whole], lines, state), part.start - len(before)
        names = self._names(part.file_no, data[:whole])
        for at in np.flatnonzero(_flags(self._plan, text)):
            start, end = int(lines.starts[at]), int(lines.ends[at])
            if self.place.seq == part.seq and base + start < self.place.offset:
                continue
            key = (int(lines.keys[at]), part.file_no, base + start)
            named = names[bisect.bisect_right(names, start, key=itemgetter(0)) - 1][1]
            one = Found(key, state, data[start : min(end, start + LINE_TEXT_BYTES)], end - start, bool(lines.stamped[at]), named)
            yield one, Place(part.seq, base + end + 1)

    def _names(self, file_no: int, data: bytes) -> list[tuple[int, str | None]]:
        """The names that Ray writes into a worker's file, each with where it begins to hold. Events tell of tasks a second or more later."""
        names: list[tuple[int, str | None]] = [(-1, self._named.get(file_no))]
        if b":task_name:" in data or b":actor_name:" in data:
            names += [(found.start(), found[1].decode("utf-8", "replace") or None) for found in _NAME.finditer(data)]
            if (last := names[-1][1]) is not None:
                self._named[file_no] = last
            if len(self._named) > _KEPT_FILES:
                self._named.popitem(last=False)
        return names

    def _before(self, part: Part) -> bytes:
        """What came of the part's first line before it."""
        end, kept = self._open.get(part.file_no, (-1, None))
        if end == part.start and kept is not None:
            return kept
        return line_before(self._store, part.file_no, part.start) if part.start else b""

    def _keep(self, part: Part, rest: bytes) -> None:
        """Remember an unfinished line, unless it is long: then it is read again."""
        self._open[part.file_no] = (part.start + len(part.data), rest if len(rest) <= _KEPT_BYTES else None)
        self._open.move_to_end(part.file_no)
        while len(self._open) > _KEPT_FILES:
            self._open.popitem(last=False)


def _flags(plan: Plan, text: PieceText) -> Flags:
    flags = fitting(plan.node, text)
    return flags if plan.level is None else of_level(text, plan.level, flags)


def _window(rows: Sequence[PieceRow], seq: int, last_seq: int) -> tuple[list[PieceRow], int]:
    """The pieces to read at once, and the last arrival that they hold all of."""
    size, until = 0, last_seq
    for at, row in enumerate(rows):
        size += row.size_bytes
        if size > _WINDOW_BYTES and row.first_seq > seq:
            return list(rows[:at]), row.first_seq - 1
    if len(rows) == _WINDOW_PIECES and rows[-1].first_seq > seq:
        until = rows[-1].first_seq - 1
    return list(rows), until
