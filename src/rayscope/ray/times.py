"""Ray's times: protobuf timestamps (RFC 3339, 0 to 9 digits of a second) to UTC nanoseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

MS = 1_000_000
"""Nanoseconds in a millisecond."""

_FULL_LENGTH = len("2026-11-23T08:44:25.682917032Z")

_FRACTION: Final = re.compile(r"(?:\.([0-9]{1,9}))?Z")

_UNSET_MS = {0, 2**64 - 1, -1}
"""What Ray's int64 milliseconds hold where a time is not known."""


def parse_ns(text: str) -> int:
    """``2026-11-23T08:44:25.682917032Z`` to nanoseconds since 1970. Raises ValueError where it is no such time."""
    if len(text) == _FULL_LENGTH and text[19] == "." and text[29] == "Z" and (fraction := text[20:29]).isdecimal():  # what Ray nearly always sends: nine digits
        return _SECONDS[text[:19]] + int(fraction)
    match = _FRACTION.fullmatch(text[19:])
    if match is None:
        raise ValueError(f"not a UTC timestamp: {text[:_FULL_LENGTH]!r}")
    return _SECONDS[text[:19]] + int((match[1] or "").ljust(9, "0"))


def from_ms(value: int | str | None) -> int | None:
    """Ray's milliseconds to nanoseconds; None where Ray's value stands for 'not known'."""
    if value is None or int(value) in _UNSET_MS:
        return None
    return int(value) * MS


class _Seconds(dict[str, int]):
    """Whole seconds, as text up to the fraction, in nanoseconds: a batch's times share few of them."""

    def __missing__(self, text: str) -> int:
        if len(self) >= _REMEMBERED:
            self.clear()
        ns = self[text] = int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp()) * 1_000_000_000
        return ns


_REMEMBERED: Final = 4096
_SECONDS: Final = _Seconds()
