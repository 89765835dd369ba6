"""Live tail: lines in the order in which they arrived, each once, resumable from a cursor.

A line is delivered when it is whole: with the arrival that ends it. A follower pulls; who lags reads from the segments what
memory has let go of, so nothing is dropped and nothing is held for it.
"""

from __future__ import annotations

import bisect
import itertools
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
from rayscope.query.logs.attribution import Spans
from rayscope.query.logs.language import And, Field, Node, Not, Or
from rayscope.query.logs.lines import Found, LineMaker
from rayscope.query.logs.match import PieceText, fitting, of_level
from rayscope.query.logs.pieces import line_before
from rayscope.query.logs.plan import Plan, make_plan
from rayscope.query.logs.request import LogQuery
from rayscope.ray.log_lines import Flags, Mark, read_arrived, without_blank_end
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
_RUN_BYTES: Final = 1024 * 1024
_MANY: Final = 4
"""How many times LOG_FOLLOW_LINES are delivered at once rather than to stop inside of a run."""
_HEAD_BYTES: Final = 4096
_ACTOR: Final = re.compile(rb"^:actor_name:(.*)$", re.MULTILINE)
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


Names = list[tuple[int, str | None]]
"""The names that Ray writes into a worker's file, each with where it begins to hold."""


class _Piece(Struct, frozen=True):
    """The whole lines of one part in a group: where they begin in it and in their file, and the names in them."""

    at: int
    base: int
    seq: int
    state: FileState
    names: Names


class _Group(Struct, frozen=True):
    """Lines that are looked at together."""

    data: bytes
    marks: list[Mark]
    pieces: list[_Piece]
    state: FileState


