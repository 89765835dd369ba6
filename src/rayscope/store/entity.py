"""The smaller tables (nodes, workers, jobs, actors …): rows as mappings, merged in Python, a few at a time.

A row is what some event said of one entity: its key, and whatever columns the event knows. Rows of one entity merge
column by column, so their order and repeats do not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import pyarrow as pa
from msgspec import Struct

from rayscope.store.database import Connection

Row = dict[str, Any]
Key = tuple[Any, ...]


class EntityTable(Struct, frozen=True, kw_only=True):
    """How the rows of one table merge: ``earliest`` columns take the least value, all others the greatest.

    ``newest`` names columns that belong together by the column that holds the time of the word on them: they come all from
    the row in which that time is greatest. ``combine`` merges its own columns; ``derive`` completes a merged row.
    """

    name: str
    key: tuple[str, ...]
    earliest: frozenset[str] = frozenset()
    newest: Mapping[str, tuple[str, ...]] = {}
    combine: Mapping[str, Callable[[Any, Any], Any]] = {}
    derive: Callable[[Row], Row] | None = None

    def key_of(self, row: Row) -> Key:
        """The row's key."""
        return tuple(row[name] for name in self.key)

    def merge(self, one: Row, other: Row) -> Row:
        """Both rows in one, before `derive`. They must have the same key."""
        merged = {name: self._merge_value(name, one.get(name), other.get(name)) for name in one.keys() | other.keys()}
        for clock, columns in self.newest.items():
            newer = max((one, other), key=lambda row: _age(row, clock, columns))
            merged |= {name: newer.get(name) for name in (clock, *columns)}
        return self.derive(merged) if self.derive else merged

    def _merge_value(self, name: str, first: Any, second: Any) -> Any:
        if first is None or second is None:
            return second if first is None else first
        if name in self.combine:
            return self.combine[name](first, second)
        return min(first, second) if name in self.earliest else max(first, second)


def _age(row: Row, clock: str, columns: tuple[str, ...]) -> tuple[int, str]:
    """By the time of the word; two words of the same time by their text, so that the order of arrival does not matter."""
    return (row.get(clock) or 0, repr([row.get(name) for name in columns]))


def merge_into(table: EntityTable, rows: dict[Key, Row], row: Row) -> None:
    """Add one more word on an entity to those that wait to be written."""
    key = table.key_of(row)
    known = rows.get(key)
    if known is None:
        rows[key] = table.derive(row) if table.derive else row
    else:
        rows[key] = table.merge(known, row)


def write_entities(connection: Connection, table: EntityTable, rows: Mapping[Key, Row]) -> None:
    """Merge ``rows`` with what the table holds of the same entities, inside the caller's transaction."""
    if not rows:
        return
    merged = dict(rows)
    for known in _known(connection, table, rows):
        key = table.key_of(known)
        merged[key] = table.merge(known, merged[key])
    _replace(connection, table, merged.values())


def _known(connection: Connection, table: EntityTable, rows: Mapping[Key, Row]) -> Iterable[Row]:
    keys = pa.table({name: [key[at] for key in rows] for at, name in enumerate(table.key)})
    connection.register("fresh", keys)
    cursor = connection.execute(f"SELECT t.* FROM {table.name} t SEMI JOIN fresh USING ({', '.join(table.key)})")
    names = [column[0] for column in cursor.description or ()]
    known = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    connection.unregister("fresh")
    return known


def _replace(connection: Connection, table: EntityTable, rows: Iterable[Row]) -> None:
    schema = arrow_schema(connection, table.name)
    connection.register("fresh", pa.Table.from_pylist([{field.name: row.get(field.name) for field in schema} for row in rows], schema=schema))
    connection.execute(f"INSERT OR REPLACE INTO {table.name} BY NAME SELECT * FROM fresh")
    connection.unregister("fresh")


_ARROW: Final = {
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "UBIGINT": pa.uint64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "VARCHAR": pa.string(),
}
_SCHEMAS: dict[str, pa.Schema] = {}


def arrow_schema(connection: Connection, table: str) -> pa.Schema:
    """The table's columns as an Arrow schema; read once a process, since tables do not change while it runs."""
    if table not in _SCHEMAS:
        rows = connection.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index", [table]).fetchall()
        _SCHEMAS[table] = pa.schema([(name, _ARROW[kind]) for name, kind in rows])
    return _SCHEMAS[table]
