"""One line by its place: what a link to a line leads to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rayscope.errors import FilterError, NotFound
from rayscope.model.log import LogPage
from rayscope.query.logs.lines import Found, LineMaker
from rayscope.query.logs.pieces import Candidate, Opened, in_memory, open_piece, stored
from rayscope.store.database import Database
from rayscope.store.limits import LINE_TEXT_BYTES, LOG_CONTEXT_LINES, MAX_LINE_BYTES
from rayscope.store.logs import index
from rayscope.store.logs.questions import stored_ends
from rayscope.store.logs.store import LogStore, View


def line_at(database: Database, store: LogStore, file_no: int, offset: int, context: int) -> LogPage:
    """The line that begins at an offset of a file, between so many lines of the same file. Raises FilterError, NotFound."""
    if not 0 <= context <= LOG_CONTEXT_LINES:
        raise FilterError(f"context {context} is not between 0 and {LOG_CONTEXT_LINES:,}")
    view = store.view(lambda state: state.file_no == file_no)
    if file_no not in view.files:
        raise NotFound(f"no log file {file_no}", hint="`rayscope logs --files` shows what there is")
    for candidate, opened in _opened(database, store, view, file_no, offset):
        if (found := _line_of(candidate, opened, offset)) is not None:
            maker = LineMaker(database, store, view.hooks)
            lines = [line for _, line in maker.lines([found], None)[0]]
            return LogPage(lines=maker.with_context(lines, context) if context else lines, session=view.files[file_no].session)
    raise NotFound(
        f"no line begins at byte {offset:,} of {view.files[file_no].path}", hint="its bytes may have been deleted: `rayscope storage` says what was, and why"
    )


def _opened(database: Database, store: LogStore, view: View, file_no: int, offset: int) -> Iterator[tuple[Candidate, Opened]]:
    """The pieces that can hold the line: a piece has those that end in it."""
    state = view.files[file_no]
    rows = database.read(lambda connection: index.pieces_between(connection, file_no, offset, offset + MAX_LINE_BYTES))
    gaps = {start for _, start, _, _ in database.read(lambda connection: index.gaps_of(connection, [file_no]))}
    gaps |= {gap.start for gap in view.gaps}
    ends = database.read(lambda connection: stored_ends(connection, [file_no]))
    for candidate in [*(stored(state, row) for row in rows), *in_memory(state, view.arrivals.get(file_no, ()), ends.get(file_no, 0))]:
        try:
            opened = open_piece(store, candidate, gaps, lambda _: True)
        except NotFound:
            continue  # retention took it meanwhile
        if opened is not None:
            yield candidate, opened


def _line_of(candidate: Candidate, opened: Opened, offset: int) -> Found | None:
    lines = opened.text.lines
    at = int(np.searchsorted(lines.starts, offset - opened.base))
    if at >= lines.starts.size or lines.starts[at] + opened.base != offset or not opened.own[at]:
        return None
    size = int(lines.ends[at] - lines.starts[at])
    text = opened.text.data[lines.starts[at] : lines.starts[at] + min(size, LINE_TEXT_BYTES)]
    return Found((int(lines.keys[at]), candidate.state.file_no, offset), candidate.state, text, size, bool(lines.stamped[at]))
