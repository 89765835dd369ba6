"""The times that log lines begin with: ISO forms, Ray's glog form, and JSON records; of all lines of a piece at once, by numpy."""
# ruff: noqa: PLR2004 the numbers of a calendar and of a clock

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

LONG_AGO: Final = -(2**62)
"""The key of no line yet, and the time of a line that tells none."""

_SECOND: Final = 1_000_000_000


def tells_times(data: bytes) -> bool:
    """Whether lines of a chunk tell times: then one that does not belongs to the one before it, as the lines of a traceback do."""
    if _STAMP.search(data, 0, _LOOK_BYTES) is not None:
        return True
    return b'"' in data and data.startswith(b"{") and _JSON_TIME.search(data, 0, _LOOK_BYTES) is not None


_LOOK_BYTES: Final = 16 * 1024
_STAMP: Final = re.compile(rb"(?:^|\n)[\[(< ]?(?:\x1b\[[0-9;]*m)?[12]\d{3}-\d\d-\d\d[ T]\d\d:\d\d:\d\d")


_HEAD: Final = 19  # 2026-11-24 21:00:00
_WIDTH: Final = 36
_DIGIT_PLACES: Final = np.array([0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18])
_OPENERS: Final = np.zeros(256, np.bool_)
_OPENERS[[ord("["), ord("("), ord("<"), ord(" ")]] = True


def own_times(data: bytes, raw: npt.NDArray[np.uint8], starts: Ints, ends: Ints, offset_ns: int) -> Ints:
    """The time that each line begins with, in UTC ns; LONG_AGO where it begins with none."""
    times = np.full(starts.size, LONG_AGO, np.int64)
    if not starts.size:
        return times
    first = raw[np.minimum(starts, raw.size - 1)]
    at = starts + _OPENERS[first]
    at = _behind_colour(raw, at, ends, first)
    chosen = np.flatnonzero(ends - at >= _HEAD)
    if chosen.size:
        place = at[chosen]
        shaped = (raw[place + 4] == _DASH) & (raw[place + 7] == _DASH) & (raw[place + 13] == _COLON) & (raw[place + 16] == _COLON)
        chosen, place = chosen[shaped], place[shaped]
    if chosen.size:
        _fill_iso(times, raw, chosen, place, ends, offset_ns)
    for line in np.flatnonzero(first == _BRACE):
        times[line] = _json_time(data[starts[line] : min(ends[line], starts[line] + _JSON_BYTES)], offset_ns)
    return times


def _behind_colour(raw: npt.NDArray[np.uint8], at: Ints, ends: Ints, first: npt.NDArray[np.uint8]) -> Ints:
    """The places behind a colour code that some lines begin with."""
    coloured = np.flatnonzero(first == _ESCAPE)
    for line in coloured:
        code = raw[at[line] : min(at[line] + 12, ends[line])].tobytes()
        at[line] += code.find(b"m") + 1
    return at


_DASH: Final = ord("-")
_COLON: Final = ord(":")
_BRACE: Final = ord("{")
_ESCAPE: Final = 0x1B
_JSON_BYTES: Final = 4096


def _fill_iso(times: Ints, raw: npt.NDArray[np.uint8], chosen: Ints, place: Ints, ends: Ints, offset_ns: int) -> None:
    columns = place[:, None] + np.arange(_WIDTH)
    text = raw[np.minimum(columns, raw.size - 1)].astype(np.int64)
    text[columns >= ends[chosen][:, None]] = 0
    digits = text - ord("0")
    good = ((digits[:, _DIGIT_PLACES] >= 0) & (digits[:, _DIGIT_PLACES] <= 9)).all(axis=1) & np.isin(text[:, 10], _BETWEEN)
    pairs: Ints = digits[:, :-1] * 10 + digits[:, 1:]
    year = pairs[:, 0] * 100 + pairs[:, 2]
    month, day, hour, minute, second = (pairs[:, column] for column in (5, 8, 11, 14, 17))
    good &= (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (hour <= 23) & (minute <= 59) & (second <= 60) & (year >= 1970) & (year <= 2200)
    ns = ((_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    fraction, width = _fraction(text, digits)
    total = ns * _SECOND + fraction - _zone(text, digits, width, offset_ns)
    times[chosen[good]] = total[good]


_BETWEEN: Final = np.array([ord(" "), ord("T")])


def _days(year: Ints, month: Ints, day: Ints) -> Ints:
    """Days since 1970 (Howard Hinnant's days_from_civil)."""
    year = year - (month <= 2)
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    days: Ints = era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
    return days


def _fraction(text: Ints, digits: Ints) -> tuple[Ints, Ints]:
    """The nanoseconds behind the seconds, and where they end."""
    fraction, width = np.zeros(len(text), np.int64), np.full(len(text), _HEAD)
    going = (text[:, _HEAD] == ord(".")) | (text[:, _HEAD] == ord(","))
    width += going
    for place in range(9):
        column = digits[:, _HEAD + 1 + place]
        going = going & (column >= 0) & (column <= 9)
        fraction += np.where(going, column * 10 ** (8 - place), 0)
        width += going
    return fraction, width


def _zone(text: Ints, digits: Ints, width: Ints, offset_ns: int) -> Ints:
    """How far each time is ahead of UTC: Z, +01:00 or +0100 where it says so, else the node's offset."""
    rows = np.arange(len(text))
    sign = text[rows, width]
    utc, signed = sign == ord("Z"), (sign == ord("+")) | (sign == ord("-"))
    colon = text[rows, width + 3] == ord(":")
    minutes_at = width + 3 + colon
    parts = np.stack([digits[rows, width + 1], digits[rows, width + 2], digits[rows, minutes_at], digits[rows, minutes_at + 1]])
    signed &= ((parts >= 0) & (parts <= 9)).all(axis=0)
    ahead = ((parts[0] * 10 + parts[1]) * 60 + parts[2] * 10 + parts[3]) * 60 * _SECOND
    return np.where(utc, 0, np.where(signed, np.where(sign == ord("-"), -ahead, ahead), offset_ns))


_JSON_TIME: Final = re.compile(
    rb'"(?:timestamp_ns|time_ns)":\s*(?P<ns>\d{18,19})\b|"(?:asctime|timestamp|@timestamp|time|ts)":\s*"(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^"]{0,16})"'
)


def _json_time(line: bytes, offset_ns: int) -> int:
    match = _JSON_TIME.search(line)
    if match is None:
        return LONG_AGO
    if match["ns"]:
        return int(match["ns"])
    try:
        moment = datetime.fromisoformat(match["iso"].decode().replace(",", "."))
    except ValueError:
        return LONG_AGO
    ns = int(moment.replace(tzinfo=moment.tzinfo or UTC, microsecond=0).timestamp()) * _SECOND + moment.microsecond * 1000
    return ns if moment.tzinfo else ns - offset_ns
