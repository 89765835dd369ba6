"""Log bytes that are in the journal and not yet in a segment: the files' positions, and what arrived, in order."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from rayscope.ray.log_lines import Mark
from rayscope.ray.log_names import LogName
from rayscope.ray.log_times import LONG_AGO

FileKey = tuple[int, str, str]
"""Session number, node id, and the agent's id of the file."""


class FileState(Struct, kw_only=True):
    """What is known of one file. ``next_offset`` includes what is in memory; ``stored``, and ``key_ns`` are of what is in segments."""

    file_no: int
    session_no: int
    session: str
    node_id: str
    file: str
    path: str
    name: LogName
    utc_offset_s: int = 0
    next_offset: int = 0
    lost_bytes: int = 0
    redacted: int = 0
    ended: bool = False
    first_ns: int | None = None
    last_ns: int | None = None
    key_ns: int = LONG_AGO
    tail: bytes = b""
    open_line: bytes = b""
    open_own_ns: int | None = None
    stored: int = 0


class Arrival(Struct, frozen=True):
    """Bytes of one file that came at once."""

    seq: int
    file_no: int
    start: int
    data: bytes
    observed_ns: int
    stamped: bool
    """Whether its lines tell times."""
    last: bool = False
    """Whether the file ended with it."""

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.start + len(self.data)


class Gap(Struct, frozen=True):
    """Bytes of a file that nobody can read any more."""

    session_no: int
    file_no: int
    start: int
    end: int
    reason: str
    noted_ns: int


class Attribution(Struct, frozen=True, array_like=True):
    """One mark of a worker hook: who printed a range of a worker's output."""

    session_no: int
    worker_id: str
    stream: str
    start: int
    end: int
    task_id: str
    attempt: int


class Memtable(Struct):
    """What arrived since the last flush."""

    arrivals: dict[int, list[Arrival]] = field(default_factory=dict)
    sequence: list[Arrival] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    marks: list[Attribution] = field(default_factory=list)
    marked: dict[tuple[int, str, str], list[Attribution]] = field(default_factory=dict)
    changed: dict[int, FileState] = field(default_factory=dict)
    size_bytes: int = 0
    since_ns: int = 0

    def mark(self, mark: Attribution) -> None:
        """One more mark; ``marked`` has them by session number, worker id and stream."""
        self.marks.append(mark)
        self.marked.setdefault((mark.session_no, mark.worker_id, mark.stream), []).append(mark)

    def add(self, arrival: Arrival) -> None:
        """One more stretch."""
        self.arrivals.setdefault(arrival.file_no, []).append(arrival)
        self.sequence.append(arrival)
        self.size_bytes += len(arrival.data)


class Stretch(Struct, frozen=True):
    """Contiguous bytes of one file, with the marks of their arrivals."""

    start: int
    data: bytes
    marks: tuple[Mark, ...]

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.start + len(self.data)


def stretches(arrivals: Iterable[Arrival]) -> list[Stretch]:
    """The arrivals of one file, in order, where they touch put together."""
    found: list[Stretch] = []
    run: list[Arrival] = []
    for arrival in arrivals:
        if not arrival.data:
            continue
        if run and arrival.start != run[-1].end:
            found.append(_joined(run))
            run = []
        run.append(arrival)
    if run:
        found.append(_joined(run))
    return found


def _joined(run: list[Arrival]) -> Stretch:
    start = run[0].start
    return Stretch(start, b"".join(part.data for part in run), tuple(Mark(part.start - start, part.observed_ns, part.seq, part.stamped) for part in run))


class Cut(Struct, frozen=True):
    """A piece cut from a stretch: its place in it, and its marks, relative to its own beginning."""

    start: int
    end: int
    marks: tuple[Mark, ...]


def cut(stretch: Stretch, at_most: int) -> list[Cut]:
    """The stretch in pieces, each ending with a line where one ends within its size."""
    cuts: list[Cut] = []
    data, at, next_mark = stretch.data, 0, 0
    while at < len(data):
        end = min(at + at_most, len(data))
        if end < len(data) and (newline := data.rfind(b"\n", at, end)) >= at:
            end = newline + 1
        marks: list[Mark] = []
        if next_mark == 0 or next_mark == len(stretch.marks) or stretch.marks[next_mark].at > at:
            running = stretch.marks[max(next_mark - 1, 0)]
            marks = [] if next_mark == 0 else [Mark(0, running.observed_ns, running.seq, running.stamped)]
        while next_mark < len(stretch.marks) and stretch.marks[next_mark].at < end:
            mark = stretch.marks[next_mark]
            marks.append(Mark(mark.at - at, mark.observed_ns, mark.seq, mark.stamped))
            next_mark += 1
        cuts.append(Cut(at, end, tuple(marks)))
        at = end
    return cuts
