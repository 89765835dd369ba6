"""The marks of the worker hooks: which task printed which bytes (docs/formats/marks.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rayscope.store.logs.memory import Attribution, FileState

_LINE: Final = re.compile(rb"([oe]) (\d{1,18}) (\d{1,18}) ([0-9a-f]{48}) (\d{1,9})")
_LEFT_OUT: Final = re.compile(rb"x (\d{1,18})")
_STREAMS: Final = {b"o": "out", b"e": "err"}
_MAX_LINE: Final = 4096


def read_marks(state: FileState, data: bytes) -> Iterator[Attribution]:
    """The marks in the next bytes of a file of marks; how many were left out, and an unfinished line, are kept in the state. What is neither is passed over."""
    *lines, state.tail = (state.tail + data).split(b"\n")
    state.tail = state.tail[-_MAX_LINE:]
    for line in lines:
        if (count := _LEFT_OUT.fullmatch(line)) is not None:
            state.left_out = max(state.left_out, int(count[1]))
        match = _LINE.fullmatch(line)
        if match is None or state.name.worker_id is None:
            continue
        start, end = int(match[2]), int(match[3])
        if start < end:
            yield Attribution(state.session_no, state.name.worker_id, _STREAMS[match[1]], start, end, match[4].decode(), int(match[5]))
