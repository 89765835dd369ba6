"""The pieces of files that a search looks at, from segments and from memory, each read when its turn comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct

from rayscope.query.logs.match import PieceText
from rayscope.ray.log_lines import ALL_LEVELS, Flags, Lines, Mark, read_lines, without_blank_end
from rayscope.store.limits import MAX_LINE_BYTES
from rayscope.store.logs.index import PieceRow
from rayscope.store.logs.memory import Arrival, FileState, Stretch, stretches
from rayscope.store.logs.segments import PieceHead
from rayscope.store.logs.store import LogStore

_STEP_BYTES = 64 * 1024


class Candidate(Struct, frozen=True):
    """A piece that may hold lines: of a segment (``row``) or in memory (``stretch``). ``stored_end``: what lies before is in segments too."""

    state: FileState
    first_ns: int
    last_ns: int
    levels: int = ALL_LEVELS
    row: PieceRow | None = None
    stretch: Stretch | None = None
    stored_end: int = 0


class Opened(Struct, frozen=True):
    """A piece with its lines: ``text`` begins at ``base`` of the file, ``own`` flags the lines that belong to it."""

    text: PieceText
    base: int
    own: Flags


def in_memory(state: FileState, arrivals: Sequence[Arrival], stored_end: int) -> list[Candidate]:
    """What memory holds of a file, but for what the database has already."""
    found: list[Candidate] = []
    for stretch in stretches(arrivals):
        if stretch.end <= stored_end:
            continue
        last_ns = max(state.key_ns, *(mark.observed_ns for mark in stretch.marks))
        found.append(Candidate(state, state.key_ns, last_ns, stretch=stretch, stored_end=stored_end))
    return found


def stored(state: FileState, row: PieceRow) -> Candidate:
    """A piece of a segment."""
    return Candidate(state, row.first_ns, row.last_ns, row.levels, row=row)


Worth = Callable[[bytes], bool]


def open_piece(store: LogStore, candidate: Candidate, gaps: set[int], worth: Worth) -> Opened | None:
    """Read it. ``gaps``: where gaps of its file begin. None where no line is its own, or its bytes are not ``worth`` it."""
    if candidate.row is not None:
        return _open_stored(store, candidate.state, candidate.row, gaps, worth)
    assert candidate.stretch is not None
    return _open_memory(store, candidate, gaps, worth)


def _open_stored(store: LogStore, state: FileState, row: PieceRow, gaps: set[int], worth: Worth) -> Opened | None:
    head, data = store.segments.block(state.session, row.segment_no, row.position).piece(row.piece_no)
    goes_on = _goes_on(state, head.start + head.size, data, gaps)
    if goes_on and b"\n" not in data:
        return None  # in the middle of a long line
    before = line_before(store, state.file_no, head.start) if head.begins_inside else b""
    return _opened(state, head, before, data, goes_on=goes_on) if worth(before + data) else None


def _opened(state: FileState, head: PieceHead, before: bytes, data: bytes, *, goes_on: bool) -> Opened:
    marks = [Mark(mark.at + len(before) if mark.at else 0, mark.observed_ns, mark.seq, mark.stamped) for mark in head.marks]
    whole = before + data
    lines = read_lines(whole, marks, head.floor_ns, head.utc_offset_s, head.open_own_ns)
    own = np.ones(lines.starts.size, np.bool_)
    if goes_on or len(without_blank_end(whole)) < len(whole):
        own[-1:] = False
    return Opened(PieceText(whole, lines, state), head.start - len(before), own)


def _goes_on(state: FileState, end: int, data: bytes, gaps: set[int]) -> bool:
    """Whether its last line goes on in the next piece, which then has it."""
    return not data.endswith(b"\n") and end < state.next_offset and end not in gaps


def _open_memory(store: LogStore, candidate: Candidate, gaps: set[int], worth: Worth) -> Opened | None:
    """Its keys are those that a flush will give it: it starts from where the last flush ended."""
    state, stretch = candidate.state, candidate.stretch
    assert stretch is not None
    inside = bool(state.open_line) and stretch.start == state.stored
    head = PieceHead(
        file_no=state.file_no,
        start=stretch.start,
        size=len(stretch.data),
        floor_ns=state.key_ns,
        begins_inside=inside,
        open_own_ns=state.open_own_ns if inside else None,
        utc_offset_s=state.utc_offset_s,
        marks=stretch.marks,
    )
    before = line_before(store, state.file_no, stretch.start) if inside else b""
    if not worth(before + stretch.data):
        return None
    opened = _opened(state, head, before, stretch.data, goes_on=_goes_on(state, stretch.end, stretch.data, gaps))
    if candidate.stored_end > stretch.start:
        opened = Opened(opened.text, opened.base, opened.own & (opened.text.lines.ends + opened.base >= candidate.stored_end))
    return opened


def line_before(store: LogStore, file_no: int, offset: int) -> bytes:
    """The bytes of the line that goes on at an offset: from its beginning, at most MAX_LINE_BYTES."""
    size = _STEP_BYTES
    while True:
        start = max(offset - size, 0)
        begin, data = store.read(file_no, start, offset - start)
        if begin + len(data) != offset:  # a gap lies between
            begin, data = offset, b""
        newline = data.rfind(b"\n")
        if newline >= 0:
            return data[newline + 1 :]
        if begin > start or start == 0 or size >= MAX_LINE_BYTES:
            return data
        size *= 4


def slice_of(opened: Opened, at: int) -> tuple[int, int]:
    """Where a line lies in its file."""
    lines: Lines = opened.text.lines
    return opened.base + int(lines.starts[at]), opened.base + int(lines.ends[at])
