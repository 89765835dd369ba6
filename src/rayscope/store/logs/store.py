"""The store of log bytes: what arrived is in the journal and in memory, and goes to segments in flushes. All of it can be read at once.

Reading takes what is in memory first and the database second: what a flush moves meanwhile is then seen twice, never missed,
and the second sight of it is dropped by its offsets.
"""

from __future__ import annotations

import bisect
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct, structs

from rayscope.errors import PayloadError
from rayscope.model.agent import Chunk, Chunks
from rayscope.ray.log_names import MARKS, LogName, read_log_name
from rayscope.ray.log_times import tells_times
from rayscope.store.database import Connection, Database
from rayscope.store.journal import Journal, Position
from rayscope.store.limits import LOG_FLUSH_ARRIVALS
from rayscope.store.logs import index
from rayscope.store.logs.flush import write_blocks
from rayscope.store.logs.limits import SEGMENT_BYTES
from rayscope.store.logs.marks import read_marks
from rayscope.store.logs.memory import Arrival, FileKey, FileState, Gap, Hooks, Memtable
from rayscope.store.logs.segments import Segments
from rayscope.store.segment_files import SegmentWriter

_JOB_LINE = b":job_id:"


class View(Struct, frozen=True):
    """What is in memory at a moment: states of files, and the arrivals of each that may not be in segments yet."""

    files: dict[int, FileState]
    arrivals: dict[int, list[Arrival]]
    gaps: list[Gap]
    hooks: Hooks
    seq: int


