"""Which lines of a piece fit a query: one flag a line, put together by and, or, not."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rayscope.errors import FilterError
from rayscope.query.logs.language import And, Field, Node, Not, Or, Regex, Text
from rayscope.ray.log_lines import ALL_LEVELS, LEVELS, Flags, Lines, level_of, lines_of_level
from rayscope.store.logs.memory import FileState
from rayscope.store.logs.tokens import KINDS, may_hold

PROGRAM: Final = "program"
"""The source that stands for what the user's own program printed: the output of workers and drivers."""

_UPPER: Final = 2
_ALIASES: Final = {"WARN": "WARNING", "CRITICAL": "FATAL", "ERR": "ERROR"}


class PieceText:
    """The bytes of a piece and its lines, with what a query needs of them, made when it is needed."""

    def __init__(self, data: bytes, lines: Lines, state: FileState) -> None:
        self.data = data
        self.lines = lines
        self.state = state

    @property
    def count(self) -> int:
        """How many lines."""
        return int(self.lines.starts.size)

    @cached_property
    def lowered(self) -> bytes:
        """In lower case."""
        return self.data.lower()

    @cached_property
    def column(self) -> pa.Array:
        """The lines as an Arrow column."""
        return pa.array([self.line(at) for at in range(self.count)], pa.binary())

    def line(self, at: int) -> bytes:
        """One line, without its newline."""
        return self.data[self.lines.starts[at] : self.lines.ends[at]]


def fitting(node: Node, piece: PieceText) -> Flags:
    """A flag for each line."""
    if isinstance(node, Text):
        return _text(node, piece)
    if isinstance(node, Regex):
        found = pc.match_substring_regex(piece.column, node.pattern, ignore_case=node.ignore_case)
        return np.asarray(found.to_numpy(zero_copy_only=False), np.bool_)
    if isinstance(node, Field):
        return _field(node, piece)
    if isinstance(node, Not):
        return ~fitting(node.part, piece)
    start = np.full(piece.count, isinstance(node, And), np.bool_)
    for part in node.parts:
        if isinstance(node, And):
            if not start.any():
                break
            start &= fitting(part, piece)
        else:
            start |= fitting(part, piece)
    return start


def _text(node: Text, piece: PieceText) -> Flags:
    flags = np.zeros(piece.count, np.bool_)
    lowered, needle, ends = piece.lowered, node.needle, piece.lines.ends
    at = lowered.find(needle)
    while at >= 0:
        if _stands_whole(node, piece.data, at):
            line = int(np.searchsorted(ends, at, "left"))
            flags[line] = True
            at = lowered.find(needle, int(ends[line]))
        else:
            at = lowered.find(needle, at + 1)
    return flags


def _stands_whole(node: Text, data: bytes, at: int) -> bool:
    """Whether each word of the text is there a whole word, or a whole part of one (see store/logs/tokens.py)."""
    last = len(node.needle)
    for start, end in node.runs:
        left = node.open_left and start == 0
        right = node.open_right and end == last
        if not _is_word(data, at + start, at + end, left=left, right=right):
            return False
    return True


def _is_word(data: bytes, start: int, end: int, *, left: bool, right: bool) -> bool:
    begins = left or start == 0 or not KINDS[data[start - 1]]
    ends = right or end == len(data) or not KINDS[data[end]]
    if begins and ends:
        return True
    inside = not any(_splits(data, at) for at in range(start + 1, end))
    return inside and (begins or _splits(data, start)) and (ends or _splits(data, end))


def _splits(data: bytes, at: int) -> bool:
    """Whether a part of a word begins there: an upper-case letter behind one that is none."""
    return bool(KINDS[data[at]] == _UPPER and KINDS[data[at - 1]] == 1)


