"""What the bytes of a log tell by themselves: lines, their times and levels, Ray's marker lines. Whole pieces at once, by numpy.

A line's *key* is the time that it is ordered by: its own where it tells one, else that of the line before it where the lines
around it tell theirs, else when it was observed. Within a file keys never fall, so lines keep their order whatever the clocks did.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from rayscope.ray.log_times import LONG_AGO, Ints, own_times

Flags = npt.NDArray[np.bool_]

_SECOND: Final = 1_000_000_000
_SKEW_NS: Final = 10 * _SECOND
"""How far a line's own time may be ahead of when it was observed: beyond, it is no time of writing."""


class Mark(Struct, frozen=True, array_like=True):
    """Where a chunk begins in a piece, when it was observed, the number of its arrival, and whether lines in it tell times (`tells_times`)."""

    at: int
    observed_ns: int
    seq: int
    stamped: bool = False


class Lines(Struct, frozen=True):
    """The lines of a piece. ``ends`` leave the newline out. ``stamped``: the key is the line's own time. ``chunks``: the mark that ended each.

    ``key_ns`` is what the piece behind starts from, ``open_own_ns`` the own time of an unfinished last line.
    """

    starts: Ints
    ends: Ints
    keys: Ints
    stamped: Flags
    chunks: Ints
    key_ns: int
    open_own_ns: int


def read_lines(data: bytes, marks: Sequence[Mark], floor_ns: int, utc_offset_s: int, open_own_ns: int | None = None) -> Lines:
    """The lines of a piece. ``floor_ns``: the key of the line before. The last line may lack its newline.

    ``open_own_ns``: the piece begins inside a line, whose own time this is.
    """
    found = _scan(data, marks, utc_offset_s)
    own = found.own
    if open_own_ns is not None and own.size:
        own[0] = open_own_ns
    open_own = int(own[-1]) if own.size and not data.endswith(b"\n") else LONG_AGO
    own = _believed(own, found.seen)
    has = own > LONG_AGO
    near = np.fromiter((mark.stamped for mark in marks), np.bool_)[found.chunks] if has.size else has
    keys = np.maximum.accumulate(np.where(has, own, np.where(near, LONG_AGO, found.seen))) if has.size else own
    keys = np.maximum(keys, floor_ns)
    if has.size and keys[0] == LONG_AGO:  # no time before: those of the first that tells one
        later = keys[keys > LONG_AGO]
        keys = np.maximum(keys, later[0] if later.size else found.seen[0])
    return Lines(found.starts, found.ends, keys, has & (keys == own), found.chunks, int(keys[-1]) if has.size else floor_ns, open_own)


def read_arrived(data: bytes, marks: Sequence[Mark], utc_offset_s: int) -> Lines:
    """Lines of any files, put together in the order in which they arrived: the key of each is its own time, else when it was observed."""
    found = _scan(data, marks, utc_offset_s)
    own = _believed(found.own, found.seen)
    has = own > LONG_AGO
    return Lines(found.starts, found.ends, np.where(has, own, found.seen), has, found.chunks, LONG_AGO, LONG_AGO)


class _Scan(Struct):
    """Where lines are, the mark that ended each, when that was observed, and the own times of lines."""

    starts: Ints
    ends: Ints
    chunks: Ints
    seen: Ints
    own: Ints


def _scan(data: bytes, marks: Sequence[Mark], utc_offset_s: int) -> _Scan:
    raw = np.frombuffer(data, np.uint8)
    breaks = np.flatnonzero(raw == _NEWLINE)
    starts = np.concatenate((_ZERO, breaks + 1))
    ends = np.concatenate((breaks, np.array([raw.size])))
    if starts[-1] == raw.size:
        starts, ends = starts[:-1], ends[:-1]
    chunks = np.searchsorted(np.fromiter((mark.at for mark in marks), np.int64), np.minimum(ends, raw.size - 1), "right") - 1
    chunks = np.maximum(chunks, 0)
    observed = np.fromiter((mark.observed_ns for mark in marks), np.int64)
    seen = observed[chunks] if starts.size else observed[:0]
    return _Scan(starts, ends, chunks, seen, own_times(data, raw, starts, ends, utc_offset_s * _SECOND))


