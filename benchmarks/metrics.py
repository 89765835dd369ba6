"""Samples through a real server: how fast they are taken, what 200 nodes cost it, what they cost on disk, how fast they come back.

Bodies are made before the clock starts, as agents make them: definitions once, then a scrape each. *Acknowledged* is durable. Values are of the kinds
that Ray's pages have: most stay or count in whole numbers, some are seconds with decimals, bytes, or arbitrary floats.
"""

from __future__ import annotations

import http.client
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from benchmarks.figures import Figure, options, show
from benchmarks.process import Server, running_server
from rayscope.query.metrics.frames import Values
from rayscope.server.lifecycle import read_ingest_token
from rayscope.server.settings import Settings
from rayscope.store.limits import METRIC_BLOCK_TIMES
from rayscope.store.metrics.blocks import encode_block
from rayscope.store.metrics.head import Matrix

_SESSION: Final = "session_2026-11-24_00-00-00_000001_1"
_SENDERS: Final = 4
_OK: Final = 200
_UNAVAILABLE: Final = 503
_MS: Final = 1000


class Node:
    """One node's series and their values, a scrape after the other."""

    def __init__(self, number: int, series: int) -> None:
        self.number = number
        self._series = series
        self._seq = 0
        self._random = np.random.default_rng(number)
        self._ids = np.arange(series, dtype="<u4").tobytes()
        self._values = np.floor(self._random.uniform(0, 1e6, series))
        self._kind = self._random.choice(6, series, p=[0.55, 0.25, 0.08, 0.06, 0.04, 0.02])

    def body(self, time_ms: int) -> bytes:
        """The next one."""
        self._advance()
        first = self._seq == 0
        body = {
            "session": _SESSION,
            "node_id": f"{self.number:056x}",
            "agent_id": "bench",
            "epoch": f"epoch-{self.number}",
            "seq": self._seq,
            "targets": [[0, {"instance": f"10.0.{self.number // 250}.{self.number % 250}:8080", "job": "ray"}]] if first else [],
            "series": [[number, 0, f"ray_metric_{number // 20}", _labels(number)] for number in range(self._series)] if first else [],
            "scrapes": [{"t": 0, "time_ms": time_ms, "ids": self._ids, "values": self._values.tobytes()}],
        }
        self._seq += 1
        return msgspec.msgpack.encode(body)

    def _advance(self) -> None:
        """Most stay as they are; counters of events; gauges in steps; seconds of processors; bytes; and what has no pattern."""
        random, size, kind = self._random, self._series, self._kind
        steps: list[Values] = [
            np.zeros(size),
            np.where(random.random(size) < 0.5, random.poisson(3, size), 0.0),
            np.floor(random.normal(0, 3, size)),
            np.round(random.exponential(0.3, size), 2),
            4096 * np.floor(random.normal(0, 50, size)),
            random.normal(0, 1, size),
        ]
        self._values = np.where(kind == 3, np.round(self._values + steps[3], 2), self._values + np.choose(kind, steps))


def _labels(number: int) -> dict[str, str]:
    return {"Component": f"component_{number % 5}", "Version": "2.60.0", "State": f"STATE_{number % 20}"}


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> None:
    """Until it is acknowledged; what the server has no room for is sent again."""
    while True:
        connection.request("POST", path, body)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status == _OK:
            return
        if answer.status != _UNAVAILABLE:
            raise RuntimeError(f"{answer.status} {content[:300]!r}")
        time.sleep(0.2)


def _path(server: Server) -> str:
    return f"/ingest/{read_ingest_token(server.data)}/agent/metrics"


