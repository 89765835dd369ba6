"""Everything that can be asked of logs, in one place for the routes."""

from __future__ import annotations

import fnmatch

from rayscope.errors import NotFound
from rayscope.model.log import LogFile, LogFiles, LogPage
from rayscope.query.logs.follow import Follower
from rayscope.query.logs.place import line_at
from rayscope.query.logs.plan import FOR_EVER, make_plan
from rayscope.query.logs.request import LogQuery
from rayscope.query.logs.search import LogSearch
from rayscope.ray.log_names import HOOK, MARKS
from rayscope.store.database import Database
from rayscope.store.limits import MAX_LOG_LINES
from rayscope.store.logs.memory import FileState
from rayscope.store.logs.store import LogStore


class Logs:
    """Questions about log lines and files. Raises FilterError, NotFound and Ambiguous."""

    def __init__(self, database: Database, store: LogStore) -> None:
        self._database = database
        self.store = store
        self._search = LogSearch(database, store)

    def search(self, query: LogQuery) -> LogPage:
        """A page of lines."""
        return self._search.search(query)

    def line(self, file_no: int, offset: int, context: int = 0) -> LogPage:
        """The line that begins at an offset of a file, between so many lines before and after it."""
        return line_at(self._database, self.store, file_no, offset, context)

    def follow(self, query: LogQuery, cursor: str | None) -> Follower:
        """A live tail from a cursor on; None: from now."""
        return Follower(self._database, self.store, query, cursor)

    def files(self, query: LogQuery, pattern: str | None = None) -> LogFiles:
        """The files that can hold lines of a query (its text aside), by node and path."""
        plan = self._database.read(lambda connection: make_plan(connection, query, self.store.hooks()))
        states = [state for state in self.store.view(plan.wants).files.values() if state.name.source not in {MARKS, HOOK}]
        if pattern is not None:
            states = [state for state in states if fnmatch.fnmatchcase(state.path, pattern)]
        states.sort(key=lambda state: (state.session_no, state.node_id, state.path))
        return LogFiles(files=[_file(state) for state in states[:MAX_LOG_LINES]], total=len(states), session=plan.session)

    def states(self, query: LogQuery) -> list[FileState]:
        """The states of the files that can hold lines of a query (its text aside)."""
        plan = self._database.read(lambda connection: make_plan(connection, query, self.store.hooks()))
        return list(self.store.view(plan.wants).files.values())

    def task_output(self, session: str, task: str, attempt: int, stream: str) -> tuple[FileState, list[tuple[int, int | None]]]:
        """The file that an attempt printed into, and the ranges that are its own. Raises NotFound."""
        hooks = self.store.hooks()
        query = LogQuery(session=session, task=task, attempt=attempt, stream=stream)
        plan = self._database.read(lambda connection: make_plan(connection, query, hooks))
        for state in self.store.view(plan.wants).files.values():
            spans = (plan.spans or {}).get((state.session_no, state.name.worker_id or "", stream))
            if spans:
                return state, [(start, None if end >= FOR_EVER else end) for start, end in spans]
        raise NotFound(
            f"no std{stream} of task {task} (attempt {attempt}) that is certainly its own",
            hint="of a concurrent actor ask for the actor's log, or record it with the worker hooks",
        )

    def file(self, file_no: int) -> FileState:
        """A file's state. Raises NotFound."""
        if (state := self.store.file(file_no)) is None:
            raise NotFound(f"no log file {file_no}", hint="`rayscope logs --files` shows what there is")
        return state

    def read(self, file_no: int, offset: int, length: int) -> bytes:
        """Bytes of a file. Raises NotFound."""
        return self.read_at(file_no, offset, length)[1]

    def read_at(self, file_no: int, offset: int, length: int) -> tuple[int, bytes]:
        """Bytes of a file, and the offset of the first: later than asked for where bytes were lost. Raises NotFound."""
        self.file(file_no)
        return self.store.read(file_no, offset, length)


def _file(state: FileState) -> LogFile:
    name = state.name
    return LogFile(
        session=state.session,
        file_no=state.file_no,
        node_id=state.node_id,
        path=state.path,
        source=name.source,
        stream=name.stream,
        worker_id=name.worker_id,
        job_id=name.job_id,
        submission_id=name.submission_id,
        pid=name.pid,
        size_bytes=state.next_offset,
        lost_bytes=state.lost_bytes,
        redacted=state.redacted,
        state=state_of(state),
        first_ns=state.first_ns,
        last_ns=state.last_ns,
    )


def state_of(state: FileState) -> str:
    """``open``, ``ended`` or ``lost``."""
    if state.lost_bytes:
        return "lost"
    return "ended" if state.ended else "open"
