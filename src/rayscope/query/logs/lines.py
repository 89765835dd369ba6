"""Found bytes as log lines: who printed each, its level, its text; and the lines around it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, structs

from rayscope.model.log import LogLine
from rayscope.query.logs.attribution import Output, Place, Printer, Printers, windows_of
from rayscope.query.logs.cursor import Key
from rayscope.query.logs.pieces import line_before
from rayscope.query.logs.plan import Plan
from rayscope.ray.log_lines import LEVELS, Mark, level_of, read_lines, without_blank_end
from rayscope.ray.log_times import LONG_AGO
from rayscope.store import questions
from rayscope.store.database import Connection, Database
from rayscope.store.entity import Row
from rayscope.store.limits import KIB, LINE_TEXT_BYTES, MAX_LINE_BYTES
from rayscope.store.logs.memory import FileState, Hooks
from rayscope.store.logs.questions import People, people_near, task_names
from rayscope.store.logs.store import LogStore


class Found(Struct, frozen=True):
    """A line that was found: its key, its file, its bytes (or the first of them), how many it has, and whether its key is its own time.

    ``named``: what the file itself calls the task or actor that printed it, for as long as no event has told of that.
    """

    key: Key
    state: FileState
    text: bytes
    size: int
    stamped: bool
    named: str | None = None

    @property
    def output(self) -> Output | None:
        """The worker's output that it stands in; None for other files."""
        name = self.state.name
        if name.worker_id is None or name.stream == "log":
            return None
        return (self.state.session_no, name.worker_id, name.stream)


class LineMaker:
    """Makes lines for one question."""

    def __init__(self, database: Database, store: LogStore, hooks: Hooks) -> None:
        self._database = database
        self._store = store
        self._hooks = hooks

    def lines(self, found: Sequence[Found], plan: Plan | None) -> tuple[list[tuple[Key, LogLine]], Key | None]:
        """The lines, without Ray's markers and those that others than the asked task printed; and the key of the last that was looked at."""
        printers, names, sessions = self._database.read(lambda connection: self._ask(connection, found))
        made: list[tuple[Key, LogLine]] = []
        for one in found:
            output = self._output(one)
            if output is not None and printers.is_rays(output, one.key[2], one.text):
                continue
            printer = printers.of(output, one.key[2]) if output is not None else None
            if plan is not None and plan.tasks is not None and not _is_asked(plan, printer):
                continue
            made.append((one.key, _line(one, printer, names, printers.people, sessions)))
        return made, found[-1].key if found else None

    def _ask(self, connection: Connection, found: Sequence[Found]) -> tuple[Printers, dict[tuple[int, str], Row], dict[int, str]]:
        places = [Place(output, one.key[2]) for one in found if (output := self._output(one)) is not None]
        printers = Printers(people_near(connection, windows_of(places)), self._hooks)
        known = {(place.output[0], printer[0]) for place in places if (printer := printers.of(place.output, place.offset)) is not None}
        return printers, task_names(connection, sorted(known)), dict(questions.sessions(connection))

    def _output(self, one: Found) -> Output | None:
        """The worker's output that a line stands in, if offsets in it are clear."""
        return one.output if one.output is not None and self._store.is_one_file(one.output) else None

    def with_context(self, lines: Sequence[LogLine], count: int) -> list[LogLine]:
        """The lines, each with those around it in its file, none twice."""
        around = [self._around(line, count) for line in lines]
        made, _ = self.lines([near for before, after in around for near in (*before, *after)], None)
        known = {(line.file_no, line.offset): structs.replace(line, context=True) for _, line in made}
        shown = {(line.file_no, line.offset) for line in lines}
        found: list[LogLine] = []
        for line, (before, after) in zip(lines, around, strict=True):
            _add_new(found, shown, before, known)
            found.append(line)
            _add_new(found, shown, after, known)
        return found

    def _around(self, line: LogLine, count: int) -> tuple[list[Found], list[Found]]:
        state = self._store.file(line.file_no)
        if state is None:
            return [], []
        before = _split(*self._before(line, count))[-count:]
        begin, data = self._store.read(line.file_no, line.offset, _room(count))
        after = _split(begin, data)[1 : count + 1] if begin == line.offset else []
        return [_near(line, state, *part) for part in before], [_near(line, state, *part) for part in after]

    def _before(self, line: LogLine, count: int) -> tuple[int, bytes]:
        start = max(line.offset - _room(count), 0)
        begin, data = self._store.read(line.file_no, start, line.offset - start)
        if begin + len(data) != line.offset:
            return line.offset, b""
        if begin > 0 and (head := line_before(self._store, line.file_no, begin)):
            return begin - len(head), head + data
        return begin, data