class LogStore:
    """One a server. `apply` and `flush` have one caller each; reading is free."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.segments = Segments(folder)
        self.journal = Journal(folder / "journal")
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._files: dict[int, FileState] = {state.file_no: state for state in database.read(index.read_files)}
        self._keys: dict[FileKey, FileState] = {(state.session_no, state.node_id, state.file): state for state in self._files.values()}
        self._outputs = Counter(_output(state) for state in self._files.values())
        self._left_out: Counter[tuple[int, str]] = Counter()
        for state in self._files.values():
            if state.name.source == MARKS:
                self._note_left_out(state, state.left_out)
        self._next_file_no = max(self._files, default=0) + 1
        self.position, self.seq = database.read(index.log_position)
        self.utc_offsets = database.read(index.agent_offsets)
        self._active = Memtable()
        self._frozen = Memtable()
        self._writers: dict[int, SegmentWriter] = {}
        self._listeners: list[Callable[[], None]] = []

    def close(self) -> None:
        """Close all files. What is not flushed is in the journal."""
        self.journal.close()
        for writer in self._writers.values():
            writer.close()

    # what comes in

    def apply(self, session_no: int, chunks: Chunks, end: Position, redacted: Sequence[int] = ()) -> dict[str, int]:
        """Take chunks that are in the journal, up to ``end``; the next offset of each file."""
        offsets: dict[str, int] = {}
        with self._lock:
            for at, chunk in enumerate(chunks.chunks):
                state = self._state(session_no, chunks, chunk)
                self._take(state, chunk, redacted[at] if redacted else 0)
                offsets[chunk.file] = state.next_offset
            self.position = end
        self.wake()
        return offsets

    def wake(self) -> None:
        """Have all listeners look."""
        for listener in list(self._listeners):
            listener()

    def _state(self, session_no: int, chunks: Chunks, chunk: Chunk) -> FileState:
        key = (session_no, chunks.node_id, chunk.file)
        state = self._keys.get(key)
        if state is None:
            state = FileState(
                file_no=self._next_file_no,
                session_no=session_no,
                session=chunks.session,
                node_id=chunks.node_id,
                file=chunk.file,
                path=chunk.path,
                name=_named(chunk),
                utc_offset_s=self.utc_offsets.get((session_no, chunks.node_id), 0),
            )
            self._next_file_no += 1
            self._keys[key] = self._files[state.file_no] = state
            self._outputs[_output(state)] += 1
        elif state.path != chunk.path:
            state.path = chunk.path
            if state.name.source == "other":
                state.name = _named(chunk)
        return state

    def _take(self, state: FileState, chunk: Chunk, redacted: int) -> None:
        self._active.changed[state.file_no] = state
        self._active.since_ns = self._active.since_ns or time.time_ns()
        data, start = chunk.data, chunk.offset
        if start > state.next_offset:
            self._note_gap(state, chunk)
        elif start < state.next_offset:
            data, start = data[state.next_offset - start :], state.next_offset
        ends = chunk.ended and not state.ended
        state.ended = chunk.ended
        if not data and not ends:
            return
        self._note_times(state, chunk.observed_ns)
        state.redacted += redacted
        if state.name.source == MARKS:
            before = state.left_out
            self._active.marks.extend(read_marks(state, data))
            self._note_left_out(state, state.left_out - before)
            state.next_offset = start + len(data)
            return
        if start == 0 and state.name.job_id is None and data.startswith(_JOB_LINE) and state.name.worker_id:
            state.name = structs.replace(state.name, job_id=_job_in(data) or None)
        self.seq += 1
        self._active.add(Arrival(self.seq, state.file_no, start, data, chunk.observed_ns, tells_times(data), ends))
        state.next_offset = start + len(data)

    def _note_left_out(self, state: FileState, count: int) -> None:
        """Kept as it comes: every search and every delivery of a live tail asks for it. A worker counts from its first marks on."""
        if state.name.worker_id is not None:
            self._left_out[state.session_no, state.name.worker_id] += count

    def _note_gap(self, state: FileState, chunk: Chunk) -> None:
        reason = str((chunk.gap or {}).get("reason") or "unknown")
        self._active.gaps.append(Gap(state.session_no, state.file_no, state.next_offset, chunk.offset, reason, chunk.observed_ns))
        state.lost_bytes += chunk.offset - state.next_offset
        state.next_offset = chunk.offset
        if state.name.source == MARKS:
            state.tail = b""

    @staticmethod
    def _note_times(state: FileState, observed_ns: int) -> None:
        state.first_ns = observed_ns if state.first_ns is None else state.first_ns
        state.last_ns = max(observed_ns, state.last_ns or observed_ns)

    # what goes to disk

    @property
    def waiting_bytes(self) -> int:
        """Bytes that are in memory and not in segments."""
        return self._active.size_bytes + self._frozen.size_bytes

    @property
    def waiting_sessions(self) -> set[int]:
        """The sessions of which something is in memory and not in segments."""
        with self._lock:
            return {state.session_no for table in (self._frozen, self._active) for state in table.changed.values()}

    def is_due(self, now_ns: int, size_bytes: int, age_s: float) -> bool:
        """Whether what is in memory is large, or old, enough for a flush."""
        active = self._active
        is_large = active.size_bytes >= size_bytes or len(active.sequence) + len(active.marks) >= LOG_FLUSH_ARRIVALS
        return is_large or bool(active.changed and now_ns - active.since_ns >= age_s * 1e9)

    def flush(self) -> None:
        """Everything in memory into segments. Raises DiskFull; then nothing has changed, and the next flush tries again."""
        with self._flushing:
            if self._frozen.changed:
                self._store_frozen()  # of a flush that failed
            self._freeze()
            if self._frozen.changed:
                self._store_frozen()

    def _store_frozen(self) -> None:
        frozen, states, position, seq = self._frozen, self._frozen_states, self._frozen_position, self._frozen_seq
        working = {file_no: structs.replace(state) for file_no, state in states.items()}
        pieces, _ = write_blocks(frozen.arrivals, working, self._writer_of)
        for state in working.values():
            state.stored = state.next_offset

        def store(connection: Connection) -> None:
            index.write_pieces(connection, pieces)
            index.write_gaps(connection, frozen.gaps)
            index.write_marks(connection, frozen.marks)
            index.write_files(connection, list(working.values()))
            index.write_log_position(connection, position, seq)

        self.database.write(store)
        self._thaw(working)
        self.journal.forget(position)

    def _freeze(self) -> None:
        with self._lock:
            self._frozen, self._active = self._active, Memtable()
            self._frozen_states = {file_no: structs.replace(state) for file_no, state in self._frozen.changed.items()}
            self._frozen_position, self._frozen_seq = self.position, self.seq

    def _thaw(self, stored: dict[int, FileState]) -> None:
        with self._lock:
            for file_no, state in stored.items():
                if (known := self._files.get(file_no)) is not None:
                    known.stored, known.key_ns = state.stored, state.key_ns
                    known.open_line, known.open_own_ns = state.open_line, state.open_own_ns
            self._frozen = Memtable()

    def _writer_of(self, state: FileState) -> SegmentWriter:
        writer = self._writers.get(state.session_no)
        if writer is None:
            writer = self._writers[state.session_no] = SegmentWriter(self.folder / state.session, SEGMENT_BYTES)
        return writer

    # what is asked

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have ``listener`` called, on any thread, when something has arrived; call what is returned to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def view(self, wanted: Callable[[FileState], bool]) -> View:
        """The files that are wanted, and what of them is in memory."""
        with self._lock:
            files = {file_no: structs.replace(state) for file_no, state in self._files.items() if wanted(state)}
            arrivals = {file_no: held for file_no in files if (held := self._held(file_no))}
            gaps = [gap for table in (self._frozen, self._active) for gap in table.gaps if gap.file_no in files]
            return View(files, arrivals, gaps, self._hooks(), self.seq)

    def hooks(self) -> Hooks:
        """What the worker hooks said."""
        with self._lock:
            return self._hooks()

    def _hooks(self) -> Hooks:
        return Hooks([*self._frozen.marks, *self._active.marks], self._left_out.copy())

    def _held(self, file_no: int) -> list[Arrival]:
        return [*self._frozen.arrivals.get(file_no, ()), *self._active.arrivals.get(file_no, ())]

    def offsets(self, session_no: int, node_id: str) -> dict[str, tuple[str, int]]:
        """By the agent's id: path and next offset of each file of a node."""
        with self._lock:
            return {state.file: (state.path, state.next_offset) for state in self._files.values() if (state.session_no, state.node_id) == (session_no, node_id)}

    def file(self, file_no: int) -> FileState | None:
        """A file's state."""
        with self._lock:
            state = self._files.get(file_no)
            return None if state is None else structs.replace(state)

    def peek(self, file_no: int) -> FileState | None:
        """The same, not copied: it goes on changing."""
        return self._files.get(file_no)

    def arrivals_after(self, seq: int) -> tuple[int, list[Arrival]]:
        """What is in memory behind an arrival, in order; and the number of the last arrival that is in segments only."""
        with self._lock:
            held = [*self._frozen.sequence, *self._active.sequence]
            first = held[0].seq if held else self.seq + 1
            return first - 1, held[bisect.bisect_right(held, seq, key=lambda arrival: arrival.seq) :]

    def read(self, file_no: int, offset: int, length: int) -> tuple[int, bytes]:
        """Bytes of a file from ``offset`` on, and the offset of the first of them: later than asked for where a gap begins there."""
        with self._lock:
            held = self._held(file_no)
        found = self._stored_parts(file_no, offset, offset + length)
        stored_end = max((start + len(data) for start, data in found), default=offset)
        for arrival in held:
            if arrival.end > stored_end and arrival.start < offset + length:
                skip = max(stored_end - arrival.start, 0)
                found.append((arrival.start + skip, arrival.data[skip:]))
                stored_end = arrival.end
        return _contiguous(found, offset, length)

    def _stored_parts(self, file_no: int, start: int, end: int) -> list[tuple[int, bytes]]:
        state = self.file(file_no)
        if state is None:
            return []
        parts: list[tuple[int, bytes]] = []
        for row in self.database.read(lambda connection: index.pieces_between(connection, file_no, start, end)):
            head, data = self.segments.block(state.session, row.segment_no, row.position).piece(row.piece_no)
            skip = max(start - head.start, 0)
            parts.append((head.start + skip, data[skip : end - head.start]))
        return parts

    # what goes away

    def sizes(self) -> dict[str, int]:
        """Bytes of segments by session."""
        return self.segments.sizes()

    def drop_session(self, session_no: int, session: str) -> int:
        """Delete all logs of a session; the bytes of segments that this frees."""
        with self._flushing:
            with self._lock:
                gone = [state for state in self._files.values() if state.session_no == session_no]
                for state in gone:
                    del self._files[state.file_no], self._keys[state.session_no, state.node_id, state.file]
                    self._outputs[_output(state)] -= 1
                    for table in (self._frozen, self._active):
                        table.arrivals.pop(state.file_no, None)
                        table.changed.pop(state.file_no, None)
                for worker in [worker for worker in self._left_out if worker[0] == session_no]:
                    del self._left_out[worker]
            self.database.write(lambda connection: index.drop_session_rows(connection, session_no))
            if (writer := self._writers.pop(session_no, None)) is not None:
                writer.close()
            return self.segments.drop_session(session)

    def drop_segment(self, session_no: int, session: str, segment_no: int) -> int:
        """Delete one segment of a session; the bytes that this frees. Its lines are gone, its files' positions stay."""
        with self._flushing:
            writer = self._writers.get(session_no)
            if writer is not None and writer.segment_no == segment_no:
                self._writers.pop(session_no).close()
            dropped = self.database.write(lambda connection: index.drop_segment_rows(connection, session_no, segment_no, time.time_ns()))
            with self._lock:
                for file_no, size in dropped.items():
                    if (state := self._files.get(file_no)) is not None:
                        state.lost_bytes += size
            return self.segments.drop_segment(session, segment_no)

    def segments_of(self, session_no: int, session: str) -> list[index.SegmentRow]:
        """The segments of a session, the oldest first, with the times of their lines and their bytes on disk."""
        rows = self.database.read(lambda connection: index.segment_rows(connection, session_no))
        return [structs.replace(row, size_bytes=self.segments.size_of(session, row.segment_no)) for row in rows]

    def is_one_file(self, output: tuple[int, str, str]) -> bool:
        """Whether a worker's output (session number, worker id, stream) is one file. Offsets of one that was rotated or truncated do not say in which."""
        with self._lock:
            return self._outputs[output] == 1


