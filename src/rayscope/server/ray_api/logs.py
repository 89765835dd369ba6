"""Ray's log API (``/api/v0/logs``, ``/api/v0/logs/file|stream``) over what was shipped, for nodes that are gone too.

Shapes, parameters and the groups of files are those of Ray's ``dashboard/modules/log/log_manager.py`` and ``state_head.py``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from msgspec import Struct, field

from rayscope.errors import NotFound
from rayscope.query.logs.request import LogQuery
from rayscope.query.logs.service import Logs
from rayscope.server.ray_api.options import Refused, to_int
from rayscope.store.logs.memory import FileState

_DEFAULT_LINES: Final = 1000
_BLOCK: Final = 256 * 1024
_WAIT_S: Final = 5.0
_ANSI: Final = re.compile(rb"\x1B(?:[@-Z\\-_]|\[[0-?]*[ -/]*[@-~])")

_GROUPS: Final[tuple[tuple[str, Callable[[str], bool]], ...]] = (
    ("worker_out", lambda name: "worker" in name and name.endswith(".out")),
    ("worker_err", lambda name: "worker" in name and name.endswith(".err")),
    ("core_worker", lambda name: "core-worker" in name and name.endswith(".log")),
    ("driver", lambda name: "core-driver" in name and name.endswith(".log")),
    ("raylet", lambda name: "raylet." in name),
    ("gcs_server", lambda name: "gcs_server." in name),
    ("internal", lambda name: "log_monitor" in name),
    ("autoscaler", lambda name: "monitor" in name),
    ("agent", lambda name: "agent." in name),
    ("dashboard", lambda name: "dashboard." in name),
)
"""Ray's groups, in the order in which they are tried; the rest is internal."""


class LogWish(Struct, frozen=True, kw_only=True):
    """Ray's GetLogOptions, as far as a store needs them."""

    media_type: str
    node_id: str | None = None
    node_ip: str | None = None
    filename: str | None = None
    actor_id: str | None = None
    task_id: str | None = None
    attempt_number: int = 0
    submission_id: str | None = None
    pid: int | None = None
    lines: int = _DEFAULT_LINES
    suffix: str = "out"
    plain: bool = False

    @property
    def follows(self) -> bool:
        """Whether what comes later is wanted too."""
        return self.media_type == "stream"


class Stretch(Struct, frozen=True):
    """What is to be sent: ranges of a file, the last to its end where ``end`` is None."""

    state: FileState
    ranges: list[tuple[int, int | None]] = field(default_factory=list)


def read_wish(media_type: str, query: Mapping[str, str]) -> LogWish:
    """The options of a request. Raises Refused, in Ray's words where it has some."""
    if media_type not in {"file", "stream"}:
        raise Refused(f"Invalid media type: {media_type}")
    texts = {name: query[name] for name in ("node_id", "node_ip", "filename", "actor_id", "task_id", "submission_id") if query.get(name)}
    if not texts.keys() & {"node_id", "node_ip", "actor_id", "task_id"}:
        raise Refused("node_id or node_ip must be provided as constructor arguments when no actor or task_id is supplied as arguments.")
    if {"node_id", "node_ip"} <= texts.keys():
        raise Refused("Both node_id and node_ip are given. Only one of them can be provided.")
    if not texts.keys() & {"filename", "actor_id", "task_id", "submission_id"} and not query.get("pid"):
        raise Refused("At least one of actor_id, pid, filename, task_id, or submission_id is required.")
    suffix = query.get("suffix", "out")
    if suffix not in {"out", "err"}:
        raise Refused(f"Invalid suffix: {suffix}. Must be one of `out` or `err`.")
    return LogWish(
        media_type=media_type,
        **texts,
        attempt_number=to_int(query.get("attempt_number", "0")),
        pid=to_int(query["pid"]) if query.get("pid") else None,
        lines=to_int(query.get("lines", str(_DEFAULT_LINES))),
        suffix=suffix,
        plain=query.get("filter_ansi_code", "False").lower() == "true",
    )


def list_files(logs: Logs, session: str, node_id: str | None, node_ip: str | None, pattern: str) -> dict[str, list[str]]:
    """Ray's answer: paths by group. Raises Refused, NotFound."""
    if not node_id and not node_ip:
        raise Refused("Both node id and node ip are not provided. Please provide at least one of them.")
    if pattern.startswith("/") or ".." in PurePosixPath(pattern).parts:
        raise Refused(f"Invalid glob filter: {pattern}. It must be a relative path and cannot contain '..'.")
    found = logs.files(LogQuery(session=session, node=node_id or node_ip)).files
    if node_ip and not node_id and not found:
        raise NotFound(f"Cannot find matching node_id for a given node ip {node_ip}")
    groups: dict[str, list[str]] = {}
    for path in sorted({file.path for file in found}):
        if PurePosixPath("/" + path).match("/" + pattern):
            groups.setdefault(_group(path), []).append(path)
    return groups