def may_fit(node: Node, filter_: bytes) -> bool:
    """Whether a block with this filter can hold a fitting line."""
    if isinstance(node, Text):
        return all(may_hold(filter_, probes) for probes in node.probes)
    if isinstance(node, And):
        return all(may_fit(part, filter_) for part in node.parts)
    if isinstance(node, Or):
        return any(may_fit(part, filter_) for part in node.parts)
    return True


def may_hold_text(node: Node, data: bytes) -> bool:
    """Whether some line of these bytes can fit, by a look at all of them at once, which costs much less than at each line."""
    if isinstance(node, Text):
        return node.needle in data.lower()
    if isinstance(node, Regex):
        return _ENDS_OF_TEXT.search(node.pattern) is not None or _matches_somewhere(node, data)
    if isinstance(node, And):
        return all(may_hold_text(part, data) for part in node.parts)
    if isinstance(node, Or):
        return any(may_hold_text(part, data) for part in node.parts)
    return True


def _matches_somewhere(node: Regex, data: bytes) -> bool:
    found = pc.match_substring_regex(pa.array([data], pa.binary()), f"(?m){node.pattern}", ignore_case=node.ignore_case)
    return bool(found[0].as_py())


_ENDS_OF_TEXT: Final = re.compile(r"\\[Az]")
"""What means the ends of a line, and not of all of them."""


def needs_words(node: Node) -> bool:
    """Whether a filter can decide anything."""
    if isinstance(node, Text):
        return bool(node.probes)
    return any(needs_words(part) for part in node.parts) if isinstance(node, (And, Or)) else False


def _field(node: Field, piece: PieceText) -> Flags:
    if node.name == "level":
        return of_level(piece, read_level(node.value), np.ones(piece.count, np.bool_))
    if (test := FILE_FIELDS.get(node.name)) is None:
        raise FilterError(f"{node.name}: can only be asked of the whole query, not inside of or, not", hint=f"write it beside the rest, or as --{node.name}")
    return np.full(piece.count, test(piece.state, node.value), np.bool_)


def _worker(state: FileState, value: str) -> bool:
    return (state.name.worker_id or "").startswith(value)


def _source(state: FileState, value: str) -> bool:
    wanted = value.lower().replace("-", "_").split(",")
    if PROGRAM in wanted and state.name.source in {"worker", "driver"} and state.name.stream in {"out", "err"}:
        return True
    return "all" in wanted or state.name.source in wanted


def _file(state: FileState, value: str) -> bool:
    return fnmatch.fnmatchcase(state.path, value) or fnmatch.fnmatchcase(state.path.rsplit("/", 1)[-1], value)


FILE_FIELDS: Final[dict[str, Callable[[FileState, str], bool]]] = {
    "worker": _worker,
    "source": _source,
    "stream": lambda state, value: state.name.stream in value.lower().split(","),
    "file": _file,
    "pid": lambda state, value: str(state.name.pid) == value,
    "job": lambda state, value: value in {state.name.job_id, state.name.submission_id},
    "node": lambda state, value: state.node_id.startswith(value),
}
"""What is the same for all lines of a file."""


def read_level(text: str) -> int:
    """The place of a level in LEVELS. Raises FilterError."""
    name = text.upper()
    name = _ALIASES.get(name, name)
    if name not in LEVELS:
        raise FilterError(f"no level {text!r}", hint=f"there are {', '.join(LEVELS)}; a level means that one and worse ones")
    return LEVELS.index(name)


def at_least(line: bytes, wanted: int) -> bool:
    """Whether a line tells a level, and it is that one or a worse one."""
    level = level_of(line)
    return level is not None and level >= wanted


def of_level(piece: PieceText, wanted: int, flags: Flags) -> Flags:
    """The flagged lines that tell this level or a worse one."""
    flags &= lines_of_level(piece.data, piece.lines.ends, wanted)
    for at in np.flatnonzero(flags):
        flags[at] = at_least(piece.line(int(at)), wanted)
    return flags


def levels_from(level: int) -> int:
    """The mask of a level and all worse ones."""
    return ALL_LEVELS & ~((1 << level) - 1)
