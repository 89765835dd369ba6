"""Values as people write them: times, durations, sizes, numbers. Each parser says what it takes when it cannot read one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from rayscope.errors import FilterError

_SECOND: Final = 1_000_000_000
_DURATION: Final = re.compile(r"^(-?[0-9]+(?:\.[0-9]+)?)\s*(ns|us|µs|ms|s|m|min|h|d|w)$")
_SIZE: Final = re.compile(r"^(-?[0-9]+(?:\.[0-9]+)?)\s*([kmgtp]i?b?|b)$", re.IGNORECASE)
_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_MAX_DIGITS: Final = 40
_TOO_LARGE: Final = 2**63
_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "min": 60 * _SECOND,
    "h": 3600 * _SECOND,
    "d": 86400 * _SECOND,
    "w": 604800 * _SECOND,
}
_POWERS: Final = {"b": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_NS_DIGITS: Final = 18
"""Epoch numbers of so many digits are nanoseconds, shorter ones seconds: as seconds this is the year three billion."""


def parse_duration(text: str) -> int:
    """``300ms``, ``1.5m``, ``2h`` or nanoseconds, to nanoseconds. Raises FilterError."""
    if match := _DURATION.match(text.strip()):
        return times(match[1], _UNITS[match[2]])
    if _WHOLE.fullmatch(text.strip()):
        return times(text.strip(), 1)
    raise FilterError(f"not a duration: {_short(text)}", hint="write 300ms, 5s, 1.5m, 2h, 1d, or nanoseconds")


def parse_size(text: str) -> int:
    """``1GiB``, ``500MB``, ``2k`` or bytes, to bytes: an `i` means powers of 1024. Raises FilterError."""
    if match := _SIZE.match(text.strip()):
        base = 1024 if "i" in match[2].lower() else 1000
        return times(match[1], base ** _POWERS[match[2][0].lower()])
    if _WHOLE.fullmatch(text.strip()):
        return times(text.strip(), 1)
    raise FilterError(f"not a size: {_short(text)}", hint="write 500MB, 1GiB, or bytes")


def times(number: str, unit: int) -> int:
    """A decimal number of some unit, exact. Raises FilterError for what 64 bits do not hold."""
    whole = round(Decimal(number) * unit) if len(number) <= _MAX_DIGITS else _TOO_LARGE
    return in_range(whole, number)


def in_range(number: int, text: str) -> int:
    """The number, if the store can hold it. Raises FilterError."""
    if -_TOO_LARGE <= number < _TOO_LARGE:
        return number
    raise FilterError(f"out of range: {_short(text)}", hint="numbers have 64 bits, and times in nanoseconds end with the year 2262")


def _short(text: str) -> str:
    return repr(text if len(text) <= _MAX_DIGITS else f"{text[:_MAX_DIGITS]}…")


def parse_time(text: str, now_ns: int) -> int:
    """ISO 8601 (UTC where it names no zone), epoch seconds or nanoseconds, ``now``, or relative: ``-5m``. To UTC ns. Raises FilterError."""
    text = text.strip()
    if text == "now":
        return now_ns
    if text.startswith("-") and _DURATION.match(text):
        return in_range(now_ns + parse_duration(text), text)
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return times(text, 1 if "." not in text and len(text.lstrip("0")) >= _NS_DIGITS else _SECOND)
    return in_range(_parse_iso(text), text)


def _parse_iso(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FilterError(f"not a time: {_short(text)}", hint="write 2026-11-23T14:03:00 (UTC), -5m, now, or epoch seconds or nanoseconds") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    fraction = re.search(r"\.(\d{7,9})", text)  # datetime keeps microseconds only
    whole = int(moment.replace(microsecond=0).timestamp()) * _SECOND
    return whole + (int(fraction[1].ljust(9, "0")) if fraction else moment.microsecond * 1000)