def _believed(own: Ints, seen: Ints) -> Ints:
    """Own times that lie well ahead of when the line was seen are none; those a little ahead are the moment at which it was seen."""
    return np.where(own > seen + _SKEW_NS, LONG_AGO, np.minimum(own, seen))


_NEWLINE: Final = 10
_ZERO: Final = np.zeros(1, np.int64)


LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "FATAL")
"""From the least to the worst."""

_WORDS: Final = {b"TRACE": 0, b"DEBUG": 1, b"INFO": 2, b"WARN": 3, b"WARNING": 3, b"ERROR": 4, b"CRITICAL": 5, b"FATAL": 5}
_LETTERS: Final = {b"T": 0, b"D": 1, b"I": 2, b"W": 3, b"E": 4, b"C": 5, b"F": 5}
_LEVEL: Final = re.compile(
    rb"^\[[^\]\n]{0,64}? (?P<letter>[TDIWECF]) \d+|\"(?:levelname|level|severity)\":\s*\"(?P<json>[A-Za-z]+)\""
    rb"|(?<![A-Za-z0-9_])(?P<word>TRACE|DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL)(?![A-Za-z0-9_])"
)
_LEVEL_BYTES: Final = 300
_SIGNS: Final = tuple((word, level) for word, level in _WORDS.items() if word != b"WARNING")
_LETTER_SIGNS: Final = tuple((b" " + letter + b" ", level) for letter, level in _LETTERS.items())
_JSON_SIGNS: Final = (b'level"', b'levelname"', b'severity"')
_GLOG: Final = b"[2"
ALL_LEVELS: Final = (1 << len(LEVELS)) - 1


def level_of(line: bytes) -> int | None:
    """The place in LEVELS of the level that a line tells near its beginning; None if it tells none."""
    match = _LEVEL.search(line[:_LEVEL_BYTES])
    if match is None:
        return None
    if match["letter"]:
        return _LETTERS[match["letter"]]
    return _WORDS.get(match["word"] or match["json"].upper())


def level_mask(data: bytes) -> int:
    """A bit for each level that some line may have: none is missing, one may be too many."""
    if any(sign in data for sign in _JSON_SIGNS):
        return ALL_LEVELS
    mask = 0
    for sign, level in _level_signs(data):
        if not mask >> level & 1 and sign in data:
            mask |= 1 << level
    return mask


def _level_signs(data: bytes) -> Sequence[tuple[bytes, int]]:
    """What a line with a level has: its word, or the letter of Ray's own form."""
    return (*_SIGNS, *_LETTER_SIGNS) if _GLOG in data else _SIGNS


def lines_of_level(data: bytes, ends: Ints, wanted: int) -> Flags:
    """Which lines may tell a level or a worse one; none is missing, some may be too many."""
    flags = np.zeros(ends.size, np.bool_)
    if any(sign in data for sign in _JSON_SIGNS):
        return ~flags
    for sign, level in _level_signs(data):
        if level < wanted:
            continue
        at = data.find(sign)
        while at >= 0:
            line = int(np.searchsorted(ends, at, "left"))
            flags[line] = True
            at = data.find(sign, int(ends[line]))
    return flags


_BLANK: Final = re.compile(rb"(?:\x1b\[[0-?]*[ -/]*[@-~]|[ \t\r\f\v])+")
"""What a terminal shows nothing of: ANSI control sequences, such as the end of a colour, and white space."""


def without_blank_end(data: bytes) -> bytes:
    """The bytes without what stands behind their last newline, if nothing of that can be seen: a line it will be when more comes, or never."""
    end = data.rfind(b"\n") + 1
    return data[:end] if _BLANK.fullmatch(data, end) else data


_MARKER: Final = re.compile(rb":(?:job_id|task_name|actor_name):[^\n]*")


def is_marker(line: bytes) -> bool:
    """Whether a line has the form of those that Ray itself prints into workers' files. Users can print the same."""
    return line.startswith(b":") and _MARKER.fullmatch(line) is not None
