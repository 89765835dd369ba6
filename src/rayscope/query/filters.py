"""Filters, sorts and columns as people write them, checked against a resource's columns."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any, Final

from rayscope.errors import FilterError
from rayscope.model.resources import Column, Resource
from rayscope.query.values import in_range, parse_duration, parse_size, parse_time
from rayscope.store.conditions import Condition, Order

OPERATORS: Final = ("!=", "!~", "<=", ">=", "=", "<", ">", "~", "in")
_FILTER: Final = re.compile(r"^\s*([A-Za-z_][A-Za-z0-9_]*)\s*(!=|!~|<=|>=|==|=|<|>|~|\bin\b)\s*(.*?)\s*$", re.DOTALL)
_TRUE: Final = frozenset({"true", "yes", "1"})
_FALSE: Final = frozenset({"false", "no", "0"})


def parse_filter(resource: Resource, text: str, now_ns: int) -> Condition:
    """``state=FAILED``, ``duration_ns > 5s``, ``name~^pre``, ``job_id in 01000000,02000000``. Raises FilterError."""
    match = _FILTER.match(text)
    if match is None:
        raise FilterError(f"not a filter: {text!r}", hint=f"write COLUMN OP VALUE with one of {' '.join(OPERATORS)}, e.g. state=FAILED")
    name, op, value = match[1], "=" if match[2] == "==" else match[2], match[3]
    column = column_of(resource, name)
    return Condition(column.name, op, _values(column, op, value, now_ns))


def parse_sort(resource: Resource, text: str | None) -> tuple[Order, ...]:
    """``-duration_ns,name``, then the resource's key so that the order is total. Raises FilterError."""
    terms = [term.strip() for term in (text or resource.default_sort).split(",") if term.strip()]
    order = [Order(_sortable(resource, term.lstrip("+-")).name, term.startswith("-")) for term in terms]
    named = {term.column for term in order}
    return (*order, *(Order(name) for name in resource.key if name not in named))


def parse_columns(resource: Resource, text: str | None, *, detail: bool) -> tuple[Column, ...]:
    """The columns that a comma list names; without one the brief ones, or all with ``detail``. Raises FilterError."""
    if named := [name.strip() for name in (text or "").split(",") if name.strip()]:
        return tuple(column_of(resource, name) for name in named)
    return tuple(column for column in resource.columns if detail or column.level == "brief")


def column_of(resource: Resource, name: str) -> Column:
    """The column of that name; upper case is as good. Raises FilterError with the nearest names."""
    wanted = name.lower()
    for column in resource.columns:
        if column.name == wanted:
            return column
    names = [column.name for column in resource.columns]
    near = difflib.get_close_matches(wanted, names, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"its columns are {', '.join(names)}"
    raise FilterError(f"{resource.name} have no column {name!r}", hint=hint)


def _sortable(resource: Resource, name: str) -> Column:
    column = column_of(resource, name)
    if column.kind == "json":
        raise FilterError(f"{resource.name} cannot be sorted by {column.name}: it is a {column.kind} column")
    return column


def _values(column: Column, op: str, text: str, now_ns: int) -> tuple[Any, ...]:
    if op == "in":
        return tuple(_value(column, part.strip(), now_ns) for part in text.strip("()[] ").split(","))
    if op in {"~", "!~"}:
        return (_pattern(text),)
    if text.lower() in {"null", "none"} and op in {"=", "!="}:
        return (None,)
    return (_value(column, text, now_ns),)


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise FilterError(f"not a regular expression: {text[:80]!r}: {error}") from None
    return text


def _value(column: Column, text: str, now_ns: int) -> Any:
    if column.unit == "ns":
        return parse_time(text, now_ns)
    if column.unit == "duration_ns":
        return parse_duration(text)
    if column.unit == "bytes":
        return parse_size(text)
    return _plain(column, text)


def _plain(column: Column, text: str) -> Any:
    if column.kind == "bool":
        return _bool(column, text)
    if column.kind not in {"int", "float"}:
        return text
    try:
        number = int(text) if column.kind == "int" else float(text)
    except ValueError:
        raise FilterError(f"{column.name} is a number, {text[:80]!r} is none") from None
    return in_range(number, text) if isinstance(number, int) else number


def _bool(column: Column, text: str) -> bool:
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise FilterError(f"{column.name} is true or false, not {text!r}")


def all_conditions(resource: Resource, texts: Sequence[str], now_ns: int) -> tuple[Condition, ...]:
    """Every filter of a request."""
    return tuple(parse_filter(resource, text, now_ns) for text in texts)
