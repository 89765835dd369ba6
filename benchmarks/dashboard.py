"""What the pages ask of a filled store, through HTTP: pictures, searches, notices, downloads; how long they take and how many bytes they are.

The store is made by `python -m benchmarks.fill`. The first picture of each grouping is the whole session;
zooms are ranges of a tenth to a ten-thousandth of it.
"""

from __future__ import annotations

import gzip
import time
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
from msgspec import Struct

from benchmarks.figures import Figure, options, quantile, show
from benchmarks.fill import SESSIONS
from benchmarks.process import Server, running_server

GROUPS: Final = ("node", "worker", "function", "job")
ZOOMS: Final = (10, 100, 1000, 10000)
SEARCHES: Final = ("step_1", "step_199", "bad value", "job_4.py", "e878", "83043403", "session_fill_3", "nothing of the kind", "8005", "bench")
SQL: Final = (
    "SELECT name, state, count(*) AS n FROM tasks GROUP BY ALL ORDER BY n DESC",
    "SELECT name, quantile_cont(duration_ns, 0.99) AS p99 FROM tasks GROUP BY name ORDER BY p99 DESC LIMIT 10",
    "SELECT * FROM tasks WHERE state = 'FAILED' LIMIT 100",
)
PX: Final = 1200

_SESSION: Final = f"session_fill_{SESSIONS}"
_MB: Final = 1_000_000


class Answer(Struct, frozen=True):
    """One answer: milliseconds until its last byte, its bytes, and those on the way when gzipped as the server does."""

    ms: float
    size: int
    gzipped: int


def ask(server: Server, path: str, **query: Any) -> Answer:
    """Ask once."""
    begin = time.perf_counter()
    body = server.fetch(f"/api/v1/{path}", **({"session": _SESSION} | query))
    ms = (time.perf_counter() - begin) * 1000
    return Answer(ms, len(body), len(gzip.compress(body, 4)))


def first_pictures(data: Path) -> list[Answer]:
    """The first picture of a server that has just opened, of each grouping."""
    found = []
    for group in GROUPS:
        with running_server(data) as server:
            found.append(ask(server, "timeline", group=group, px=PX))
    return found


def zooms(server: Server, random: Random, count: int) -> list[Answer]:
    """Pictures of ranges from all over the session."""
    whole = server.get("/api/v1/timeline", session=_SESSION, px=1, limit=1)
    first, length = whole["from_ns"], whole["to_ns"] - whole["from_ns"]
    found = []
    for at in range(count):
        part = length // ZOOMS[at % len(ZOOMS)]
        start = first + random.randrange(length - part)
        query = {"from": str(start), "to": str(start + part), "group": GROUPS[at // len(ZOOMS) % len(GROUPS)], "px": PX}
        found.append(ask(server, "timeline", **query))
    return found


def sql(server: Server, question: str) -> float:
    """Milliseconds of a question in SQL."""
    connection = server.connect()
    begin = time.perf_counter()
    connection.request("POST", "/api/v1/sql", msgspec.json.encode({"sql": question, "session": _SESSION}))
    answer = connection.getresponse()
    answer.read()
    ms = (time.perf_counter() - begin) * 1000
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{question}: {answer.status}")
    return ms


def download(server: Server, path: str, **query: Any) -> tuple[float, float]:
    """Seconds and MB of a download, read and thrown away."""
    connection = server.connect()
    begin, size = time.perf_counter(), 0
    text = "&".join(f"{name}={value}" for name, value in ({"session": _SESSION} | query).items())
    connection.request("GET", f"/api/v1/{path}?{text}")
    answer = connection.getresponse()
    while piece := answer.read(1 << 20):
        size += len(piece)
    connection.close()
    return time.perf_counter() - begin, size / _MB


def timeline_figures(first: list[Answer], zoomed: list[Answer]) -> list[Figure]:
    """Of the timeline."""
    return [
        Figure(name="timeline, first picture after opening, slowest grouping", value=max(one.ms for one in first), unit="ms", target=1000),
        Figure(name="timeline, whole session, largest answer", value=max(one.size for one in first) / 1000, unit="KB"),
        Figure(name="timeline, whole session, largest answer gzipped", value=max(one.gzipped for one in first) / 1000, unit="KB"),
        Figure(name="timeline, zoom, median", value=quantile([one.ms for one in zoomed], 0.5), unit="ms"),
        Figure(name="timeline, zoom, p95", value=quantile([one.ms for one in zoomed], 0.95), unit="ms", target=150),
        Figure(name="timeline, zoom, mean answer gzipped", value=sum(one.gzipped for one in zoomed) / len(zoomed) / 1000, unit="KB"),
    ]


def page_figures(server: Server, repeats: int) -> list[Figure]:
    """Of what other pages ask."""
    asked: dict[str, tuple[str, dict[str, Any], float | None]] = {
        "overview": ("overview", {}, None),
        "progress of a session": ("progress", {}, None),
        "progress of a job": ("jobs/05000000/progress", {}, None),
        "answer of a job": ("jobs/05000000/answer", {}, None),
        "comparison with the run before": ("jobs/05000000/compare", {}, None),
        "failures": ("failures", {}, None),
        "call graph": ("callgraph", {}, 1000),
        "statistics of the whole range": ("timeline/stats", {}, None),
        "facets of a column": ("tasks/facets", {"column": "name"}, None),
    }
    figures = []
    for name, (path, query, target) in asked.items():
        answers = [ask(server, path, **query) for _ in range(repeats)]
        figures.append(Figure(name=f"{name}, p95", value=quantile([one.ms for one in answers], 0.95), unit="ms", target=target))
    return figures


def search_figures(server: Server, repeats: int) -> list[Figure]:
    """Of searches in all sessions: the first one reads the dictionaries."""
    first = ask(server, "search", session="all", q="step_7").ms
    times = [ask(server, "search", session="all", q=text).ms for _ in range(repeats) for text in SEARCHES]
    return [
        Figure(name="search, the first", value=first, unit="ms"),
        Figure(name="search, p95", value=quantile(times, 0.95), unit="ms", target=50),
    ]


def file_figures(server: Server) -> list[Figure]:
    """Of downloads."""
    csv_s, csv_mb = download(server, "tasks", format="csv")
    trace_s, trace_mb = download(server, "timeline/trace", format="chrome")
    return [
        Figure(name="all attempts as CSV", value=csv_s, unit="s"),
        Figure(name="its size", value=csv_mb, unit="MB"),
        Figure(name="trace for Perfetto", value=trace_s, unit="s"),
        Figure(name="its size", value=trace_mb, unit="MB"),
        Figure(name="resident after all of it", value=server.resident_mb(), unit="MB"),
    ]


def main() -> None:
    """Measure."""
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--zooms", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--no-files", action="store_true", help="leave the downloads out")
    given = parser.parse_args()
    figures: list[Figure] = []
    first = first_pictures(given.data)
    with running_server(given.data) as server:
        figures += timeline_figures(first, zooms(server, Random(11), given.zooms))
        figures += page_figures(server, given.repeats)
        figures += search_figures(server, given.repeats)
        figures.append(Figure(name="SQL, aggregates of all attempts, slowest", value=max(sql(server, text) for text in SQL for _ in range(2)), unit="ms"))
        figures.append(Figure(name="resident before the downloads", value=server.resident_mb(), unit="MB"))
        if not given.no_files:
            figures += file_figures(server)
    show(f"dashboard over {given.data}", figures, given.json)


if __name__ == "__main__":
    main()
