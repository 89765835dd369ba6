"""How far the journal is in the database. Written in the transaction that applies it."""

from __future__ import annotations

from rayscope.store.database import Connection
from rayscope.store.journal import Position


def applied_position(connection: Connection) -> Position:
    """The position up to which the journal was applied."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'journal_applied'").fetchone()
    if row is None:
        return Position()
    file, offset = row[0].split(":")
    return Position(int(file), int(offset))


def write_applied(connection: Connection, position: Position) -> None:
    """Note the position."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('journal_applied', ?)", [f"{position.file}:{position.offset}"])
