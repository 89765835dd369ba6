"""What goes over the wire as msgpack: a body of chunks. Only the types that a chunk has; see docs/formats/agent.md."""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, List, Tuple


class Packed(bytes):
    """A value that is packed already."""


def packb(value: Any) -> bytes:
    """A value of None, bool, int, float, str, bytes, list, tuple and dict as msgpack. Raises TypeError for others."""
    parts: List[bytes] = []
    _pack(value, parts.append)
    return b"".join(parts)


def _pack(value: Any, put: Callable[[bytes], None]) -> None:
    pack = _PACKERS.get(type(value))
    if pack is None:
        raise TypeError(f"cannot pack a {type(value).__name__}: {value!r}")
    pack(value, put)


def _pack_none(_: None, put: Callable[[bytes], None]) -> None:
    put(b"\xc0")


def _pack_bool(value: bool, put: Callable[[bytes], None]) -> None:  # noqa: FBT001 the value itself
    put(b"\xc3" if value else b"\xc2")


def _pack_int(value: int, put: Callable[[bytes], None]) -> None:
    if 0 <= value < 128:  # noqa: PLR2004 a positive fixint
        put(bytes((value,)))
    elif value >= 0:
        put(b"\xcf" + struct.pack(">Q", value))
    else:
        put(b"\xd3" + struct.pack(">q", value))


def _pack_float(value: float, put: Callable[[bytes], None]) -> None:
    put(b"\xcb" + struct.pack(">d", value))


def _pack_str(value: str, put: Callable[[bytes], None]) -> None:
    raw = value.encode("utf-8", "replace")
    put(_head(len(raw), (0xD9, 0xDA, 0xDB)))
    put(raw)


def _pack_bytes(value: bytes, put: Callable[[bytes], None]) -> None:
    put(_head(len(value), (0xC4, 0xC5, 0xC6)))
    put(bytes(value))


def _put_packed(value: Packed, put: Callable[[bytes], None]) -> None:
    put(value)


def _pack_list(value: List[Any], put: Callable[[bytes], None]) -> None:
    put(b"\xdd" + struct.pack(">I", len(value)))
    for item in value:
        _pack(item, put)


def _pack_dict(value: Dict[str, Any], put: Callable[[bytes], None]) -> None:
    put(b"\xdf" + struct.pack(">I", len(value)))
    for key, item in value.items():
        _pack(key, put)
        _pack(item, put)


def _head(size: int, tags: Tuple[int, int, int]) -> bytes:
    """The tag and the length, of 8, 16 or 32 bits."""
    if size < 1 << 8:
        return bytes((tags[0], size))
    if size < 1 << 16:
        return bytes((tags[1],)) + struct.pack(">H", size)
    return bytes((tags[2],)) + struct.pack(">I", size)


_PACKERS: Dict[type, Callable[[Any, Callable[[bytes], None]], None]] = {
    type(None): _pack_none,
    bool: _pack_bool,
    int: _pack_int,
    float: _pack_float,
    str: _pack_str,
    bytes: _pack_bytes,
    Packed: _put_packed,
    list: _pack_list,
    tuple: _pack_list,
    dict: _pack_dict,
}
