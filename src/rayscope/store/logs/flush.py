"""From memory to segments: the arrivals of one flush as blocks, and what the database is told of them. Pure but for the writers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct, field

from rayscope.ray.log_lines import ALL_LEVELS, level_mask, read_lines
from rayscope.store.logs.index import PieceRow
from rayscope.store.logs.limits import BLOCK_BYTES, MAX_PIECE_BYTES, MAX_TAIL_BYTES
from rayscope.store.logs.memory import Arrival, Cut, FileState, Stretch, cut, stretches
from rayscope.store.logs.segments import PieceHead, encode_block
from rayscope.store.logs.tokens import Hashes, hash_words
from rayscope.store.segment_files import SegmentWriter


class Piece(Struct, frozen=True):
    """A piece on its way into a block."""

    head: PieceHead
    data: bytes
    words: Hashes
    first_ns: int
    last_ns: int
    levels: int


class Pending(Struct):
    """The block that is being filled, of one session."""

    pieces: list[Piece] = field(default_factory=list)
    size: int = 0


def write_blocks(
    arrivals: dict[int, list[Arrival]], files: dict[int, FileState], writer_of: Callable[[FileState], SegmentWriter]
) -> tuple[list[PieceRow], list[FileState]]:
    """Append all arrivals to the segments of their sessions; the new rows, and the files' states behind them. Raises DiskFull."""
    rows: list[PieceRow] = []
    states: list[FileState] = []
    by_session: dict[int, list[FileState]] = {}
    for file_no in sorted(arrivals):
        by_session.setdefault(files[file_no].session_no, []).append(files[file_no])
    for members in by_session.values():
        writer, pending = writer_of(members[0]), Pending()
        for state in members:
            for piece in _pieces(state, arrivals[state.file_no]):
                pending.pieces.append(piece)
                pending.size += len(piece.data)
                if pending.size >= BLOCK_BYTES:
                    rows += _write(writer, pending, state.session_no)
                    pending = Pending()
            states.append(state)
        if pending.pieces:
            rows += _write(writer, pending, members[0].session_no)
        writer.sync()
    return rows, states


def _write(writer: SegmentWriter, pending: Pending, session_no: int) -> Iterator[PieceRow]:
    block = encode_block([(piece.head, piece.data) for piece in pending.pieces], [piece.words for piece in pending.pieces])
    segment_no, position = writer.append(block)
    for number, piece in enumerate(pending.pieces):
        yield PieceRow(
            session_no=session_no,
            file_no=piece.head.file_no,
            segment_no=segment_no,
            position=position,
            piece_no=number,
            start_offset=piece.head.start,
            size_bytes=piece.head.size,
            first_ns=piece.first_ns,
            last_ns=piece.last_ns,
            first_seq=piece.head.marks[0].seq,
            last_seq=piece.head.marks[-1].seq,
            levels=piece.levels,
        )


def _pieces(state: FileState, arrivals: Sequence[Arrival]) -> Iterator[Piece]:
    """The pieces of one file; ``state`` is brought behind them."""
    for stretch in stretches(arrivals):
        if stretch.start != state.stored:  # behind a gap
            state.open_line, state.open_own_ns = b"", None
        for part in cut(stretch, MAX_PIECE_BYTES):
            yield _piece(state, stretch, part)
        state.stored = stretch.end


def _piece(state: FileState, stretch: Stretch, part: Cut) -> Piece:
    data = stretch.data[part.start : part.end]
    inside = bool(state.open_line)
    head = PieceHead(
        file_no=state.file_no,
        start=stretch.start + part.start,
        size=len(data),
        floor_ns=state.key_ns,
        begins_inside=inside,
        open_own_ns=state.open_own_ns if inside else None,
        utc_offset_s=state.utc_offset_s,
        marks=part.marks,
    )
    lines = read_lines(data, part.marks, state.key_ns, state.utc_offset_s, head.open_own_ns)
    words = hash_words(state.open_line + data)
    state.key_ns = lines.key_ns
    _note_open_line(state, data, lines.open_own_ns)
    return Piece(head, data, words, int(lines.keys[0]), lines.key_ns, ALL_LEVELS if inside else level_mask(data))


def _note_open_line(state: FileState, data: bytes, own_ns: int) -> None:
    """Remember the end of a line that is not finished, for the words across the boundary, and its own time."""
    if data.endswith(b"\n"):
        state.open_line, state.open_own_ns = b"", None
        return
    newline = data.rfind(b"\n")
    goes_on = newline < 0 and state.open_line
    state.open_line = ((state.open_line if newline < 0 else b"") + data[newline + 1 :])[-MAX_TAIL_BYTES:]
    state.open_own_ns = state.open_own_ns if goes_on else own_ns
