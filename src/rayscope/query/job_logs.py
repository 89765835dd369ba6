"""What a job's driver printed, by byte offset: of one that was submitted, and of one that was not; while it runs, and when its cluster is gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from rayscope.errors import Ambiguous, NotFound, UsageError
from rayscope.query.logs.service import Logs
from rayscope.query.queries import Queries
from rayscope.query.sessions import ALL
from rayscope.store.entity import Row
from rayscope.store.logs.memory import FileState

STREAMS: Final = ("out", "err")
TERMINAL: Final = frozenset({"SUCCEEDED", "FAILED", "STOPPED", "FINISHED", "LOST"})
"""States of a job that it does not leave. FINISHED: its driver is gone, and nobody knows its exit code."""

_LOST_MARK: Final = b"\n[rayscope: %d bytes are lost here]\n"


class JobOutput(Struct, frozen=True, kw_only=True):
    """A stretch of one stream of a job's driver. Offsets count the stream's bytes from its beginning."""

    session: str
    job: Row
    stream: str
    streams: list[str]
    offset: int
    data: bytes
    next_offset: int
    size: int
    lost_bytes: int = 0
    is_open: bool = True
    is_known: bool = True
    """Whether any file of it was shipped."""

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended, one way or another."""
        return self.job["status"] in TERMINAL


class JobLogs:
    """Questions about drivers' output."""

    def __init__(self, queries: Queries, logs: Logs) -> None:
        self._queries = queries
        self._logs = logs

    def read(self, session: str, wanted: str, stream: str | None, offset: int, length: int) -> JobOutput:
        """Bytes of a driver's output from an offset on; negative: that many before the end. Raises NotFound, Ambiguous, UsageError."""
        if stream not in {None, *STREAMS}:
            raise UsageError(f"no stream {stream!r}", hint=f"there are {', '.join(STREAMS)}")
        job = find_job(self._queries, session, wanted)
        files = self._files(job)
        streams = [name for name in STREAMS if any(_stream(file) == name for file in files)] or ["out"]
        chosen = stream or streams[0]
        own = [file for file in files if _stream(file) == chosen]
        size = sum(file.next_offset for file in own)
        start = min(offset if offset >= 0 else max(size + offset, 0), size)
        data = self._bytes(own, start, length)
        return JobOutput(
            session=str(job["session"]),
            job=job,
            stream=chosen,
            streams=streams,
            offset=start,
            data=data,
            next_offset=start + len(data),
            size=size,
            lost_bytes=sum(file.lost_bytes for file in own),
            is_open=any(not file.ended for file in own) or not own,
            is_known=bool(files),
        )

    def text(self, session: str, wanted: str, at_most: int) -> str:
        """All of it, as Ray's own client asks for it: the streams one behind the other, and of each no more than the end that is given room."""
        first = self.read(session, wanted, None, -at_most, at_most)
        parts = [first, *(self.read(session, wanted, name, -at_most, at_most) for name in first.streams if name != first.stream)]
        return "".join(_shown(part) for part in parts)

    def _files(self, job: Row) -> list[FileState]:
        """The driver's log files, the oldest first."""
        session, submission, job_id = job["session"], job["submission_id"], job["job_id"]

        def is_its(file: FileState) -> bool:
            name = file.name
            if file.session != session or name.source != "driver":
                return False
            return name.submission_id == submission if submission is not None and name.submission_id else job_id is not None and name.job_id == job_id

        found = sorted(self._logs.store.view(is_its).files.values(), key=lambda file: file.next_offset)
        once = {file.file: file for file in found}.values()  # nodes that share a folder may both have shipped it: the longer counts
        return sorted(once, key=lambda file: (file.first_ns or 0, file.file_no))

    def _bytes(self, files: Sequence[FileState], offset: int, length: int) -> bytes:
        """Bytes of the files as if they were one. What is lost is filled, so that offsets stay right."""
        parts: list[bytes] = []
        for file in files:
            if offset >= file.next_offset:
                offset -= file.next_offset
                continue
            while offset < file.next_offset and length > 0:
                part = self._part(file, offset, min(length, file.next_offset - offset))
                parts.append(part)
                offset, length = offset + len(part), length - len(part)
            offset = 0
        return b"".join(parts)

    def _part(self, file: FileState, offset: int, length: int) -> bytes:
        start, data = self._logs.read_at(file.file_no, offset, length)
        if not data:
            return _filled(length)
        if start > offset:
            return _filled(min(start - offset, length))
        return data[:length]


def find_job(queries: Queries, session: str, wanted: str) -> Row:
    """The job of a job id or submission id, or of a prefix that fits one. Raises NotFound, Ambiguous."""
    rows = queries.get("jobs", wanted, session)
    if len(rows) > 1:
        if session != ALL:
            return max(rows, key=lambda row: row["start_ns"] or 0)
        raise Ambiguous(f"{wanted!r} is a job of {len(rows)} sessions", hint="name one with --session")
    if not rows:
        raise NotFound(f"Job {wanted} does not exist", hint="`rayscope job list` shows them")
    return rows[0]


def _stream(file: FileState) -> str:
    return "err" if file.name.stream == "err" else "out"


def _filled(length: int) -> bytes:
    """As many bytes that say that these are lost."""
    mark = _LOST_MARK % length
    return mark + b"." * (length - len(mark)) if length > len(mark) else b"." * length


def _shown(part: JobOutput) -> str:
    cut = f"[rayscope: the first {part.offset} bytes are left out; `rayscope job logs` has them]\n" if part.offset else ""
    return cut + part.data.decode(errors="replace")
