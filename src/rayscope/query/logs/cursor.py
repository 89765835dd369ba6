"""Cursors of log pages: the place of the last line in the order, as opaque text."""

from __future__ import annotations

from rayscope.errors import FilterError

Key = tuple[int, int, int]
"""Time, file number and offset: the order of lines."""


def encode_key(order: str, key: Key) -> str:
    """As text; it belongs to one order."""
    return f"{order[0]}{key[0]}.{key[1]}.{key[2]}"


def decode_key(order: str, text: str | None) -> Key | None:
    """The key. Raises FilterError for what is no cursor, or one of the other order."""
    if not text:
        return None
    parts = text[1:].split(".")
    if len(parts) != 3 or not all(part.lstrip("-").isdecimal() and len(part) < 21 for part in parts):  # noqa: PLR2004 of three numbers of 64 bits
        raise FilterError(f"not a cursor: {text[:40]!r}", hint="take `next` of the page before, unchanged")
    if text[0] != order[0]:
        raise FilterError("the cursor belongs to the other order", hint="keep the order of the first page")
    time_ns, file_no, offset = (int(part) for part in parts)
    return time_ns, file_no, offset
