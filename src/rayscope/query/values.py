"""Values as people write them: times, durations, sizes, numbers. Each parser says what it takes when it cannot read one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from rayscope.errors import FilterError

_SECOND: Final = 1_000_000_000
_DURATION: Final = re.compile(r"^(-?\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|min|h|d|w)$")
_SIZE: Final = re.compile(r"^(-?\d+(?:\.\d+)?)\s*([kmgtp]i?b?|b)$", re.IGNORECASE)
_UNITS: Final = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": _SECOND, "m": 60 * _SECOND, "min": 60 * _SECOND, "h": 3600 * _SECOND, "d": 86400 * _SECOND, "w": 604800 * _SECOND}  # fmt: skip
_POWERS: Final = {"b": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_NS_FROM: Final = 10**17
"""Epoch numbers from here on are nanoseconds, below it seconds: as seconds this is the year three billion."""


def parse_duration(text: str) -> int:
    """``300ms``, ``1.5m``, ``2h`` or nanoseconds, to nanoseconds. Raises FilterError."""
    if match := _DURATION.match(text.strip()):
        return round(float(match[1]) * _UNITS[match[2]])
    try:
        return int(text)
    except ValueError:
        raise FilterError(f"not a duration: {text!r}", hint="write 300ms, 5s, 1.5m, 2h, 1d, or nanoseconds") from None


def parse_size(text: str) -> int:
    """``1GiB``, ``500MB``, ``2k`` or bytes, to bytes: an `i` means powers of 1024. Raises FilterError."""
    if match := _SIZE.match(text.strip()):
        base = 1024 if "i" in match[2].lower() else 1000
        return round(float(match[1]) * base ** _POWERS[match[2][0].lower()])
    try:
        return int(text)
    except ValueError:
        raise FilterError(f"not a size: {text!r}", hint="write 500MB, 1GiB, or bytes") from None


def parse_time(text: str, now_ns: int) -> int:
    """ISO 8601 (UTC where it names no zone), epoch seconds or nanoseconds, ``now``, or relative: ``-5m``. To UTC ns. Raises FilterError."""
    text = text.strip()
    if text == "now":
        return now_ns
    if text.startswith("-") and _DURATION.match(text):
        return now_ns + parse_duration(text)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return int(text) if text.isdigit() and int(text) >= _NS_FROM else round(float(text) * _SECOND)
    return _parse_iso(text)


def _parse_iso(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FilterError(f"not a time: {text!r}", hint="write 2026-11-23T14:03:00 (UTC), -5m, now, or epoch seconds or nanoseconds") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    fraction = re.search(r"\.(\d{7,9})", text)  # datetime keeps microseconds only
    whole = int(moment.replace(microsecond=0).timestamp()) * _SECOND
    return whole + (int(fraction[1].ljust(9, "0")) if fraction else moment.microsecond * 1000)
