"""Ray's filters over Ray's rows: its conversions, its comparisons and its complaints (``do_filter`` of ``dashboard/state_api_utils.py``)."""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from rayscope.model.states import ACTOR_STATES, NODE_STATES
from rayscope.server.ray_api.columns import Columns
from rayscope.server.ray_api.options import GivenFilter, Refused, to_bool

_ID_BYTES: Final = {"actor_id": 16, "job_id": 4, "task_id": 24, "node_id": 28}
_EXAMPLES: Final = {
    "int": "an integer filter `--filter {column} [int]`",
    "boolean": "`--filter {column} [True|true|1]` for True or `--filter {column} [False|false|0]` for False.",
}


class Filter(Struct, frozen=True):
    """A filter whose column exists and whose value has the type to which Ray converts it."""

    column: str
    predicate: str
    value: str | int | bool


def check_filters(columns: Columns, given: Sequence[GivenFilter]) -> tuple[Filter, ...]:
    """The filters, typed. Raises Refused for a column that cannot be filtered by or a value that does not convert."""
    return tuple(Filter(_known(columns, item.column), item.predicate, _converted(columns, item)) for item in given)


def check_source(resource: str, given: Sequence[GivenFilter]) -> None:
    """Refuse what Ray refuses on its way to the GCS: ids that are none, states that do not exist. Raises Refused."""
    for item in given:
        if resource == "tasks" and item.column in {"actor_id", "job_id", "task_id"}:
            _check_id(item)
        elif item.predicate != "=":
            continue
        elif item.column in _SOURCE_IDS.get(resource, ()):
            _check_id(item)
        elif item.column == "state" and resource in _SOURCE_STATES and item.value.upper() not in _SOURCE_STATES[resource]:
            raise Refused(f"Invalid {resource.removesuffix('s')} state for filtering: {item.value.upper()}")


_SOURCE_IDS: Final[dict[str, frozenset[str]]] = {"actors": frozenset({"actor_id", "job_id"}), "nodes": frozenset({"node_id"})}
_SOURCE_STATES: Final[dict[str, tuple[str, ...]]] = {"actors": ACTOR_STATES, "nodes": NODE_STATES}


def fits(row: Mapping[str, Any], filters: Sequence[Filter]) -> bool:
    """Whether a row passes them all. A column that the row lacks (Ray: an unset optional field) fits no filter, not even ``!=``."""
    return all(item.column in row and _fits(row[item.column], item) for item in filters)


def _fits(cell: Any, item: Filter) -> bool:
    wanted = item.value
    if isinstance(wanted, str) and isinstance(cell, str):
        return (cell.lower() == wanted.lower()) == (item.predicate == "=")
    if item.predicate == "!=":  # Ray converts no text here, so a number never equals it
        return bool(cell != wanted)
    if isinstance(wanted, str) and isinstance(cell, bool):
        return cell == to_bool(wanted)
    if isinstance(wanted, str) and isinstance(cell, int):
        return cell == filter_int(wanted)
    return bool(cell == wanted)


def filter_int(text: str) -> int:
    """A filter's text as a number. Raises Refused."""
    try:
        return int(text)
    except ValueError:
        raise Refused(f"Failed to convert a value {text} of type {str} to {int}") from None


def _known(columns: Columns, name: str) -> str:
    if name.lower() in columns.filterable:
        return name.lower()
    names = ", ".join(repr(column) for column in sorted(columns.filterable))
    # the dashes are Ray's
    raise Refused(
        f"The given filter column {name.lower()} is not supported. Enter filters with \u2013-filter key=value or \u2013-filter key!=value "
        f"Supported filter columns: {{{names}}}"
    )


def _converted(columns: Columns, item: GivenFilter) -> str | int | bool:
    kind = "int" if item.column in columns.integers else "boolean" if item.column in columns.booleans else None
    if kind is None:
        return item.value
    try:
        return int(item.value) if kind == "int" else to_bool(item.value)
    except (ValueError, Refused):
        example = _EXAMPLES[kind].format(column=item.column)
        article = f"a {kind} type column"
        raise Refused(f"Invalid filter `--filter {item.column} {item.value}` for {article}. Please provide {example}") from None


def _check_id(item: GivenFilter) -> None:
    try:
        size = len(binascii.unhexlify(item.value))
    except ValueError as error:
        raise Refused(str(error)) from None
    if size != _ID_BYTES[item.column]:
        raise Refused(f"ID string needs to have length {_ID_BYTES[item.column]}, got {size}")
