"""The machine-readable formats: each a function from pages of rows to text, in one table."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from rayscope.cli.output.values import duration, size, utc
from rayscope.errors import UsageError
from rayscope.model.resources import Column

Rows = Iterable[dict[str, Any]]

TABLE: Final = "table"


def to_json(rows: Rows, _columns: Sequence[Column]) -> Iterator[str]:
    """One array, a row a line."""
    first = True
    for row in rows:
        yield ("[\n" if first else ",\n") + _json(row)
        first = False
    yield "[]\n" if first else "\n]\n"


def to_jsonl(rows: Rows, _columns: Sequence[Column]) -> Iterator[str]:
    """One object a line."""
    for row in rows:
        yield _json(row) + "\n"


def to_yaml(rows: Rows, columns: Sequence[Column]) -> Iterator[str]:
    """A list of mappings. A number with a unit has what it means in a comment, long text is a block; the rest is JSON, which YAML contains."""
    empty = True
    for row in rows:
        for at, column in enumerate(columns):
            yield f"{'  ' if at else '- '}{column.name}: {_yaml(row[column.name])}{_meaning(column, row[column.name])}\n"
        empty = False
    if empty:
        yield "[]\n"


def to_csv(rows: Rows, columns: Sequence[Column]) -> Iterator[str]:
    """A header and a line a row; nested values are JSON, what is not known is empty."""
    yield _csv_line([column.name for column in columns])
    for row in rows:
        yield _csv_line([_csv_value(row[column.name]) for column in columns])


FORMATS: Final[dict[str, Callable[[Rows, Sequence[Column]], Iterator[str]]]] = {"json": to_json, "jsonl": to_jsonl, "yaml": to_yaml, "csv": to_csv}


def check_format(name: str) -> str:
    """The name, if it is a format's. Raises UsageError."""
    if name != TABLE and name not in FORMATS:
        raise UsageError(f"no format {name!r}", hint=f"there are {', '.join([TABLE, *FORMATS])}")
    return name


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _yaml(value: Any) -> str:
    if not isinstance(value, str) or not _is_block(value):
        return _json(value)
    return "|-\n" + "\n".join(f"    {line}" if line else "" for line in value.split("\n"))


def _is_block(text: str) -> bool:
    """Whether a block shows it exactly: several printable lines, of which neither the first is indented nor the last is empty."""
    lines = text.split("\n")
    return len(lines) > 1 and not lines[0][:1].isspace() and all((lines[0], lines[-1].strip())) and all(line.isprintable() for line in lines)


def _meaning(column: Column, value: Any) -> str:
    shown = {"ns": utc, "duration_ns": duration, "bytes": size}.get(column.unit or "")
    return f"  # {shown(value)}{' UTC' if column.unit == 'ns' else ''}" if shown and value is not None else ""


def _csv_value(value: Any) -> str | int | float:
    if value is None:
        return ""
    return value if isinstance(value, (str, int, float)) and not isinstance(value, bool) else _json(value)


def _csv_line(values: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
