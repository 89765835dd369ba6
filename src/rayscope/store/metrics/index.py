"""Metrics in the database: labels, series, targets, families, epochs, counts and blocks. Written with a flush, read when a session is opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from rayscope.model.metrics import Family
from rayscope.store.database import Connection
from rayscope.store.journal import Position
from rayscope.store.metrics.blocks import BlockRow

TABLES: Final = ("metric_label", "metric_series", "metric_target", "metric_family", "metric_epoch", "metric_epoch_series", "metric_count", "metric_block")

_BLOCK: Final = ", ".join(BlockRow.__struct_fields__)


class EpochRow(Struct, frozen=True):
    """An epoch's state; ``series`` are those from ``first_n`` on that the database does not have."""

    epoch_no: int
    node_id: str
    epoch: str
    next_seq: int
    targets: list[int]
    first_n: int
    series: NDArray[np.int32]


class Unsaved(Struct, frozen=True):
    """What the database does not know of a session: rows from a number on, and what changed."""

    session_no: int
    first_label: int
    labels: list[tuple[str, str]]
    first_series: int
    series_targets: NDArray[np.int32]
    series_labels: tuple[NDArray[np.int64], NDArray[np.int32]]
    first_target: int
    targets: list[dict[str, str]]
    families: list[Family]
    epochs: list[EpochRow]
    counts: dict[tuple[str, str], int]


class Saved(Struct, frozen=True):
    """All that the database knows of a session, but blocks. Labels and series in the order of their numbers, series as offsets and labels."""

    labels: list[tuple[str, str]]
    series_targets: NDArray[np.int32]
    series_labels: tuple[NDArray[np.int64], NDArray[np.int32]]
    targets: list[dict[str, str]]
    families: list[Family]
    epochs: list[EpochRow]
    counts: dict[tuple[str, str], int]


def metric_position(connection: Connection) -> tuple[Position, int]:
    """The journal's position up to which all is in blocks, and the number of the last arrival in them."""
    found = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('metric_applied', 'metric_seq')").fetchall())
    file, offset = found.get("metric_applied", "0:0").split(":")
    return Position(int(file), int(offset)), int(found.get("metric_seq", 0))


def write_metric_position(connection: Connection, position: Position, seq: int) -> None:
    """Note both."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('metric_applied', ?), ('metric_seq', ?)", [f"{position.file}:{position.offset}", str(seq)])


def sessions(connection: Connection) -> list[tuple[int, str]]:
    """The number and name of each session that has metrics."""
    query = "SELECT session_no, session FROM session WHERE session_no IN (SELECT DISTINCT session_no FROM metric_target) ORDER BY session_no"
    found: list[tuple[int, str]] = connection.execute(query).fetchall()
    return found


def sessions_since(connection: Connection, seq: int) -> list[tuple[int, str]]:
    """The number and name of each session with blocks of arrivals behind that one."""
    query = "SELECT session_no, session FROM session WHERE session_no IN (SELECT session_no FROM metric_block WHERE last_seq > ?) ORDER BY session_no"
    found: list[tuple[int, str]] = connection.execute(query, [seq]).fetchall()
    return found


def sessions_to_thin(connection: Connection, before_ms: int) -> list[tuple[int, str]]:
    """The number and name of each session with samples as they came from before a time."""
    query = "SELECT session_no, session FROM session WHERE session_no IN (SELECT session_no FROM metric_block WHERE resolution_ms = 0 AND end_ms < ?)"
    found: list[tuple[int, str]] = connection.execute(query, [before_ms]).fetchall()
    return found


def read_session(connection: Connection, session_no: int) -> Saved:
    """All of a session but its blocks."""

    def ask(query: str) -> Any:
        return connection.execute(query, [session_no])

    query = "SELECT target_no, labels FROM metric_series WHERE session_no = ? ORDER BY series_no"
    series = connection.sql(query, params=[session_no]).to_arrow_table()
    return Saved(
        labels=ask("SELECT name, value FROM metric_label WHERE session_no = ? ORDER BY label_no").fetchall(),
        series_targets=series["target_no"].to_numpy().astype(np.int32),
        series_labels=_lists(series["labels"]),
        targets=[
            msgspec.json.decode(text, type=dict[str, str])
            for (text,) in ask("SELECT labels FROM metric_target WHERE session_no = ? ORDER BY target_no").fetchall()
        ],
        families=[Family(*row) for row in ask("SELECT name, type, help, unit FROM metric_family WHERE session_no = ?").fetchall()],
        epochs=_read_epochs(connection, session_no),
        counts={(kind, name): value for kind, name, value in ask("SELECT kind, name, value FROM metric_count WHERE session_no = ?").fetchall()},
    )


def _lists(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The ends of lists in all their values, and the values."""
    ends, values, before = [np.empty(0, np.int64)], [np.empty(0, np.int32)], 0
    for chunk in column.chunks:
        offsets = chunk.offsets.to_numpy().astype(np.int64)
        ends.append(offsets[1:] - offsets[0] + before)
        values.append(chunk.flatten().to_numpy().astype(np.int32))
        before += int(offsets[-1] - offsets[0])
    return np.concatenate(ends), np.concatenate(values)


def _read_epochs(connection: Connection, session_no: int) -> list[EpochRow]:
    parts: dict[int, list[int]] = {}
    query = "SELECT epoch_no, series FROM metric_epoch_series WHERE session_no = ? ORDER BY epoch_no, first_n"
    for number, series in connection.execute(query, [session_no]).fetchall():
        parts.setdefault(number, []).extend(series)
    query = "SELECT epoch_no, node_id, epoch, next_seq, targets FROM metric_epoch WHERE session_no = ? ORDER BY epoch_no"
    return [
        EpochRow(number, node_id, epoch, next_seq, targets, 0, np.array(parts.get(number, []), np.int32))
        for number, node_id, epoch, next_seq, targets in connection.execute(query, [session_no]).fetchall()
    ]


