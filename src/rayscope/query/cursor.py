"""Cursors: where a page ended, as opaque text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import msgspec

from rayscope.errors import FilterError


def encode_cursor(sort: str, values: Sequence[Any]) -> str:
    """The order's text and the last row's values in it."""
    return base64.urlsafe_b64encode(msgspec.json.encode([sort, list(values)])).decode().rstrip("=")


def decode_cursor(text: str, sort: str) -> list[Any]:
    """The values. Raises FilterError for what is no cursor, or one of another order."""
    try:
        made_for, values = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=tuple[str, list[Any]])
    except (msgspec.DecodeError, msgspec.ValidationError, binascii.Error, ValueError, UnicodeDecodeError):
        raise FilterError(f"not a cursor: {text[:40]!r}", hint="take `next` of the page before, unchanged") from None
    if made_for != sort:
        raise FilterError(f"the cursor belongs to the order {made_for!r}, not {sort!r}", hint="keep the sort of the first page")
    return values
