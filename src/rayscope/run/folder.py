"""The folder in which processes of a run leave words for it, as its reader sees it. The writers' half is rayscope.worker.mailbox."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

log = logging.getLogger("rayscope.run")


class ClusterFacts(Struct, frozen=True, kw_only=True):
    """What a driver says of the cluster that it started or joined. ``metrics`` is the host and port of its node's metrics page."""

    pid: int
    started_here: bool
    session_name: str
    log_dir: str
    address: str
    metrics: str
    dashboard: str | None
    job_id: str
    ray_version: str
    python_version: str
    started_ns: int
    node_id: str = ""
    redirect: bool = False
    """Whether the driver leaves its workers' output to `rayscope run`."""


class Word(Struct, frozen=True):
    """One word: its kind (cluster, ending, stopping, gone), its content, and the file that it came in."""

    kind: str
    content: dict[str, Any]
    path: Path

    def answer(self) -> None:
        """Let the process that asked go on."""
        self.path.with_name(self.path.name + ".done").touch()


class RunFolder:
    """The words in a folder, each seen once."""

    KINDS = ("cluster", "ending", "stopping", "gone")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: set[str] = set()

    def new_words(self) -> list[Word]:
        """Those that came since the last look, in the order of their coming."""
        new = [path for path in self._path.iterdir() if path.name not in self._seen and path.suffix[1:] in self.KINDS]
        self._seen.update(path.name for path in new)
        words = [_read(path) for path in sorted(new, key=lambda path: path.stat().st_mtime_ns)]
        return [word for word in words if word is not None]


def _read(path: Path) -> Word | None:
    try:
        return Word(path.suffix[1:], msgspec.json.decode(path.read_bytes(), type=dict[str, Any]), path)
    except (OSError, msgspec.DecodeError) as error:
        log.warning("cannot read %s: %s", path.name, error)
        return None
