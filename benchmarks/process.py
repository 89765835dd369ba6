"""A real server process to measure, and connections to it that cost little."""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from rayscope.model.server import ServerInfo
from rayscope.server.lifecycle import read_ingest_token, start_background, stop

_MIB = 1024 * 1024


class Server:
    """A server that runs in a process of its own."""

    def __init__(self, info: ServerInfo, data: Path) -> None:
        self.info = info
        self.data = data
        self._connection = self.connect()

    @property
    def events_path(self) -> str:
        """Where events are posted to."""
        return f"/ingest/{read_ingest_token(self.data)}/ray/events"

    def connect(self) -> http.client.HTTPConnection:
        """A kept-alive connection of the caller's own."""
        return http.client.HTTPConnection(self.info.host, self.info.port, timeout=120)

    def reconnect(self) -> None:
        """Forget the connection: the server closes one on which it hears nothing for some seconds."""
        self._connection.close()

    def get(self, path: str, **query: Any) -> Any:
        """The answer to one question, decoded. Lists become repeated parameters."""
        return msgspec.json.decode(self.fetch(path, **query))

    def fetch(self, path: str, **query: Any) -> bytes:
        """The answer as it came. Raises RuntimeError for an error."""
        self._connection.request("GET", f"{path}?{urlencode(query, doseq=True)}")
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status >= http.client.BAD_REQUEST:
            raise RuntimeError(f"GET {path} {query}: {answer.status} {body[:300]!r}")
        return body

    def cpu_s(self) -> float:
        """The processor time it has used."""
        return _cpu_s(_stat(self.info.pid))

    def resident_mb(self) -> float:
        """What it holds in memory now, in MB of 1024 x 1024 bytes."""
        return int(Path(f"/proc/{self.info.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MIB

    def peak_mb(self) -> float:
        """The most it ever held."""
        lines = Path(f"/proc/{self.info.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024

    def wait_until_applied(self, events: int, timeout_s: float = 300) -> None:
        """Until that many events can be read. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while self.get("/api/v1/health")["events"] < events:
            if time.monotonic() > deadline:
                raise TimeoutError(f"only {self.get('/api/v1/health')['events']} of {events} events applied after {timeout_s} s")
            time.sleep(0.05)


def children_cpu_s() -> float:
    """The processor time that the processes below this one have used, those that ended with their parent's."""
    stats = {int(path.name): stat for path in Path("/proc").iterdir() if path.name.isdigit() and (stat := _stat(int(path.name)))}
    below = {os.getpid()}
    while more := {pid for pid, stat in stats.items() if int(stat[1]) in below} - below:
        below |= more
    return sum(_cpu_s(stats[pid]) for pid in below - {os.getpid()})


def _stat(pid: int) -> list[str]:
    """What the system tells of a process after its name; nothing of one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def _cpu_s(stat: list[str]) -> float:
    return sum(map(int, stat[11:15])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running_server(data: Path, cores: Collection[int] | None = None) -> Iterator[Server]:
    """A server on a folder, held to ``cores``; stopped at the end."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores or allowed)  # a new process takes over its parent's
    try:
        info = start_background(data, port=0, timeout_s=60)
    finally:
        os.sched_setaffinity(0, allowed)
    try:
        yield Server(info, data)
    finally:
        stop(data)
