"""The names of the files in a session's log folder, and what each tells: source, stream, worker, job, process.

Ray's own sources of these names: ``_private/node.py``, ``_private/utils.py`` (``get_worker_log_file_name``), ``dashboard/consts.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from msgspec import Struct

MARKS: Final = "marks"
HOOK: Final = "hook"
"""Sources that are no logs: the marks of the worker hooks, and their other records."""

SOURCES: Final = ("worker", "driver", "raylet", "gcs", "dashboard", "agent", "runtime_env", "autoscaler", "event", "other")
STREAMS: Final = ("out", "err", "log")


class LogName(Struct, frozen=True, kw_only=True):
    """What a file's name tells."""

    source: str = "other"
    stream: str = "log"
    worker_id: str | None = None
    job_id: str | None = None
    submission_id: str | None = None
    pid: int | None = None


_NIL: Final = re.compile(r"f+")


def _worker(match: re.Match[str]) -> LogName:
    job = match["job"]
    return LogName(source="worker", stream=match["ext"], worker_id=match["worker"], job_id=None if _NIL.fullmatch(job or "f") else job, pid=int(match["pid"]))


def _core(match: re.Match[str]) -> LogName:
    source = "driver" if match["kind"] == "driver" else "worker"
    return LogName(source=source, stream="log", worker_id=match["worker"], pid=int(match["pid"]))


def _driver(match: re.Match[str]) -> LogName:
    return LogName(source="driver", stream=match["ext"], job_id=match["job"])


def _job_driver(match: re.Match[str]) -> LogName:
    return LogName(source="driver", stream="out", submission_id=match["submission"])


def _marks(match: re.Match[str]) -> LogName:
    return LogName(source=MARKS, worker_id=match["worker"], pid=int(match["pid"]))


def _source(name: str) -> Callable[[re.Match[str]], LogName]:
    return lambda match: LogName(source=name, stream=match["ext"] if match["ext"] in STREAMS else "log")


_EXT: Final = r"(?:[-_.\w]*)\.(?P<ext>out|err|log)(?:\.\d+)?"

_TABLE: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], LogName]], ...]] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (r"rayscope/marks-(?P<worker>[0-9a-f]+)-(?P<pid>\d+)\.log", _marks),
        (r"rayscope/.*", lambda _: LogName(source=HOOK)),
        (r"(?:.*/)?worker-(?P<worker>[0-9a-f]{56})-(?P<job>[0-9a-f]*)-?(?P<pid>\d+)\.(?P<ext>out|err)(?:\.\d+)?", _worker),
        (r"(?:.*/)?python-core-(?P<kind>worker|driver)-(?P<worker>[0-9a-f]+)_(?P<pid>\d+)\.log(?:\.\d+)?", _core),
        (r"(?:.*/)?job-driver-(?P<submission>.+)\.log(?:\.\d+)?", _job_driver),
        (r"(?:.*/)?driver-(?P<job>[0-9a-f]+)\.(?P<ext>out|err)", _driver),
        (r"(?:.*/)?event[s_].*", lambda _: LogName(source="event")),
        (rf"(?:.*/)?(?:runtime_env)(?P<x>){_EXT}", _source("runtime_env")),
        (rf"(?:.*/)?raylet(?P<x>){_EXT}", _source("raylet")),
        (rf"(?:.*/)?gcs_server(?P<x>){_EXT}", _source("gcs")),
        (rf"(?:.*/)?(?:dashboard_agent|log_monitor)(?P<x>){_EXT}", _source("agent")),
        (rf"(?:.*/)?dashboard(?P<x>){_EXT}", _source("dashboard")),
        (rf"(?:.*/)?(?:monitor|autoscaler)(?P<x>){_EXT}", _source("autoscaler")),
        (rf"(?:.*/)?(?:[\w-]*)(?P<x>){_EXT}", _source("other")),
    )
)


@lru_cache(maxsize=8192)
def read_log_name(path: str) -> LogName:
    """What the path (relative to the log folder) tells. A name that is not known is of source ``other``."""
    for pattern, read in _TABLE:
        if (match := pattern.fullmatch(path)) is not None:
            return read(match)
    return LogName()