def _room(count: int) -> int:
    """Bytes that hold so many lines, mostly."""
    return min(max(count * KIB, 16 * KIB), MAX_LINE_BYTES)


def _split(begin: int, data: bytes) -> list[tuple[int, bytes]]:
    """The lines of a stretch, with their offsets."""
    found: list[tuple[int, bytes]] = []
    at = begin
    data = without_blank_end(data)
    for line in data.removesuffix(b"\n").split(b"\n") if data else ():
        found.append((at, line))
        at += len(line) + 1
    return found


def _near(line: LogLine, state: FileState, offset: int, text: bytes) -> Found:
    read = read_lines(text or b"\n", (Mark(0, line.time_ns, 0),), LONG_AGO, state.utc_offset_s)
    return Found((int(read.keys[0]), state.file_no, offset), state, text[:LINE_TEXT_BYTES], len(text), bool(read.stamped[0]))


def _add_new(found: list[LogLine], shown: set[tuple[int, int]], near: Sequence[Found], known: dict[tuple[int, int], LogLine]) -> None:
    """Those of the lines that are not there yet. Ray's own markers are not known."""
    for one in near:
        place = (one.state.file_no, one.key[2])
        if place not in shown and place in known:
            shown.add(place)
            found.append(known[place])


def _is_asked(plan: Plan, printer: Printer | None) -> bool:
    assert plan.tasks is not None
    return printer is not None and printer[0] in plan.tasks and plan.query.attempt in {None, printer[1]}


def _name(marked: str | None, task: Row, actor: Row) -> str | None:
    """The task's name, or the actor's. ``marked``: what Ray wrote into the file, which has an actor's repr from its first line on; events tell it later."""
    name, class_name = task.get("name"), actor.get("class_name")
    marked = marked or actor.get("repr_name")
    if name and marked and task.get("actor_id"):
        known = class_name or name.rpartition(".")[0]
        if known and name.startswith(f"{known}."):
            return f"{marked}{name[len(known) :]}"
    return name or actor.get("repr_name") or marked or class_name


def _line(one: Found, printer: Printer | None, names: dict[tuple[int, str], Row], people: People, sessions: dict[int, str]) -> LogLine:
    state, name = one.state, one.state.name
    worker = (state.session_no, name.worker_id or "")
    actor = people.actors.get(worker, {})
    task = names.get((state.session_no, printer[0]), {}) if printer else {}
    level = level_of(one.text)
    return LogLine(
        session=sessions.get(state.session_no, state.session),
        time_ns=one.key[0],
        time_is="line" if one.stamped else "observed",
        node_id=state.node_id,
        worker_id=name.worker_id,
        pid=name.pid,
        job_id=name.job_id or task.get("job_id") or actor.get("job_id") or people.jobs.get(worker),
        actor_id=task.get("actor_id") if printer else actor.get("actor_id"),
        task_id=printer[0] if printer else None,
        attempt=printer[1] if printer else None,
        name=_name(one.named, task, actor),
        stream=name.stream,
        source=name.source,
        level=LEVELS[level] if level is not None else None,
        text=one.text.decode("utf-8", "backslashreplace"),
        path=state.path,
        file_no=state.file_no,
        offset=one.key[2],
        cut=one.size > len(one.text),
    )
