"""Values as people read them: UTC times, durations and sizes with units, nothing that moves the cursor."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from rayscope.model.resources import Column

MISSING: Final = "-"
_SECOND: Final = 1_000_000_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def cell(column: Column, value: Any) -> str:
    """One value of a table."""
    if value is None or value == "":
        return MISSING
    if column.unit == "ns":
        return utc(value)
    if column.unit == "duration_ns":
        return duration(value)
    if column.unit == "bytes":
        return size(value)
    return printable(headline(_plain(value)))


def headline(text: str) -> str:
    """Of a traceback the last line, which says what went wrong; other text as it is."""
    if '  File "' not in text:
        return text
    lines = [line for line in text.splitlines() if line and not line[0].isspace()]
    return lines[-1] if lines else text


def utc(ns: int) -> str:
    """``2026-11-23 14:03:07.123``."""
    return datetime.fromtimestamp(ns // _SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S") + f".{ns % _SECOND // 1_000_000:03d}"


def duration(ns: int) -> str:
    """Three digits and a unit: ``412 µs``, ``3.21 s``, ``4 m 12 s``."""
    if ns < 0:
        return f"-{duration(-ns)}"
    for unit, name in ((_SECOND, "s"), (1_000_000, "ms"), (1_000, "µs")):
        if ns >= unit and ns < _MINUTE:
            return f"{_three_digits(ns / unit)} {name}"
    return _long(ns) if ns >= _MINUTE else f"{ns} ns"


def size(count: int) -> str:
    """Three digits and a unit of 1024."""
    value, names = float(count), iter(("B", "KiB", "MiB", "GiB", "TiB"))
    name = next(names)
    while abs(value) >= 1024 and (larger := next(names, None)):  # noqa: PLR2004 a kibibyte
        value, name = value / 1024, larger
    return f"{_three_digits(value)} {name}"


def call_site(text: str) -> str:
    """Ray's call site as short as it tells: what kind it is, and the user's frames, each by the file's own name.

    ``(put object)  | /…/ray/_private/client_mode_hook.py:wrapper:134 | /home/me/app.py:load:7`` is ``(put object) app.py:load:7``.
    """
    parts = [part.strip() for part in text.split(" | ")]
    own = [part for part in parts if "/ray/_private/" not in part] or parts
    return " ".join(part if part.startswith("(") else part.rsplit("/", 1)[-1] for part in own)


def printable(text: str) -> str:
    """The text on one line, without control characters: a task may be named by anyone."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "�" for char in " ".join(text.split("\n")))


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list)):
        return msgspec.json.encode(value).decode()
    return str(value)


def _three_digits(value: float) -> str:
    digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2  # noqa: PLR2004 where a rounded value gets another digit
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _long(ns: int) -> str:
    for unit, name, smaller, small in ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "m"), (_MINUTE, "m", _SECOND, "s")):
        if ns >= unit:
            return f"{ns // unit} {name} {ns % unit // smaller} {small}"
    raise AssertionError(ns)
