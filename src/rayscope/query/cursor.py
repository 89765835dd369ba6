"""Cursors: where a page ended, as opaque text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from rayscope.errors import FilterError
from rayscope.store.conditions import Order

_decoder: Final = msgspec.json.Decoder(tuple[str, list[int | float | bool | str | None]])


def encode_cursor(sort: str, values: Sequence[Any]) -> str:
    """The order's text and the last row's values in it."""
    return base64.urlsafe_b64encode(msgspec.json.encode([sort, list(values)])).decode().rstrip("=")


def decode_cursor(text: str, sort: str, size: int) -> list[Any]:
    """The ``size`` values. Raises FilterError for what is no cursor, or one of another order."""
    try:
        made_for, values = _decoder.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (msgspec.DecodeError, binascii.Error, ValueError, RecursionError):
        raise _no_cursor(text) from None
    if made_for == sort and (len(values) != size or any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in values)):
        raise _no_cursor(text)
    if made_for != sort:
        raise FilterError(f"the cursor belongs to the order {made_for!r}, not {sort!r}", hint="keep the sort of the first page")
    return values


def _no_cursor(text: str) -> FilterError:
    return FilterError(f"not a cursor: {text[:40]!r}", hint="take `next` of the page before, unchanged")


def order_text(order: Sequence[Order]) -> str:
    """The order as its cursors name it."""
    return ",".join(f"{'-' if term.descending else ''}{term.column}" for term in order)
