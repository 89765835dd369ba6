"""Ray's filters as filters of the store, so that a listing reads the rows that fit and no others."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from rayscope.model.states import LOST
from rayscope.server.ray_api.filters import Filter, filter_int
from rayscope.server.ray_api.options import to_bool

Push = Callable[[Filter], tuple[str, ...] | None]
"""A filter to the texts that ask the store the same (all must fit), none where every row fits; None where the store cannot be asked."""

_HEX: Final = re.compile(r"[0-9a-f]+")
_NO_STATE: Final = "NO_SUCH_STATE"
_NO_ID: Final = "-"


def by_id(column: str, *, absent: bool = False) -> Push:
    """An id column. With ``absent``, a null means that Ray's row lacks the column, which fits no filter."""
    return lambda item: _id(column, item, str(item.value).lower(), absent=absent)


def by_word(column: str, *, absent: bool = False) -> Push:
    """A column of Ray's own upper-case words."""
    return lambda item: _equal(column, item, str(item.value).upper(), absent=absent)


def by_text(column: str) -> Push:
    """A column of free text: equal but for case. The empty text is also what Ray shows where nothing is known."""
    return lambda item: (f"{column}{'~' if item.predicate == '=' else '!~'}(?i)^{re.escape(str(item.value))}$",) if item.value else None


def by_number(column: str) -> Push:
    """A number that Ray converts before it filters. Zero is also what Ray shows where nothing is known."""
    return lambda item: (f"{column}{item.predicate}{item.value}",) if item.value or column == "attempt_number" else None


def by_late_number(column: str) -> Push:
    """A number that Ray converts row by row, and for ``=`` only: with ``!=`` every row fits. Zero may stand for an unknown one."""
    return lambda item: _late_number(column, item)


def by_late_flag(column: str) -> Push:
    """A truth value of the same sort."""
    return lambda item: (f"{column}={str(to_bool(str(item.value))).lower()}",) if item.predicate == "=" else ()


def by_task_state(item: Filter) -> tuple[str, ...]:
    """A task's state: Ray has no LOST, and such tasks are shown to it as FAILED."""
    word = str(item.value).upper()
    if word == LOST:
        return (f"state{item.predicate}{_NO_STATE}",)
    if word != "FAILED":
        return (f"state{item.predicate}{word}",)
    return (f"state in FAILED,{LOST}",) if item.predicate == "=" else ("state!=FAILED", f"state!={LOST}")


def by_life(item: Filter) -> tuple[str, ...]:
    """A worker's ``is_alive``, which the store has as its state."""
    return ("state=ALIVE",) if bool(item.value) == (item.predicate == "=") else ("state=DEAD",)


def _id(column: str, item: Filter, value: str, *, absent: bool) -> tuple[str, ...] | None:
    """What is no id equals none of them; the nil id is what Ray shows of some nulls."""
    if not value.strip("f"):
        return None
    return _equal(column, item, value if _HEX.fullmatch(value) else _NO_ID, absent=absent)


def _late_number(column: str, item: Filter) -> tuple[str, ...] | None:
    if item.predicate == "!=":
        return ()
    number = filter_int(str(item.value))
    return (f"{column}={number}",) if number else None


def _equal(column: str, item: Filter, value: str, *, absent: bool) -> tuple[str, ...] | None:
    if value.lower() in {"", "null", "none"}:  # the store's filters read these as null
        return None
    known = (f"{column}!=null",) if absent and item.predicate == "!=" else ()
    return (f"{column}{item.predicate}{value}", *known)
