"""PromQL over six hours of 200 nodes, beside a real Prometheus on the same samples in the same run, both over HTTP.

Rayscope's folder is filled in this process, through the store's own writer but past the journal (benchmarks/metrics.py measures ingest); Prometheus is fed by
remote write. Then each answers each question several times; the answers have to be the same.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import Struct

from benchmarks.figures import Figure, options, quantile, show
from benchmarks.process import Server, running_server
from benchmarks.prometheus import Prometheus, running_prometheus
from rayscope.ingest.committer import Committer
from rayscope.model.metrics import MetricBody, Scrape
from rayscope.query.metrics.frames import Times, Values
from rayscope.store.database import Database
from rayscope.store.journal import Journal, Position
from rayscope.store.limits import METRIC_BLOCK_TIMES
from rayscope.store.metrics.store import MetricStore

SESSION: Final = "session_2026-11-24_00-00-00_000001_1"
START_MS: Final = 1_795_478_400_000
STEP_MS: Final = 15_000
PIECE_MS: Final = METRIC_BLOCK_TIMES * STEP_MS
_WRITTEN: Final = 120
TARGET_MS: Final = 300.0

QUESTIONS: Final = {
    "sum by (node) (rate(x[1m]))": TARGET_MS,
    "sum(rate(x[5m]))": None,
    "max by (node) (rate(x[1m]))": None,
    "avg(x)": None,
    'rate(x{s="7"}[1m])': None,
    'sum(topk(5, increase(x{node="node-3"}[10m])))': None,
}


class Load(Struct, frozen=True):
    """How much: nodes, series a node, hours."""

    nodes: int
    series: int
    hours: float

    @property
    def times(self) -> Times:
        """All scrapes."""
        return START_MS + np.arange(0, int(self.hours * 3_600_000) + 1, STEP_MS, dtype=np.int64)

    @property
    def samples(self) -> int:
        """All of them."""
        return self.nodes * self.series * len(self.times)

    def pieces(self) -> Iterator[tuple[Times, list[Values]]]:
        """As much as a merged block has: its scrapes, and each node's values [series, scrapes]. Counters of whole numbers; one in 300 falls at times."""
        random = np.random.default_rng(5)
        state = [random.integers(10_000, 10_000_000, self.series).astype(np.float64) for _ in range(self.nodes)]
        times = self.times
        for begin in range(0, len(times), PIECE_MS // STEP_MS):
            piece = times[begin : begin + PIECE_MS // STEP_MS]
            yield piece, [self._values(random, state, node, len(piece)) for node in range(self.nodes)]

    def _values(self, random: np.random.Generator, state: list[Values], node: int, count: int) -> Values:
        values = state[node][:, None] + np.cumsum(random.integers(0, 100, (self.series, count)), axis=1)
        if node % 10 == 0:
            values[:10, count // 2 :] -= values[:10, count // 2, None]
        state[node] = values[:, -1]
        return values

    def labels(self, node: int) -> list[dict[str, str]]:
        """Of a node's series."""
        return [{"node": f"node-{node}", "instance": f"10.0.0.{node}:8080", "job": "ray", "s": str(number)} for number in range(self.series)]


def fill_rayscope(folder: Path, load: Load) -> None:
    """A data folder with all samples in blocks."""
    folder.mkdir(parents=True, exist_ok=True)
    database = Database(folder / "rayscope.duckdb")
    committer = Committer(database, Journal(folder / "journal"))
    committer.submit_report(lambda changes: (changes.number(SESSION), changes.session(SESSION), None)[2]).result(60)
    store = MetricStore(database, folder / "metrics", 10**6)
    session = store.session(committer.number(SESSION), SESSION)
    ids = np.arange(load.series, dtype="<u4").tobytes()
    for number, (times, values) in enumerate(load.pieces()):
        for node, rows in enumerate(values):
            columns = np.ascontiguousarray(rows.T).astype("<f8")
            scrapes = [Scrape(0, int(at), ids, columns[i].tobytes()) for i, at in enumerate(times)]
            store.apply(session, _body(load, node, number, scrapes), int(times[-1]) + 1, Position())
        store.flush()
    committer.close()
    store.close()
    database.close()


def _body(load: Load, node: int, number: int, scrapes: list[Scrape]) -> MetricBody:
    own = load.labels(node)
    series = [(n, 0, "x", {"s": labels["s"]}) for n, labels in enumerate(own)]
    targets = [(0, {"instance": own[0]["instance"], "job": own[0]["job"]})]
    new: dict[str, Any] = {} if number else {"targets": targets, "series": series}
    return MetricBody(session=SESSION, node_id=own[0]["node"], epoch="e", seq=number, scrapes=scrapes, **new)


def fill_prometheus(prometheus: Prometheus, load: Load) -> None:
    """The same samples. It takes none that are an hour older than its newest."""
    for times, values in load.pieces():
        for begin in range(0, len(times), _WRITTEN):
            some = slice(begin, begin + _WRITTEN)
            for node, rows in enumerate(values):
                prometheus.write([{"__name__": "x", **labels} for labels in load.labels(node)], times[some], rows[:, some])


def ask(rayscope: Server, prometheus: Prometheus | None, load: Load, repeats: int) -> list[Figure]:
    """Medians, and that the answers are the same."""
    asked = {"start": START_MS / 1000, "end": START_MS / 1000 + load.hours * 3600, "step": 60}
    figures = []
    for question, target in QUESTIONS.items():
        rayscope.reconnect()
        mine, took = _timed(lambda question=question: rayscope.get(f"/prometheus/{SESSION}/api/v1/query_range", query=question, **asked)["data"], repeats)
        figures.append(Figure(name=question, value=took, unit="ms", target=target))
        if prometheus is not None:
            theirs, took = _timed(lambda question=question: prometheus.get("query_range", query=question, **asked), repeats)
            figures.append(Figure(name=f"  prometheus: {question}", value=took, unit="ms"))
            _compare(question, mine, theirs)
    return figures


def _timed(question: Any, repeats: int) -> tuple[Any, float]:
    """The answer and the median of the milliseconds, after one time for warmth."""
    answer, took = question(), []
    for _ in range(repeats):
        begin = time.perf_counter()
        question()
        took.append((time.perf_counter() - begin) * 1000)
    return answer, quantile(took, 0.5)


def _compare(question: str, mine: Any, theirs: Any) -> None:
    """Raises RuntimeError where the answers differ."""
    found, wanted = (_points(answer) for answer in (mine, theirs))
    if found.keys() != wanted.keys() or not all(np.allclose(found[key], wanted[key], rtol=1e-9) for key in wanted):
        raise RuntimeError(f"another answer than Prometheus's to {question}")


def _points(answer: Any) -> dict[tuple[tuple[str, str], ...], Any]:
    return {
        tuple(sorted(item for item in series["metric"].items() if item[0] != "session")): np.array([[at, float(value)] for at, value in series["values"]])
        for series in answer["result"]
    }


def main() -> None:
    """Fill, ask, show."""
    parser = options(__doc__)
    parser.add_argument("--nodes", type=int, default=200)
    parser.add_argument("--series", type=int, default=300, help="of each node")
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--alone", action="store_true", help="without a Prometheus beside it")
    given = parser.parse_args()
    load = Load(given.nodes, given.series, given.hours)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        begin = time.perf_counter()
        fill_rayscope(Path(folder), load)
        filled = time.perf_counter() - begin
        prometheus = None if given.alone else stack.enter_context(running_prometheus())
        if prometheus is not None:
            begin = time.perf_counter()
            fill_prometheus(prometheus, load)
            print(f"filled in {filled:.0f} s, Prometheus in {time.perf_counter() - begin:.0f} s", flush=True)
        server = stack.enter_context(running_server(Path(folder)))
        figures = ask(server, prometheus, load, given.repeats)
        figures.append(Figure(name="resident memory of the server, at most", value=server.peak_mb(), unit="MB"))
    show(f"PromQL over {given.hours:g} h of {given.nodes} nodes x {given.series} series every 15 s ({load.samples:,} samples)", figures, given.json)


if __name__ == "__main__":
    main()
