"""Ray's processes on this host, from /proc: raylets, GCS, dashboards, and whose child a worker is."""

from __future__ import annotations

import os
from typing import Dict, List, NamedTuple, Optional, Set

PROC = "/proc"


class Process(NamedTuple):
    """One process of Ray's: its number, the file name of its program, its arguments."""

    pid: int
    arguments: List[str]

    def option(self, name: str) -> Optional[str]:
        """The value of ``--name=value``, the name with - or _."""
        wanted = name.replace("_", "-")
        for argument in self.arguments:
            key, sign, value = argument.partition("=")
            if sign and key.lstrip("-").replace("_", "-") == wanted:
                return value
        return None


class RayProcesses(NamedTuple):
    """What runs of Ray here."""

    raylets: List[Process]
    gcs: List[Process]
    dashboards: List[Process]


class ProcessTable:
    """Looks at each new process once or twice, not at all of them each time: a host has hundreds."""

    def __init__(self, proc: str = PROC) -> None:
        self._proc = proc
        self._ray: Dict[int, Process] = {}
        self._seen: Dict[int, int] = {}

    def look(self) -> RayProcesses:
        """What runs now. A process is looked at twice, as it may have been between fork and exec the first time."""
        pids = self._pids()
        self._ray = {pid: process for pid, process in self._ray.items() if pid in pids and arguments_of(pid, self._proc)[:1] == process.arguments[:1]}
        self._seen = {pid: times for pid, times in self._seen.items() if pid in pids}
        for pid in pids - self._ray.keys():
            if self._seen.get(pid, 0) < 2:  # noqa: PLR2004 twice
                self._inspect(pid)
        kinds = {kind: [process for process in self._ray.values() if _kind(process.arguments) == kind] for kind in ("raylet", "gcs", "dashboard")}
        return RayProcesses(kinds["raylet"], kinds["gcs"], kinds["dashboard"])

    def _inspect(self, pid: int) -> None:
        arguments = arguments_of(pid, self._proc)
        self._seen[pid] = self._seen.get(pid, 0) + 1
        if _kind(arguments):
            self._ray[pid] = Process(pid, arguments)

    def _pids(self) -> Set[int]:
        try:
            return {int(name) for name in os.listdir(self._proc) if name.isdigit()}
        except OSError:
            return set()


def arguments_of(pid: int, proc: str = PROC) -> List[str]:
    """The command line of a process; empty where it is gone or not ours to see."""
    try:
        with open(f"{proc}/{pid}/cmdline", "rb") as file:
            return file.read().decode("utf-8", "replace").rstrip("\0").split("\0")
    except OSError:
        return []


def _stat(pid: int, proc: str) -> List[bytes]:
    """What the kernel says of a process, from its state on: the name before it may hold anything. Raises OSError where it is gone."""
    with open(f"{proc}/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()


def parent_of(pid: int, proc: str = PROC) -> int:
    """The parent of a process; 0 where it is gone."""
    try:
        return int(_stat(pid, proc)[1])
    except (OSError, ValueError, IndexError):
        return 0


def is_alive(pid: int, proc: str = PROC) -> bool:
    """Whether a process runs: neither gone nor a zombie."""
    try:
        return _stat(pid, proc)[0] not in {b"Z", b"X"}
    except (OSError, IndexError):
        return False


def born_at(pid: int, proc: str = PROC) -> int:
    """When a process started, in ticks since boot; 0 where it cannot be seen. A number that is given again is told by it."""
    try:
        return int(_stat(pid, proc)[19])
    except (OSError, ValueError, IndexError):
        return 0


def environment_of(pid: int, proc: str = PROC) -> Optional[Dict[str, str]]:
    """The environment that a process was started with; None where it is not ours to see."""
    try:
        with open(f"{proc}/{pid}/environ", "rb") as file:
            pairs = (entry.partition("=") for entry in file.read().decode("utf-8", "replace").split("\0"))
            return {name: value for name, sign, value in pairs if sign}
    except OSError:
        return None


def _kind(arguments: List[str]) -> str:
    """raylet, gcs, dashboard, or nothing."""
    if not arguments:
        return ""
    program = os.path.basename(arguments[0])
    if program in {"raylet", "gcs_server"}:
        return "raylet" if program == "raylet" else "gcs"
    return "dashboard" if any(argument.endswith("ray/dashboard/dashboard.py") for argument in arguments[1:4]) else ""
