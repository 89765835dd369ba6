"""Logs in the database: files, pieces, gaps, marks, agents. Written with a flush, read by searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs

from rayscope.ray.log_names import MARKS, LogName
from rayscope.store.changes import insert
from rayscope.store.database import Connection
from rayscope.store.entity import Row
from rayscope.store.journal import Position
from rayscope.store.logs.memory import Attribution, FileState, Gap
from rayscope.store.select import rows


class PieceRow(Struct, frozen=True, array_like=True):
    """A row of log_piece."""

    session_no: int
    file_no: int
    segment_no: int
    position: int
    piece_no: int
    start_offset: int
    size_bytes: int
    first_ns: int
    last_ns: int
    first_seq: int
    last_seq: int
    levels: int

    @property
    def end_offset(self) -> int:
        """The offset behind it."""
        return self.start_offset + self.size_bytes


_PIECE = ", ".join(PieceRow.__struct_fields__)


def log_position(connection: Connection) -> tuple[Position, int]:
    """The journal's position up to which all is in segments, and the number of the last arrival in them."""
    found = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('log_applied', 'log_seq')").fetchall())
    file, offset = found.get("log_applied", "0:0").split(":")
    return Position(int(file), int(offset)), int(found.get("log_seq", 0))


def write_log_position(connection: Connection, position: Position, seq: int) -> None:
    """Note both."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('log_applied', ?), ('log_seq', ?)", [f"{position.file}:{position.offset}", str(seq)])


def read_files(connection: Connection) -> list[FileState]:
    """All files that are known."""
    found = rows(connection, "SELECT f.*, s.session FROM log_file f JOIN session s USING (session_no)")
    return [_state(row) for row in found]


def _state(row: Row) -> FileState:
    name = LogName(**{column: row.pop(column) for column in ("source", "stream", "worker_id", "job_id", "submission_id", "pid")})
    tail = row["tail"].encode("latin-1")
    kept = {"tail": tail} if name.source == MARKS else {"tail": b"", "open_line": tail}
    return FileState(**(row | kept | {"name": name, "stored": row["next_offset"]}))


def write_files(connection: Connection, files: Sequence[FileState]) -> None:
    """The state of files whose bytes are all in segments."""
    insert(connection, "log_file", [_row(state) for state in files], verb="INSERT OR REPLACE")


def _row(state: FileState) -> Row:
    row = structs.asdict(state) | structs.asdict(state.name) | {"tail": (state.tail or state.open_line).decode("latin-1")}
    for name in ("name", "session", "stored", "open_line"):
        del row[name]
    return row


def write_pieces(connection: Connection, pieces: Sequence[PieceRow]) -> None:
    """New pieces."""
    insert(connection, "log_piece", [structs.asdict(piece) for piece in pieces])


def write_gaps(connection: Connection, gaps: Sequence[Gap]) -> None:
    """New gaps."""
    insert(
        connection,
        "log_gap",
        [
            {
                "session_no": gap.session_no,
                "file_no": gap.file_no,
                "start_offset": gap.start,
                "end_offset": gap.end,
                "reason": gap.reason,
                "noted_ns": gap.noted_ns,
            }
            for gap in gaps
        ],
    )


def write_marks(connection: Connection, marks: Sequence[Attribution]) -> None:
    """New marks."""
    insert(
        connection,
        "log_mark",
        [
            {
                "session_no": mark.session_no,
                "worker_id": mark.worker_id,
                "stream": mark.stream,
                "start_offset": mark.start,
                "end_offset": mark.end,
                "task_id": mark.task_id,
                "attempt": mark.attempt,
            }
            for mark in marks
        ],
    )


def pieces_of(connection: Connection, file_nos: Sequence[int], since_ns: int | None, until_ns: int | None) -> list[PieceRow]:
    """The pieces of files whose times touch a span of time."""
    text, parameters = ["file_no IN (SELECT unnest(?::INTEGER[]))"], [list(file_nos)]
    if since_ns is not None:
        text.append("last_ns >= ?")
        parameters.append(since_ns)  # type: ignore[arg-type]  # values of several types
    if until_ns is not None:
        text.append("first_ns <= ?")
        parameters.append(until_ns)  # type: ignore[arg-type]  # likewise
    query = f"SELECT {_PIECE} FROM log_piece WHERE {' AND '.join(text)}"
    return [PieceRow(*row) for row in connection.execute(query, parameters).fetchall()]


def pieces_between(connection: Connection, file_no: int, start: int, end: int) -> list[PieceRow]:
    """The pieces of a file that hold bytes of a range, in order."""
    query = f"SELECT {_PIECE} FROM log_piece WHERE file_no = ? AND start_offset < ? AND start_offset + size_bytes > ? ORDER BY start_offset"
    return [PieceRow(*row) for row in connection.execute(query, [file_no, end, start]).fetchall()]


def pieces_after(connection: Connection, session_nos: Sequence[int] | None, seq: int, limit: int) -> list[PieceRow]:
    """The pieces with arrivals from ``seq`` on, by their first ones."""
    text, parameters = ("", []) if session_nos is None else (" AND session_no IN (SELECT unnest(?::INTEGER[]))", [list(session_nos)])
    query = f"SELECT {_PIECE} FROM log_piece WHERE last_seq >= ?{text} ORDER BY first_seq LIMIT {int(limit)}"
    return [PieceRow(*row) for row in connection.execute(query, [seq, *parameters]).fetchall()]


def gaps_of(connection: Connection, file_nos: Sequence[int]) -> list[tuple[int, int, int, str]]:
    """The gaps of files: file_no, start, end, reason."""
    query = "SELECT file_no, start_offset, end_offset, reason FROM log_gap WHERE file_no IN (SELECT unnest(?::INTEGER[])) ORDER BY file_no, start_offset"
    found: list[tuple[int, int, int, str]] = connection.execute(query, [list(file_nos)]).fetchall()
    return found


def write_agent(connection: Connection, row: dict[str, Any]) -> None:
    """What an agent said of itself; what it did not say this time stays."""
    names = list(row)
    updates = ", ".join(f"{name} = excluded.{name}" for name in names if name not in {"session_no", "node_id"})
    query = f"INSERT INTO agent ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) ON CONFLICT DO UPDATE SET {updates}"
    connection.execute(query, list(row.values()))


def agent_offsets(connection: Connection) -> dict[tuple[int, str], int]:
    """By session and node: how far the node's local time is ahead of UTC, in seconds."""
    found = connection.execute("SELECT session_no, node_id, utc_offset_s FROM agent WHERE utc_offset_s IS NOT NULL").fetchall()
    return {(session_no, node_id): offset for session_no, node_id, offset in found}


