"""How long questions take over a filled store, through HTTP: pages, one id, a summary; at rest and beside ingest at half speed.

The store is made by `python -m benchmarks.fill`. A question's time is a client's: from the request to the last byte of the answer.
"""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from random import Random
from typing import Any, Final

from msgspec import Struct

from benchmarks.figures import Figure, options, quantile, show
from benchmarks.fill import FUNCTIONS, JOBS, SESSIONS, size_mb
from benchmarks.process import Server, running_server
from benchmarks.stream import BATCH, bodies
from benchmarks.world import Shape

SORTS: Final = ("-duration_ns", "creation_ns", "-creation_ns", "-end_ns", "name", "duration_ns")
HALF_SPEED: Final = 30_000
"""Events a second beside the questions: half of what one core must take."""

_BESIDE: Final = Shape(attempts=80_000, session="session_beside_0000", start_ns=1_700_000_000_000_000_000)
"""Sent again and again, each time as another session: a repeat of what has settled is no load that Ray makes."""

_SESSION: Final = f"session_fill_{SESSIONS}"
_SPREAD: Final = 2000
_LARGE: Final = 5_000_000

Question = Callable[[Server], object]


class Targets(Struct, frozen=True, kw_only=True):
    """What a size must keep, in milliseconds (95th percentile) and MB."""

    page_ms: float
    get_ms: float
    summary_ms: float
    idle_mb: float
    resident_mb: float


AT_1M: Final = Targets(page_ms=50, get_ms=20, summary_ms=150, idle_mb=200, resident_mb=400)
AT_10M: Final = Targets(page_ms=150, get_ms=20, summary_ms=600, idle_mb=400, resident_mb=400)


