"""Log lines through a real server: how fast they are taken, what they cost on disk, how fast they are found, beside grep and rg on the raw files.

Bodies are made before the clock starts; one sender process with four requests in flight. *Acknowledged* is durable.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks.figures import Figure, options, quantile, show
from benchmarks.log_lines import JOBS, RARE, LogFile, write_files
from benchmarks.process import Server, running_server
from rayscope.server.lifecycle import read_ingest_token

_CHUNK: Final = 256 * 1024
_BODY_CHUNKS: Final = 8
_SENDERS: Final = 4
_REPEATS: Final = 20
_SESSION: Final = "session_2026-11-24_00-00-00_000001_1"
_MB: Final = 1_000_000
_OK: Final = 200
_UNAVAILABLE: Final = 503


def bodies(files: Sequence[LogFile]) -> Iterator[bytes]:
    """Bodies as an agent makes them: every file goes on a little in each."""
    open_files = [(file, file.source.open("rb")) for file in files]
    offsets = dict.fromkeys((file.path for file in files), 0)
    pending: list[dict[str, Any]] = []
    while open_files:
        for file, source in list(open_files):
            data = source.read(_CHUNK) + source.readline()
            if not data:
                source.close()
                open_files.remove((file, source))
                continue
            pending.append({"file": file.path, "path": file.path, "offset": offsets[file.path], "data": data, "observed_ns": time.time_ns()})
            offsets[file.path] += len(data)
            if len(pending) == _BODY_CHUNKS:
                yield _body(pending)
                pending = []
    if pending:
        yield _body(pending)


def _body(chunks: list[dict[str, Any]]) -> bytes:
    return msgspec.msgpack.encode({"session": _SESSION, "node_id": "ab" * 28, "agent_id": "bench", "chunks": chunks})


def ship(server: Server, files: Sequence[LogFile]) -> tuple[float, float]:
    """Send everything, file by file over a few connections: seconds, and the server's processor time."""
    before = server.cpu_s()
    begin = time.perf_counter()
    threads = [threading.Thread(target=_send, args=(server, files[at::_SENDERS])) for at in range(_SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begin, server.cpu_s() - before


def _send(server: Server, files: Sequence[LogFile]) -> None:
    connection = server.connect()
    path = f"/ingest/{read_ingest_token(server.data)}/agent/chunks"
    for body in bodies(files):
        while True:
            connection.request("POST", path, body, {"Content-Type": "application/x-msgpack"})
            answer = connection.getresponse()
            said = answer.read()
            if answer.status == _OK:
                break
            if answer.status != _UNAVAILABLE:
                raise RuntimeError(f"POST: {answer.status} {said[:200]!r}")
            time.sleep(0.2)  # as an agent does
    connection.close()


def search_ms(server: Server, **query: Any) -> tuple[list[float], int]:
    """How long a search takes, all its pages, several times; and the lines it found."""
    taken: list[float] = []
    count = 0
    for _ in range(_REPEATS):
        begin, count, cursor = time.perf_counter(), 0, None
        while True:
            page = server.get("/api/v1/logs", **query, **({"cursor": cursor} if cursor else {}))
            count += len(page["lines"])
            cursor = page["next"]
            if cursor is None or count >= query.get("limit", 100):
                break
        taken.append((time.perf_counter() - begin) * 1000)
    return taken, count


def tool_ms(command: Sequence[str], folder: Path) -> float:
    """The best of three runs of a program over the raw files, which are in the page cache."""
    taken: list[float] = []
    for _ in range(3):
        begin = time.perf_counter()
        subprocess.run([*command, str(folder)], stdout=subprocess.DEVNULL, check=False)
        taken.append((time.perf_counter() - begin) * 1000)
    return min(taken)


def figures(lines: int, folder: Path) -> list[Figure]:
    """Everything, over one set of files."""
    raw = folder / "raw"
    raw.mkdir()
    files = write_files(raw, lines)
    size = sum(file.source.stat().st_size for file in files)
    count = sum(_newlines(file.source) for file in files)
    with running_server(folder / "data") as server:
        idle_mb = server.resident_mb()
        seconds, cpu_s = ship(server, files)
        peak_mb = server.peak_mb()
        server.reconnect()
        rare_job = files[len(files) * (JOBS // 2) // JOBS].job
        questions = [
            ("rare word, one job", {"q": RARE, "job": rare_job}, 300.0),
            ("rare word, everything", {"q": RARE}, 1000.0),
            ("absent word, everything", {"q": "glockenspiel"}, 1000.0),
            ("one id, everything", {"q": "00000012ab or 7f3a9c0012"}, None),
            ("newest 100 errors", {"level": "error"}, None),
            ("newest 100", {}, None),
            ("regular expression, absent, one job", {"q": "/glocken[a-z]+/", "job": rare_job}, None),
        ]
        found: list[Figure] = []
        for name, query, target in questions:
            taken, hits = search_ms(server, **query)
            found.append(Figure(name=f"{name}: p95 ({hits} lines)", value=quantile(taken, 0.95), unit="ms", target=target))
        rss_mb = server.resident_mb()
    stored = sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file())
    tools = [
        Figure(name=f"{' '.join(tool)} over the raw files, the rare word", value=tool_ms([*tool, RARE], raw), unit="ms")
        for tool in (["grep", "-r"], ["grep", "-ri"], ["rg", "-i"])
        if shutil.which(tool[0])
    ]
    return [
        Figure(name="raw bytes", value=size / _MB, unit="MB"),
        Figure(name="lines", value=count, unit="lines"),
        Figure(name="acknowledged, durable", value=size / _MB / seconds, unit="MB/s", target=20, at_least=True),
        Figure(name="server's processor time", value=cpu_s / (size / _MB) * 1000, unit="ms/MB"),
        Figure(name="bytes on disk a raw byte", value=stored / size, unit="", target=0.5),
        *found,
        *tools,
        Figure(name="resident, idle", value=idle_mb, unit="MB", target=200),
        Figure(name="resident, peak of ingest", value=peak_mb, unit="MB"),
        Figure(name="resident, after the searches", value=rss_mb, unit="MB"),
    ]


def _newlines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def main() -> None:
    """Measure."""
    parser = options(__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000, help="about so many; ten million are about 1 GB on disk, twice")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        found = figures(given.lines, Path(folder))
    show(f"logs of {given.lines:,} lines (load before: {load:.2f})", found, given.json, {"lines": given.lines, "load_before": load})


if __name__ == "__main__":
    main()