class _Run:
    """Whole lines of consecutive arrivals. To look at many of them at once costs as much as to look at one."""

    def __init__(self, begin: Place) -> None:
        self.begin = begin
        self.seq = begin.seq - 1
        self._parts: list[tuple[Part, FileState, int, bytes, Names]] = []
        self._lines = 0
        self._size = 0

    @property
    def is_full(self) -> bool:
        """Whether it is time to look."""
        return self._lines >= LOG_FOLLOW_LINES or self._size >= _RUN_BYTES

    def add(self, part: Part, state: FileState, base: int, data: bytes, names: Names) -> None:
        """The lines of one part, which begin at ``base`` of the file."""
        data = data if data.endswith(b"\n") else data + b"\n"
        self._parts.append((part, state, base, data, names))
        self._lines += data.count(b"\n")
        self._size += len(data)

    def groups(self, *, by_file: bool) -> Iterator[_Group]:
        """The lines in order, put together as far as they are read alike."""
        for _, group in itertools.groupby(self._parts, key=lambda one: (one[1].utc_offset_s, one[1].file_no if by_file else 0)):
            parts, marks, pieces, at = [], [], [], 0
            for part, state, base, data, names in group:
                marks.append(Mark(at, part.observed_ns, part.seq, part.stamped))
                pieces.append(_Piece(at, base, part.seq, state, names))
                parts.append(data)
                at += len(data)
            yield _Group(b"".join(parts), marks, pieces, pieces[0].state)


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
        self._wanted: dict[int, bool] = {}
        self._open: OrderedDict[int, tuple[int, bytes | None]] = OrderedDict()
        self._named: OrderedDict[int, str | None] = OrderedDict()

    def take(self) -> LogBatch:
        """The lines that have come, up to a limit; `place` is then behind them."""
        self._replan()
        run = _Run(self.place)
        found: list[Found] = []
        for part in self._parts():
            if self._is_held(part):
                break
            self._add(run, part)
            if run.is_full:
                found = self._found(run)
                if found:
                    return self._batch(found)
                run = _Run(self.place)
        return self._batch(self._found(run))

    def _is_held(self, part: Part) -> bool:
        return self._plan.tasks is not None and 0 <= time.time_ns() - part.observed_ns < _HOLD_NS

    def _add(self, run: _Run, part: Part) -> None:
        """The whole lines that a part ends, if its file is wanted."""
        state = self._store.peek(part.file_no)
        wanted = self._wanted.get(part.file_no)
        if state is not None and wanted is None:
            wanted = self._wanted[part.file_no] = self._plan.wants(state)
        run.seq = part.seq
        if state is None or not wanted:
            return
        before = self._before(part)
        data = before + part.data
        whole = len(without_blank_end(data)) if part.last else data.rfind(b"\n") + 1
        self._keep(part, data[whole:])
        if whole:
            base = part.start - len(before)
            run.add(part, state, base, data[:whole], self._names(state, base, data[:whole]))

    def _found(self, run: _Run) -> list[Found]:
        """The fitting lines of a run; `place` is brought behind them."""
        found: list[Found] = []
        size = 0
        for group in run.groups(by_file=_names_files(self._plan.node)):
            lines = read_arrived(group.data, group.marks, group.state.utc_offset_s)
            for at in np.flatnonzero(_flags(self._plan, PieceText(group.data, lines, group.state))):
                start, end = int(lines.starts[at]), int(lines.ends[at])
                piece = group.pieces[int(lines.chunks[at])]
                offset = piece.base + start - piece.at
                if run.begin.seq == piece.seq and offset < run.begin.offset:
                    continue
                key = (int(lines.keys[at]), piece.state.file_no, offset)
                named = piece.names[bisect.bisect_right(piece.names, start - piece.at, key=itemgetter(0)) - 1][1]
                text = group.data[start : min(end, start + LINE_TEXT_BYTES)]
                found.append(Found(key, piece.state, text, end - start, bool(lines.stamped[at]), named))
                size += len(found[-1].text)
                if len(found) >= _MANY * LOG_FOLLOW_LINES or size >= LOG_PAGE_BYTES:
                    self.place = Place(piece.seq, offset + end - start + 1)
                    return found
        self.place = max(self.place, Place(run.seq + 1))
        return found

    def behind_bytes(self) -> int:
        """Bytes in memory that have arrived and were not looked at yet."""
        _, held = self._store.arrivals_after(self.place.seq - 1)
        return sum(len(arrival.data) for arrival in held)

    def _batch(self, found: list[Found]) -> LogBatch:
        if not found:
            return LogBatch(lines=[], behind_bytes=0)
        made, _ = LineMaker(self._database, self._store, self._store.hooks()).lines(found, self._plan)
        return LogBatch(lines=[line for _, line in made], behind_bytes=self.behind_bytes())

    def _make_plan(self) -> Plan:
        hooks = self._store.hooks()
        return self._database.read(lambda connection: make_plan(connection, self._query, hooks))

    def _replan(self) -> None:
        """New workers of a job, and new places of an actor, come to be known while one follows them."""
        if time.monotonic() - self._planned_s < _REPLAN_S:
            return
        self._planned_s = time.monotonic()
        try:
            self._plan = self._make_plan()
        except NotFound:
            return  # what was followed is forgotten: nothing more comes of it
        self._wanted.clear()

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
        if state is None:
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

    def _names(self, state: FileState, base: int, data: bytes) -> Names:
        """The names that Ray writes into a worker's file, each with where it begins to hold. Events tell of tasks a second or more later.

        What stands where a task is known to have printed is a program's, not Ray's.
        """
        file_no = state.file_no
        if file_no not in self._named and base > 0:
            self._name(file_no, self._actor_of(file_no, base))
        names: Names = [(-1, self._named.get(file_no))]
        if b":task_name:" in data or b":actor_name:" in data:
            printed = self._printed(state)
            rays = [found for found in _NAME.finditer(data) if not printed.holding(base + found.start())]
            names += [(found.start(), found[1].decode("utf-8", "replace") or None) for found in rays]
            if (last := names[-1][1]) is not None:
                self._name(file_no, last)
        return names

    def _name(self, file_no: int, name: str | None) -> None:
        self._named[file_no] = name
        if len(self._named) > _KEPT_FILES:
            self._named.popitem(last=False)

    def _actor_of(self, file_no: int, base: int) -> str | None:
        """The actor's name at the file's beginning, for a tail that goes on in its middle: Ray writes it before any method runs."""
        _, head = self._store.read(file_no, 0, min(base, _HEAD_BYTES))
        found = [marker[1] for marker in _ACTOR.finditer(head)]
        return found[-1].decode("utf-8", "replace") or None if found else None

    def _printed(self, state: FileState) -> Spans:
        """What the hooks of the file's worker have just marked as printed by tasks."""
        output = (state.session_no, state.name.worker_id, state.name.stream)
        marks = (mark for mark in self._store.hooks().marks if (mark.session_no, mark.worker_id, mark.stream) == output)
        return Spans((mark.start, mark.end, (mark.task_id, mark.attempt)) for mark in marks)

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


def _names_files(node: Node) -> bool:
    """Whether a query asks for what differs from file to file."""
    if isinstance(node, Field):
        return node.name != "level"
    if isinstance(node, Not):
        return _names_files(node.part)
    return isinstance(node, (And, Or)) and any(_names_files(part) for part in node.parts)