def page_questions(random: Random, count: int) -> Iterator[tuple[str, Question]]:
    """First pages, filtered and sorted, with a name for their kind."""
    for at in range(count):
        kind, filters = _filters(random, at)
        sort = SORTS[at // len(_KINDS) % len(SORTS)]
        yield f"{kind} by {sort}", _page_question(filters, sort)


def get_questions(server: Server, random: Random, count: int) -> Iterator[tuple[str, Question]]:
    """Ids from all over the session."""
    for at in range(count):
        after = random.choice(["creation_ns", "-creation_ns", "-duration_ns", "name"])
        found = server.get("/api/v1/tasks", session=_SESSION, sort=after, limit=1, columns="task_id", filter=[f"name=step_{at % FUNCTIONS}"])
        if found["rows"]:
            yield "get", _get_question(found["rows"][0]["task_id"])


def summary_questions(count: int) -> Iterator[tuple[str, Question]]:
    """The functions of each job, large and small."""
    for at in range(count):
        job = f"{at % JOBS + 1:02x}000000"
        yield f"summary of {job}", partial(_summary, job)


def ask(server: Server, questions: Sequence[tuple[str, Question]], slowest: int = 0) -> list[float]:
    """Milliseconds of each."""
    taken: list[tuple[float, str]] = []
    for name, question in questions:
        begin = time.perf_counter()
        question(server)
        taken.append(((time.perf_counter() - begin) * 1000, name))
    for ms, name in sorted(taken, reverse=True)[:slowest]:
        print(f"    {ms:8.1f} ms  {name}")
    return [ms for ms, _ in taken]


def measure(server: Server, count: int, slowest: int) -> dict[str, list[float]]:
    """All questions, the same each time. One is asked before the clock starts."""
    random = Random(11)
    server.reconnect()
    gets = list(get_questions(server, random, count))
    ask(server, [next(iter(page_questions(random, 1)))])
    return {
        "page": ask(server, list(page_questions(random, count * 2)), slowest),
        "get": ask(server, gets, slowest),
        "summary": ask(server, list(summary_questions(count)), slowest),
    }


@contextmanager
def ingest_beside(server: Server, rate: int) -> Iterator[list[int]]:
    """Ingest at ``rate`` events a second from a process of its own while the caller asks. The list gets what was acknowledged, in events a second."""
    prepared = list(bodies(_BESIDE))
    context = multiprocessing.get_context("fork")
    stopping, sent = context.Event(), context.Value("q", 0)
    sender = context.Process(target=_send_paced, args=(server, prepared, rate, stopping, sent), daemon=True)
    begin = time.perf_counter()
    sender.start()
    time.sleep(2)  # until the stream is in its stride
    achieved: list[int] = []
    try:
        yield achieved
    finally:
        stopping.set()
        sender.join()
        achieved.append(int(sent.value * BATCH / (time.perf_counter() - begin)))


def open_s(data: Path) -> float:
    """From the start of the process to the first answer of a listing."""
    begin = time.perf_counter()
    with running_server(data) as server:
        server.fetch("/api/v1/tasks", session=_SESSION, limit=100)
        return time.perf_counter() - begin


def figures(data: Path, count: int, slowest: int) -> tuple[list[Figure], dict[str, Any]]:
    """Everything about one store."""
    openings = [open_s(data) for _ in range(3)]
    with running_server(data) as server:
        time.sleep(3)
        idle_mb = server.resident_mb()
        total = server.get("/api/v1/tasks", session="all", limit=1)["total"]
        targets = AT_10M if total > _LARGE else AT_1M
        at_rest = measure(server, count, slowest)
        rest_mb = server.resident_mb()
        with ingest_beside(server, HALF_SPEED) as achieved:
            beside = measure(server, count, slowest)
        peak_mb = server.peak_mb()
    found = [
        Figure(name="open to first answer", value=quantile(openings, 0.5), unit="s", target=1.5),
        Figure(name="resident, idle", value=idle_mb, unit="MB", target=targets.idle_mb),
        Figure(name="resident after questions", value=rest_mb, unit="MB", target=targets.resident_mb),
        *_times("", at_rest, targets, 1),
        *_times(" beside ingest", beside, targets, 3),
        Figure(name="events ingested beside", value=achieved[0], unit="1/s", target=HALF_SPEED * 0.95, at_least=True),
        Figure(name="resident, peak", value=peak_mb, unit="MB"),
        Figure(name="store on disk", value=size_mb(data), unit="MB"),
    ]
    return found, {"attempts": total, "openings_s": openings}


_KINDS: Final = ("state=FAILED", "name", "job_id", "duration_ns>1s", "none", "state and job", "error_type", "creation_ns range")


def _filters(random: Random, at: int) -> tuple[str, list[str]]:
    kind = _KINDS[at % len(_KINDS)]
    job, function = f"{random.randrange(JOBS) + 1:02x}000000", f"step_{int(FUNCTIONS * random.random() ** 3)}"
    from_ns = 1_795_000_000_000_000_000 + SESSIONS * 86_400_000_000_000 + random.randrange(300) * 1_000_000_000
    return kind, {
        "state=FAILED": ["state=FAILED"],
        "name": [f"name={function}"],
        "job_id": [f"job_id={job}"],
        "duration_ns>1s": [f"duration_ns>{random.choice([1, 2, 5])}s"],
        "none": [],
        "state and job": ["state=FAILED", f"job_id={job}"],
        "error_type": ["error_type=TASK_EXECUTION_EXCEPTION", f"name={function}"],
        "creation_ns range": [f"creation_ns>={from_ns}", f"creation_ns<{from_ns + 60_000_000_000}"],
    }[kind]


def _summary(job: str, server: Server) -> bytes:
    return server.fetch("/api/v1/tasks/summary", session=_SESSION, filter=[f"job_id={job}"])


def _page_question(filters: list[str], sort: str) -> Question:
    return lambda server: server.fetch("/api/v1/tasks", session=_SESSION, sort=sort, filter=filters, limit=100)


def _get_question(task_id: str) -> Question:
    return lambda server: server.fetch(f"/api/v1/tasks/{task_id}", session=_SESSION)


def _times(suffix: str, taken: dict[str, list[float]], targets: Targets, factor: float) -> Iterator[Figure]:
    bounds = {"page": targets.page_ms, "get": targets.get_ms, "summary": targets.summary_ms}
    for name, values in taken.items():
        yield Figure(name=f"{name} p50{suffix}", value=quantile(values, 0.5), unit="ms")
        yield Figure(name=f"{name} p95{suffix}", value=quantile(values, 0.95), unit="ms", target=bounds[name] * factor)


def _send_paced(server: Server, prepared: Sequence[bytes], rate: int, stopping: Event, sent: Any) -> None:
    connection, path = server.connect(), server.events_path
    begin = time.perf_counter()
    for at in range(10**9):
        if stopping.is_set():
            return
        if (ahead := begin + at * BATCH / rate - time.perf_counter()) > 0:
            time.sleep(ahead)
        lap, place = divmod(at, len(prepared))
        connection.request("POST", path, prepared[place].replace(b"session_beside_0000", b"session_beside_%04d" % lap))
        connection.getresponse().read()
        sent.value += 1


def main() -> None:
    """Measure a filled folder, or a copy of it."""
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder that benchmarks.fill made; a copy of it is used")
    parser.add_argument("--count", type=int, default=64, help="questions of each kind; twice as many pages")
    parser.add_argument("--slowest", type=int, default=0, help="print that many of the slowest")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.data.parent) as folder:
        copy = Path(folder) / "data"
        shutil.copytree(given.data, copy)
        found, facts = figures(copy, given.count, given.slowest)
    show(f"questions over {facts['attempts']:,} attempts", found, given.json, facts)


if __name__ == "__main__":
    main()
