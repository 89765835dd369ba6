"""Rows as an Arrow table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa

from rayscope.model.resources import Column, Resource

_TYPES: Final = {"text": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "json": pa.string()}


def to_arrow(rows: Sequence[dict[str, Any]], resource: Resource) -> pa.Table:
    """The rows with the columns that they hold, in the resource's order and types, also when there are none."""
    present = set(rows[0]) if rows else {column.name for column in resource.columns}
    columns = [column for column in resource.columns if column.name in present]
    arrays = [pa.array([_value(column, row[column.name]) for row in rows], type=_type(column)) for column in columns]
    return pa.table(arrays, names=[column.name for column in columns])


def _type(column: Column) -> pa.DataType:
    return pa.timestamp("ns", tz="UTC") if column.unit == "ns" else _TYPES[column.kind]


def _value(column: Column, value: Any) -> Any:
    return msgspec.json.encode(value).decode() if column.kind == "json" and value is not None else value
