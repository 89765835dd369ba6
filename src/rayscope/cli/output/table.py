"""Tables that fit: ids as short as still tells them apart, text cut with an ellipsis, and columns left out by name."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import Any, Final, TextIO
from unicodedata import east_asian_width

from msgspec import Struct

from rayscope.cli.output.colour import colour_of_state, paint
from rayscope.cli.output.values import MISSING, call_site, cell
from rayscope.model.resources import Column

_GAP: Final = "  "
_SHORT_ID: Final = 8
_SHORT_OBJECT: Final = 2 * _SHORT_ID + 1
_STATES: Final = frozenset({"state", "status"})
_MIN_TEXT: Final = 14


class Table(Struct, frozen=True):
    """A table laid out: its lines, and the columns for which there was no room."""

    lines: list[str]
    left_out: list[str]


def terminal_width(stream: TextIO) -> int | None:
    """How wide the stream is; None where it is no terminal, so that nothing is cut."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def lay_out(columns: Sequence[Column], rows: Sequence[dict[str, Any]], width: int | None, stream: TextIO = sys.stdout, first: Sequence[str] = ()) -> Table:
    """The rows below a header of upper-case names, in ``width`` characters. The columns of ``first`` are the last to be left out."""
    if width is None:
        return Table(_lines([(column, _cells(column, rows)) for column in columns], stream), [])
    known = [column for column in columns if any(row[column.name] is not None for row in rows)] or list(columns)
    fitted, left_out = _fit([(column, _shortened(column, _cells(column, rows))) for column in known], width, first)
    return Table(_lines(fitted, stream), [column.name for column in left_out])


def _cells(column: Column, rows: Sequence[dict[str, Any]]) -> list[str]:
    return [cell(column, row[column.name]) for row in rows]


def _shortened(column: Column, cells: list[str]) -> list[str]:
    """Ids as short as still tells them apart; a session's name is asked for whole. Call sites without Ray's own frames."""
    if column.name == "call_site":
        return [call_site(text) for text in cells]
    if column.unit != "id" or column.name == "session":
        return cells
    if column.name == "object_id":
        return _short_objects(cells)
    length = _telling_length(cells)
    return [text[:length] for text in cells]


def _short_objects(ids: list[str]) -> list[str]:
    """An object id is its task's and an index: both ends tell. `rayscope get` takes it so."""
    short = {text: text if len(text) <= _SHORT_OBJECT else f"{text[:_SHORT_ID]}…{text[-_SHORT_ID:]}" for text in ids}
    return [short[text] for text in ids] if len(set(short.values())) == len(short) else ids


def _telling_length(ids: Sequence[str]) -> int:
    """The shortest prefix that keeps different ids different."""
    different = set(ids)
    length = _SHORT_ID
    while len({text[:length] for text in different}) < len(different):
        length += 1
    return length


def _fit(table: list[tuple[Column, list[str]]], width: int, first: Sequence[str]) -> tuple[list[tuple[Column, list[str]]], list[Column]]:
    """Leave out columns until the others have room with their text cut, and cut it no more than that needs."""
    left_out: list[Column] = []
    while len(table) > 1 and _width(_cut_to(table, _MIN_TEXT)) > width:
        left_out.insert(0, table.pop(_least([column.name for column, _ in table], first))[0])
    widest = max((_column_width(column, cells) for column, cells in table), default=_MIN_TEXT)
    while widest > _MIN_TEXT and _width(_cut_to(table, widest)) > width:
        widest -= 1
    return _cut_to(table, widest), left_out


def _least(names: Sequence[str], first: Sequence[str]) -> int:
    """The place of the column to leave out next: the rightmost that is not in ``first``, then the last of ``first``."""
    others = [at for at, name in enumerate(names) if name not in first]
    return others[-1] if others and first else max(range(len(names)), key=lambda at: first.index(names[at]) if first else at)


def _cut_to(table: Sequence[tuple[Column, list[str]]], widest: int) -> list[tuple[Column, list[str]]]:
    return [(column, [_cut(text, widest) for text in cells] if _is_text(column) else cells) for column, cells in table]


def _is_text(column: Column) -> bool:
    return column.kind in {"text", "json"} and column.unit is None and column.name not in _STATES


def _width(table: Sequence[tuple[Column, list[str]]]) -> int:
    return sum(_column_width(column, cells) for column, cells in table) + len(_GAP) * (len(table) - 1)


def _column_width(column: Column, cells: Sequence[str]) -> int:
    return max(len(header(column)), *(display_width(text) for text in cells), 0)


def _lines(table: Sequence[tuple[Column, list[str]]], stream: TextIO) -> list[str]:
    widths = [_column_width(column, cells) for column, cells in table]
    heads = [_padded(header(column), width, right=_is_right(column)) for (column, _), width in zip(table, widths, strict=True)]
    lines = [_GAP.join(heads).rstrip()]
    for at in range(len(table[0][1])):
        parts = [_painted(column, cells[at], width, stream) for (column, cells), width in zip(table, widths, strict=True)]
        lines.append(_GAP.join(parts).rstrip())
    return lines


def _painted(column: Column, text: str, width: int, stream: TextIO) -> str:
    padded = _padded(text, width, right=_is_right(column))
    return paint(padded, colour_of_state(text), stream) if column.name in _STATES else padded


def header(column: Column) -> str:
    """A column's heading: its name without the unit that its cells show."""
    name = column.name
    if column.unit in {"ns", "duration_ns"}:
        name = name.removesuffix("_ns")
    return name.removesuffix("_bytes").upper() if column.unit == "bytes" else name.upper()


def _is_right(column: Column) -> bool:
    return column.kind in {"int", "float"} and column.unit != "ns"


def _padded(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - display_width(text))
    return space + text if right else text + space


def _cut(text: str, width: int) -> str:
    if len(text) <= width or text == MISSING:
        return text
    return text[: width - 1] + "…"


def display_width(text: str) -> int:
    """How many cells of a terminal the text takes."""
    return len(text) if text.isascii() else sum(2 if east_asian_width(char) in "WF" else 1 for char in text)