def write_unsaved(connection: Connection, unsaved: Unsaved) -> None:
    """What the database did not know."""
    number = unsaved.session_no
    labels = {"name": [name for name, _ in unsaved.labels], "value": [value for _, value in unsaved.labels]}
    _insert(connection, "metric_label", number, {"label_no": _count_from(unsaved.first_label, len(unsaved.labels))} | labels)
    offsets, flat = unsaved.series_labels
    series = {
        "series_no": _count_from(unsaved.first_series, len(unsaved.series_targets)),
        "target_no": unsaved.series_targets,
        "labels": pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(flat, pa.int32())),
    }
    _insert(connection, "metric_series", number, series)
    targets = [msgspec.json.encode(one).decode() for one in unsaved.targets]
    _insert(connection, "metric_target", number, {"target_no": _count_from(unsaved.first_target, len(targets)), "labels": targets})
    families = {name: [getattr(family, name) for family in unsaved.families] for name in ("name", "type", "help", "unit")}
    _insert(connection, "metric_family", number, families, "INSERT OR REPLACE")
    counts = {"kind": [kind for kind, _ in unsaved.counts], "name": [name for _, name in unsaved.counts], "value": list(unsaved.counts.values())}
    _insert(connection, "metric_count", number, counts, "INSERT OR REPLACE")
    _write_epochs(connection, number, unsaved.epochs)


def _write_epochs(connection: Connection, session_no: int, epochs: Sequence[EpochRow]) -> None:
    columns = {name: [getattr(epoch, name) for epoch in epochs] for name in ("epoch_no", "node_id", "epoch", "next_seq")}
    _insert(connection, "metric_epoch", session_no, columns | {"targets": pa.array([one.targets for one in epochs], pa.list_(pa.int32()))}, "INSERT OR REPLACE")
    fresh = [epoch for epoch in epochs if len(epoch.series)]
    series = pa.array([epoch.series for epoch in fresh], pa.list_(pa.int32()))
    part = {"epoch_no": [epoch.epoch_no for epoch in fresh], "first_n": [epoch.first_n for epoch in fresh], "series": series}
    _insert(connection, "metric_epoch_series", session_no, part)


def drop_epochs(connection: Connection, session_no: int, numbers: Sequence[int]) -> None:
    """Forget epochs of which no body comes any more."""
    for table in ("metric_epoch", "metric_epoch_series"):
        connection.execute(f"DELETE FROM {table} WHERE session_no = ? AND epoch_no IN (SELECT unnest(?::INTEGER[]))", [session_no, list(numbers)])


def read_blocks(connection: Connection, session_no: int) -> list[BlockRow]:
    """All blocks of a session, the oldest first."""
    query = f"SELECT {_BLOCK} FROM metric_block WHERE session_no = ? ORDER BY start_ms, first_seq"
    return [BlockRow(*row) for row in connection.execute(query, [session_no]).fetchall()]


def old_blocks(connection: Connection, before_ms: int | None, limit: int) -> list[BlockRow]:
    """Blocks of all sessions that ended before a time (None: any), the oldest first."""
    query = f"SELECT {_BLOCK} FROM metric_block WHERE (? IS NULL OR end_ms < ?) ORDER BY end_ms LIMIT {int(limit)}"
    return [BlockRow(*row) for row in connection.execute(query, [before_ms, before_ms]).fetchall()]


def block_bytes(connection: Connection) -> dict[int, int]:
    """By session: the bytes of its blocks."""
    return dict(connection.execute("SELECT session_no, sum(size_bytes)::BIGINT FROM metric_block GROUP BY ALL").fetchall())


def used_segments(connection: Connection, session_no: int) -> set[tuple[int, int]]:
    """Level and number of each segment of a session that holds blocks."""
    return set(connection.execute("SELECT DISTINCT level, segment_no FROM metric_block WHERE session_no = ?", [session_no]).fetchall())


def write_blocks(connection: Connection, blocks: Sequence[BlockRow]) -> None:
    """New blocks."""
    if blocks:
        columns = {name: [getattr(block, name) for block in blocks] for name in BlockRow.__struct_fields__}
        _register(connection, "metric_block", pa.table(columns), "INSERT")


def drop_blocks(connection: Connection, blocks: Sequence[BlockRow]) -> None:
    """Forget blocks."""
    if blocks:
        keys = {name: [getattr(block, name) for block in blocks] for name in ("session_no", "level", "segment_no", "position")}
        connection.register("fresh", pa.table(keys))
        same = " AND ".join(f"b.{name} = f.{name}" for name in keys)
        connection.execute(f"DELETE FROM metric_block b USING fresh f WHERE {same}")
        connection.unregister("fresh")


def drop_session_rows(connection: Connection, session_no: int) -> None:
    """Forget all of a session's metrics."""
    for table in TABLES:
        connection.execute(f"DELETE FROM {table} WHERE session_no = ?", [session_no])


def _count_from(first: int, count: int) -> NDArray[np.int32]:
    return np.arange(first, first + count, dtype=np.int32)


def _insert(connection: Connection, table: str, session_no: int, columns: dict[str, Any], verb: str = "INSERT") -> None:
    made = pa.table(columns)
    if made.num_rows:
        _register(connection, table, made.append_column("session_no", pa.array(np.full(made.num_rows, session_no, np.int32))), verb)


def _register(connection: Connection, table: str, rows: pa.Table, verb: str) -> None:
    connection.register("fresh", rows)
    connection.execute(f"{verb} INTO {table} BY NAME SELECT * FROM fresh")
    connection.unregister("fresh")