def agents_behind(connection: Connection, session_no: int | None, late_s: float) -> list[tuple[str, int, float]]:
    """The agents whose oldest unshipped bytes are older than that: node, bytes and seconds, as they last said."""
    query = "SELECT node_id, lag_bytes, lag_s FROM agent WHERE lag_bytes > 0 AND lag_s > ? AND (? IS NULL OR session_no = ?) ORDER BY lag_s DESC LIMIT 5"
    found: list[tuple[str, int, float]] = connection.execute(query, [late_s, session_no, session_no]).fetchall()
    return found


class SegmentRow(Struct, frozen=True):
    """A segment of a session: the times of its lines, its pieces' bytes as they came, and its bytes on disk."""

    segment_no: int
    first_ns: int
    last_ns: int
    raw_bytes: int
    size_bytes: int = 0


def segment_rows(connection: Connection, session_no: int) -> list[SegmentRow]:
    """The segments of a session that have lines."""
    query = """
        SELECT segment_no, min(first_ns), max(last_ns), sum(size_bytes)::BIGINT FROM log_piece WHERE session_no = ? GROUP BY segment_no ORDER BY segment_no
    """
    return [SegmentRow(*row) for row in connection.execute(query, [session_no]).fetchall()]


def drop_segment_rows(connection: Connection, session_no: int, segment_no: int, now_ns: int) -> dict[int, int]:
    """Forget one segment's pieces, but not that they were: they become gaps. The bytes of each file that are gone."""
    where = "WHERE session_no = ? AND segment_no = ?"
    found = connection.execute(f"SELECT file_no, sum(size_bytes)::BIGINT FROM log_piece {where} GROUP BY file_no", [session_no, segment_no]).fetchall()
    gaps = "SELECT session_no, file_no, start_offset, start_offset + size_bytes, 'deleted by retention', ?::BIGINT FROM log_piece"
    connection.execute(f"INSERT INTO log_gap {gaps} {where}", [now_ns, session_no, segment_no])
    connection.execute(f"DELETE FROM log_piece {where}", [session_no, segment_no])
    for file_no, size in found:
        connection.execute("UPDATE log_file SET lost_bytes = lost_bytes + ? WHERE file_no = ?", [size, file_no])
    return dict(found)


def drop_session_rows(connection: Connection, session_no: int) -> None:
    """Forget all of a session's logs."""
    for table in ("log_piece", "log_gap", "log_mark", "log_file"):
        connection.execute(f"DELETE FROM {table} WHERE session_no = ?", [session_no])