def send(server: Server, bodies: Sequence[Sequence[bytes]]) -> None:
    """A sequence of each node, by a few senders."""

    def work(mine: Sequence[Sequence[bytes]]) -> None:
        connection, path = server.connect(), _path(server)
        for together in zip(*mine, strict=True):
            for body in together:
                _post(connection, path, body)
        connection.close()

    threads = [threading.Thread(target=work, args=(bodies[first::_SENDERS],)) for first in range(_SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def ingest(server: Server, nodes: int, series: int, scrapes: int) -> Iterator[Figure]:
    """As fast as it goes."""
    made = [Node(1000 + number, series) for number in range(nodes)]
    begin_ms = int(time.time() * _MS) - scrapes * 10_000
    send(server, [[node.body(begin_ms)] for node in made])
    bodies = [[node.body(begin_ms + at * 10_000) for at in range(1, scrapes)] for node in made]
    began, cpu = time.monotonic(), server.cpu_s()
    send(server, bodies)
    took, samples = time.monotonic() - began, nodes * (scrapes - 1) * series
    yield Figure(name=f"acknowledged, of {samples:,}", value=samples / took, unit="samples/s", target=500_000, at_least=True)
    yield Figure(name="  server's processor time", value=(server.cpu_s() - cpu) / samples * 1e6, unit="s a million")
    yield Figure(name="  resident memory, at its peak", value=server.peak_mb(), unit="MB", target=400)


def steady(server: Server, nodes: int, series: int, interval_s: float, rounds: int) -> Iterator[Figure]:
    """Nodes at their pace, spread over the interval; after the first round, which defines all series. What flushes and merges cost is in it."""
    made = [Node(number, series) for number in range(nodes)]
    began, cpu = time.monotonic(), server.cpu_s()
    send(server, [[node.body(int(time.time() * _MS))] for node in made])
    yield Figure(name=f"defining {nodes * series:,} series", value=time.monotonic() - began, unit="s")
    yield Figure(name="  server's processor time", value=server.cpu_s() - cpu, unit="s")
    connection, path = server.connect(), _path(server)
    began, cpu, late = time.monotonic(), server.cpu_s(), 0.0
    for turn in range(nodes * rounds):
        due = began + turn * interval_s / nodes
        time.sleep(max(due - time.monotonic(), 0))
        _post(connection, path, made[turn % nodes].body(int(time.time() * _MS)))
        late = max(late, time.monotonic() - due)
    took = time.monotonic() - began
    yield Figure(name=f"{nodes} nodes x {series:,} series x {interval_s:g} s, for {took:.0f} s", value=(server.cpu_s() - cpu) / took, unit="cores", target=0.5)
    yield Figure(name="  latest answer", value=late * _MS, unit="ms")
    yield Figure(name="  resident memory", value=server.resident_mb(), unit="MB", target=400)
    yield Figure(name="  at its peak", value=server.peak_mb(), unit="MB")


def sizes(series: int) -> Iterator[Figure]:
    """What blocks take, as they are flushed, and merged."""
    node = Node(1, series)
    scrapes = [np.frombuffer(msgspec.msgpack.decode(node.body(0))["scrapes"][0]["values"]) for _ in range(METRIC_BLOCK_TIMES)]
    values = np.ascontiguousarray(np.array(scrapes).T)
    times = np.arange(METRIC_BLOCK_TIMES, dtype=np.int64) * 10_000 + np.random.default_rng(1).integers(0, 20, METRIC_BLOCK_TIMES)
    encode_block(Matrix(np.arange(9, dtype=np.int32), times[:9], np.ascontiguousarray(values[:9, :9]), times[:9]), 0, 0)  # loads what it needs
    for count in (10, METRIC_BLOCK_TIMES // 4, METRIC_BLOCK_TIMES):
        matrix = Matrix(np.arange(series, dtype=np.int32), times[:count], np.ascontiguousarray(values[:, :count]), times[:count])
        began = time.process_time()
        size = len(encode_block(matrix, 0, 0)[0])
        took = time.process_time() - began
        yield Figure(name=f"block of {count} scrapes", value=size / (series * count), unit="B/sample", target=2.0 if count == METRIC_BLOCK_TIMES else None)
        yield Figure(name="  processor time", value=took / (series * count) * 1e9, unit="ns/sample")


def main() -> None:
    """Measure."""
    parser = options(__doc__)
    parser.add_argument("--nodes", type=int, default=200)
    parser.add_argument("--series", type=int, default=2_000, help="of each node")
    parser.add_argument("--rounds", type=int, default=4, help="of ten seconds, at the nodes' pace")
    parser.add_argument("--scrapes", type=int, default=200, help="of each of 20 nodes, as fast as they are taken")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    found = list(sizes(given.series))
    with tempfile.TemporaryDirectory() as folder:
        Settings(metric_series=10_000_000).keep(Path(folder))
        with running_server(Path(folder)) as server:
            found += ingest(server, 20, given.series, given.scrapes)
    with tempfile.TemporaryDirectory() as folder:
        Settings(metric_series=10_000_000).keep(Path(folder))
        with running_server(Path(folder)) as server:
            found += steady(server, given.nodes, given.series, 10.0, given.rounds)
    show(f"metrics (load before: {load:.2f})", found, given.json, {"load_before": load})


if __name__ == "__main__":
    main()