def _group(path: str) -> str:
    return next((group for group, fits in _GROUPS if fits(path)), "internal")


def find_stretch(logs: Logs, session: str, wish: LogWish) -> Stretch:
    """The bytes that are meant. Raises NotFound, Refused."""
    if wish.task_id:
        state, ranges = logs.task_output(session, wish.task_id, wish.attempt_number, wish.suffix)
        return Stretch(state, [*ranges[:-1], (ranges[-1][0], ranges[-1][1] if not wish.follows else None)])
    state = _find_file(logs, session, wish)
    return Stretch(state, [(0, None)])


def _find_file(logs: Logs, session: str, wish: LogWish) -> FileState:
    if wish.submission_id:
        query = LogQuery(session=session, job=wish.submission_id, source="driver")
    elif wish.filename:
        name = wish.filename.split("/logs/", 1)[-1]
        query = LogQuery(session=session, node=wish.node_id or wish.node_ip, file=_literal(name))
    elif wish.actor_id:
        query = LogQuery(session=session, actor=wish.actor_id, source="worker", stream=wish.suffix)
    else:
        query = LogQuery(session=session, node=wish.node_id or wish.node_ip, pid=wish.pid, source="worker", stream=wish.suffix)
    found = logs.states(query)
    if not found:
        raise NotFound(f"Could not find a log file. Please make sure the given option exists in the cluster.\n{_given(wish)}")
    return max(found, key=lambda state: state.file_no)


def _literal(name: str) -> str:
    """A pattern that fits just this name."""
    return re.sub(r"([*?[])", r"[\1]", name)


def _given(wish: LogWish) -> str:
    names = ("node_id", "filename", "actor_id", "task_id", "pid", "suffix", "submission_id", "attempt_number")
    return "".join(f"\t{name}: {getattr(wish, name)}\n" for name in names)


async def stream(logs: Logs, stretch: Stretch, wish: LogWish, is_over: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The bytes, from the last ``lines`` lines on; of a followed file also what comes, until it or its cluster has ended."""
    ranges = await asyncio.to_thread(_tail, logs, stretch, wish.lines)
    for start, end in ranges:
        at = start
        while end is None or at < end:
            want = _BLOCK if end is None else min(_BLOCK, end - at)
            begin, data = await asyncio.to_thread(logs.read_at, stretch.state.file_no, at, want)
            if data:
                at = begin + len(data)
                yield _ANSI.sub(b"", data) if wish.plain else data
            elif not wish.follows or is_over() or not await _more(logs, stretch.state.file_no, at):
                break


async def _more(logs: Logs, file_no: int, at: int) -> bool:
    """Wait for more of a file; False if it has ended."""
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()
    stop = logs.store.listen(lambda: (loop.call_soon_threadsafe(arrived.set), None)[1])
    try:
        state = logs.file(file_no)
        if state.next_offset > at:
            return True
        if state.ended:
            return False
        await asyncio.wait_for(arrived.wait(), _WAIT_S)
    except TimeoutError:
        return True
    except NotFound:
        return False
    finally:
        stop()
    return True


def _tail(logs: Logs, stretch: Stretch, lines: int) -> list[tuple[int, int | None]]:
    """The ranges without all but their last lines; -1 keeps all."""
    if lines == -1:
        return stretch.ranges
    kept: list[tuple[int, int | None]] = []
    left = lines
    for start, end in reversed(stretch.ranges):
        if left <= 0:
            break
        first, found = _last_lines(logs, stretch.state, start, end if end is not None else logs.file(stretch.state.file_no).next_offset, left)
        kept.append((first, end))
        left -= found
    return kept[::-1]


def _last_lines(logs: Logs, state: FileState, start: int, end: int, lines: int) -> tuple[int, int]:
    """Where the last lines of a range begin, and how many there are."""
    at, found, last = end, 0, True
    while at > start:
        begin = max(start, at - _BLOCK)
        _, data = logs.read_at(state.file_no, begin, at - begin)
        body = data[:-1] if last and data.endswith(b"\n") else data
        last = False
        for place in _breaks(body):
            found += 1
            if found == lines:
                return begin + place + 1, found
        at = begin
    return start, found + 1


def _breaks(data: bytes) -> Sequence[int]:
    """The places of newlines, the last first."""
    found: list[int] = []
    at = data.rfind(b"\n")
    while at >= 0:
        found.append(at)
        at = data.rfind(b"\n", 0, at)
    return found
