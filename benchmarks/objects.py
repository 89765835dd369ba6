"""Snapshots of the object table: how long one of 10,000 references takes to take in, and questions over a hundred of them.

In process, without HTTP: a body is decoded, folded and committed as the server does it. Between two snapshots a part of the references is replaced.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from benchmarks.figures import Figure, options, quantile, show
from rayscope.ingest.committer import Committer
from rayscope.ingest.objects import fold_objects
from rayscope.model.report import ObjectReport
from rayscope.query.queries import Queries
from rayscope.query.request import ListRequest
from rayscope.store.database import Database
from rayscope.store.journal import Journal

_FIRST_PUT: Final = 100_000_001
_ASKED: Final = 12


def table(random: Random, rows: int, first: int) -> list[dict[str, Any]]:
    """References of a driver and 20 workers, at 50 call sites."""
    return [reference(random, first + number) for number in range(rows)]


def reference(random: Random, number: int) -> dict[str, Any]:
    """One row of Ray's /api/v0/objects, with a call site of 150 characters."""
    site = number % 50
    folder = "/home/someone/project"
    return {
        "object_id": "00" + "ff" * 19 + "01000000" + (_FIRST_PUT + number).to_bytes(4, "little").hex(),
        "object_size": random.randrange(1_000, 10_000_000),
        "task_status": "FINISHED",
        "attempt_number": 1,
        "reference_type": "LOCAL_REFERENCE",
        "call_site": f"(put object)  | {folder}/src/package/module_{site}.py:function_{site}:{site * 7} | {folder}/main.py:main:{site}",
        "type": "WORKER",
        "pid": 9000 + number % 21,
        "ip": f"10.0.0.{number % 4}",
    }


def body(rows: list[dict[str, Any]], taken_ns: int) -> bytes:
    """One POST, as the agent sends it: Ray's whole answer."""
    listing = {"total": len(rows), "num_after_truncation": len(rows), "num_filtered": len(rows), "result": rows, "warnings": []}
    return msgspec.json.encode({"session": "session_bench", "taken_ns": taken_ns, "trigger": "interval", "answer": {"data": {"result": listing}}})


def measure(folder: Path, snapshots: int, size: int, churn: float) -> list[Figure]:
    """Fill a store, then ask it."""
    random, took = Random(7), list[float]()
    database = Database(folder / "rayscope.duckdb")
    committer = Committer(database, Journal(folder / "journal"))
    rows, number = table(random, size, 0), size
    for at in range(snapshots):
        content = body(rows, (at + 1) * 30_000_000_000)
        began = time.perf_counter()
        report = msgspec.json.decode(content, type=ObjectReport)
        committer.submit_report(lambda changes, known=report: fold_objects(changes, known)).result()  # type: ignore[misc]  # a lambda's default
        took.append(time.perf_counter() - began)
        for place in random.sample(range(size), int(size * churn)):
            rows[place], number = reference(random, number), number + 1
    spans = database.read(lambda connection: connection.execute("SELECT count(*) FROM object_span").fetchall())[0][0]
    database.checkpoint()
    disk = sum(path.stat().st_size for path in folder.glob("rayscope.duckdb*"))
    figures = [
        Figure(name="body of one snapshot", value=len(content) / 1e6, unit="MB"),
        Figure(name="one snapshot taken in, median", value=quantile(took, 0.5) * 1000, unit="ms"),
        Figure(name="one snapshot taken in, p95", value=quantile(took, 0.95) * 1000, unit="ms"),
        Figure(name="spans stored", value=spans, unit=""),
        Figure(name="on disk, per reference of a snapshot", value=disk / snapshots / size, unit="bytes"),
        *ask(Queries(database)),
    ]
    committer.close()
    database.close()
    return figures


def ask(queries: Queries) -> list[Figure]:
    """The questions, each a few times."""
    questions: dict[str, Callable[[], object]] = {
        "list, 100 largest": lambda: queries.page(ListRequest(resource="objects")),
        "list in the past": lambda: queries.page(ListRequest(resource="objects", at="600")),
        "get one": lambda: queries.get("objects", "00" + "ff" * 19 + "01000000" + (_FIRST_PUT + 7).to_bytes(4, "little").hex(), at="30"),
        "summary by call site": queries.objects.summary,
        "summary by function": lambda: queries.objects.summary(by="function"),
        "growth over three": queries.objects.growth,
        "leaks": queries.objects.leaks,
        "Ray's listing": queries.objects.as_ray_told,
    }
    return [Figure(name=f"{name}, p95", value=quantile([timed(question) for _ in range(_ASKED)], 0.95), unit="ms") for name, question in questions.items()]


def timed(question: Callable[[], object]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    question()
    return (time.perf_counter() - began) * 1000


def main() -> None:
    """Measure and show."""
    parser = options(__doc__)
    parser.add_argument("--snapshots", type=int, default=100)
    parser.add_argument("--rows", type=int, default=10_000, help="references in each")
    parser.add_argument("--churn", type=float, default=0.1, help="the part of them that is new in the next")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), given.snapshots, given.rows, given.churn)
    show(f"{given.snapshots} snapshots of {given.rows:,} references, {given.churn:.0%} of them new each time", figures, given.json)


if __name__ == "__main__":
    main()
