"""What the node agent costs and how fast it is: memory and processor time when idle over 2,000 files and as many series, and the rate of lines to a server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from benchmarks.figures import Figure, options, show
from rayscope.server.lifecycle import read_ingest_token, start_background, stop

NODE = "ab" * 28
LINE = b"2026-11-24 12:00:00,000 INFO worker.py:1 -- step %08d of a run of some length, with words as programs print them\n"

AGENT = """
import asyncio, sys
from rayscope.agent.discovery import Place
from rayscope.agent.node import NodeAgent
place = Place("session_bench", sys.argv[1], sys.argv[4], int(sys.argv[2]), "", False, frozenset())
asyncio.run(NodeAgent(place, sys.argv[3], "bench", lambda: [place]).run())
"""


class Agent:
    """An agent over a made-up session's folder, in a process of its own, which takes this process for its raylet."""

    def __init__(self, session_dir: Path, ingest: str) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", AGENT, str(session_dir), str(os.getpid()), ingest, NODE])

    def cpu_s(self) -> float:
        """Processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self, kind: str) -> float:
        """VmRSS now, or VmHWM, its peak."""
        line = next(line for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if line.startswith(kind))
        return int(line.split()[1]) / 1024

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


class Shipped:
    """How much of a session's files a server has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.info = start_background(folder, port=0, timeout_s=60)
        self.ingest = f"{self.info.url}/ingest/{read_ingest_token(folder)}"

    def size(self) -> int:
        """Bytes that are durable there."""
        import json
        import urllib.request

        with urllib.request.urlopen(f"{self.ingest}/agent/files?session=session_bench&node_id={NODE}", timeout=60) as answer:
            return sum(known["offset"] for known in json.load(answer)["files"].values())

    def wait_for(self, size: int) -> None:
        """Until so much is."""
        deadline_s = time.monotonic() + 300
        while self.size() < size:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"{self.size():,} of {size:,} bytes arrived")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server."""
        stop(self._folder)


def main() -> None:
    """Idle first, then busy."""
    parser = options(__doc__)
    parser.add_argument("--files", type=int, default=2000, help="files of the idle node")
    parser.add_argument("--series", type=int, default=2000, help="series of the node's page of metrics")
    parser.add_argument("--idle", type=float, default=30.0, help="seconds of idleness that are measured")
    parser.add_argument("--megabytes", type=int, default=600, help="log lines written while the rate is measured")
    given = parser.parse_args()
    with _session() as session_dir, _page(session_dir, given.series), tempfile.TemporaryDirectory() as data:
        server = Shipped(Path(data))
        try:
            figures = [*_idle(session_dir, server, given.files, given.idle), *_busy(session_dir, server, given.megabytes)]
        finally:
            server.stop()
    show(f"The agent over {given.files:,} files, and {given.megabytes} MB of lines", figures, given.json)


@contextmanager
def _session() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="rayscope-bench-"))
    (folder / "logs").mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _page(session_dir: Path, series: int) -> Iterator[None]:
    """A node's page of metrics, and 60 processes as a node has them."""
    name = b'ray_metric_%d{NodeAddress="10.0.0.1",SessionName="session_bench",Component="core_worker",WorkerId="%056d",Version="2.60.0"} %d.5\n'
    page = b"".join(name % (number % 50, number, number) for number in range(series))

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    (session_dir / f"metrics_export_port_{NODE}").write_text(str(server.server_address[1]))
    workers = [subprocess.Popen(["sleep", "600"]) for _ in range(60)]
    try:
        yield
    finally:
        server.shutdown()
        for worker in workers:
            worker.kill()


def _idle(session_dir: Path, server: Shipped, files: int, idle_s: float) -> list[Figure]:
    for number in range(files):
        (session_dir / "logs" / f"worker-{number:056x}-01000000-{number}.out").write_bytes(b"".join(LINE % at for at in range(10)))
    began_s = time.monotonic()
    agent = Agent(session_dir, server.ingest)
    try:
        server.wait_for(files * 10 * len(LINE % 0))
        first_s = time.monotonic() - began_s
        time.sleep(5)
        before_s = agent.cpu_s()
        time.sleep(idle_s)
        cpu = (agent.cpu_s() - before_s) / idle_s * 100
        return [
            Figure(name="first look: all shipped after", value=first_s, unit="s"),
            Figure(name="idle: processor time", value=cpu, unit="% of a core", target=3.0),
            Figure(name="idle: resident", value=agent.memory_mib("VmRSS"), unit="MiB", target=60.0),
            Figure(name="idle: peak resident", value=agent.memory_mib("VmHWM"), unit="MiB", target=60.0),
        ]
    finally:
        agent.stop()


def _busy(session_dir: Path, server: Shipped, megabytes: int) -> list[Figure]:
    """20 files beside the idle ones grow at once, as fast as they can be written."""
    before = server.size()
    agent = Agent(session_dir, server.ingest)
    try:
        time.sleep(3)
        cpu_s, began_s = agent.cpu_s(), time.monotonic()
        size = _write(session_dir / "logs", megabytes * 1_000_000)
        written_s = time.monotonic() - began_s
        server.wait_for(before + size)
        took_s = time.monotonic() - began_s
        return [
            Figure(name="busy: agent and server", value=size / took_s / 1e6, unit="MB/s", target=20.0, at_least=True),
            Figure(name="busy: written at", value=size / written_s / 1e6, unit="MB/s"),
            Figure(name="busy: agent's processor time", value=(agent.cpu_s() - cpu_s) / size * 1e9, unit="s/GB"),
            Figure(name="busy: peak resident", value=agent.memory_mib("VmHWM"), unit="MiB", target=60.0),
        ]
    finally:
        agent.stop()


def _write(folder: Path, size: int) -> int:
    block = b"".join(LINE % number for number in range(1000))
    files = [(folder / f"worker-{number:056x}-02000000-{number}.out").open("wb") for number in range(20)]
    written = 0
    while written < size:
        for file in files:
            file.write(block)
            file.flush()
            written += len(block)
    for file in files:
        file.close()
    return written


if __name__ == "__main__":
    main()