def _output(state: FileState) -> tuple[int, str, str]:
    return (state.session_no, state.name.worker_id or "", state.name.stream)


def _named(chunk: Chunk) -> LogName:
    """What the name tells, and what the sender says beyond."""
    name = read_log_name(chunk.path)
    if chunk.meta is None:
        return name
    said = {field: value for field, value in structs.asdict(chunk.meta).items() if value is not None}
    return structs.replace(name, **said)


def _job_in(data: bytes) -> str:
    job = data[len(_JOB_LINE) : data.find(b"\n")].decode("latin-1")
    return job if job and not set(job) - set("0123456789abcdef") else ""


def _contiguous(parts: list[tuple[int, bytes]], offset: int, length: int) -> tuple[int, bytes]:
    """The first run of parts that touch, from ``offset`` on."""
    parts = sorted((start, data) for start, data in parts if data and start + len(data) > offset)
    if not parts:
        return offset, b""
    begin = max(parts[0][0], offset)
    found, at, size = [], parts[0][0], 0
    for start, data in parts:
        if start != at or size >= length:
            break
        piece = data[max(begin - start, 0) :]
        found.append(piece)
        size += len(piece)
        at = start + len(data)
    return begin, b"".join(found)[:length]


def check_session_name(name: str) -> str:
    """The name, if it can be a folder's. Raises PayloadError."""
    if not name or name.startswith(".") or set(name) & set("/\\\0") or len(name) > 200:  # noqa: PLR2004 a file name has at most 255 bytes
        raise PayloadError(f"not a session's name: {name[:80]!r}", hint="it is Ray's session_name, such as session_2026-11-23_14-03-07_123456_1234")
    return name
