"""The few parts of protobuf's encoding that writers here need (protobuf.dev/programming-guides/encoding). Reading is the protobuf package's."""

from __future__ import annotations

import struct
from typing import Final

_BYTE: Final = 0x80
_DOUBLE: Final = struct.Struct("<d")
_FIXED: Final = struct.Struct("<Q")
_WORD: Final = 1 << 64


def varint(value: int) -> bytes:
    """A number of up to 64 bits; a negative one as its two's complement, ten bytes."""
    if 0 <= value < _BYTE:
        return bytes((value,))
    rest = value if value >= 0 else value + _WORD
    parts = bytearray()
    while rest >= _BYTE:
        parts.append(rest & 0x7F | _BYTE)
        rest >>= 7
    parts.append(rest)
    return bytes(parts)


def varint_field(number: int, value: int) -> bytes:
    """A field of a varint type; the default is left out."""
    return bytes((number << 3,)) + varint(value) if value else b""


def bytes_field(number: int, content: bytes) -> bytes:
    """A message, a text or bytes."""
    return bytes((number << 3 | 2,)) + varint(len(content)) + content


def text_field(number: int, text: str) -> bytes:
    """A text; the empty one is left out."""
    return bytes_field(number, text.encode("utf-8", "replace")) if text else b""


def double_field(number: int, value: float) -> bytes:
    """A double, always written: 0.0 is a value."""
    return bytes((number << 3 | 1,)) + _DOUBLE.pack(value)


def fixed64_field(number: int, value: int) -> bytes:
    """A fixed64."""
    return bytes((number << 3 | 1,)) + _FIXED.pack(value)
