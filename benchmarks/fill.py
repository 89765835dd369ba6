"""Fill a store with attempts, fast: through the committer (`--real`), or by SQL straight into the table of settled attempts.

The SQL way keeps the physical order that the store itself makes: pieces of as many attempts as settle at once, in each by
session, job and time. The newest session holds nine in ten attempts: it is the one that is asked.
"""

from __future__ import annotations

import shutil
import time
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, options, show
from benchmarks.stream import bodies
from benchmarks.world import Shape
from rayscope.ingest.committer import Committer
from rayscope.server.services import JOURNAL_FOLDER, STORE_FILE
from rayscope.store import attempts, limits
from rayscope.store.database import Connection, Database
from rayscope.store.journal import Journal
from rayscope.store.settled import Settled

SESSIONS: Final = 10
JOBS: Final = 16
FUNCTIONS: Final = 200

_NOTE = "INSERT OR REPLACE INTO settled SELECT session_no, max(end_ns) FROM attempt_cold GROUP BY session_no"
_QUERY: Final = (Path(__file__).parent / "fill.sql").read_text()
_ENTITIES: Final = (Path(__file__).parent / "fill_entities.sql").read_text()
_MIB: Final = 1024 * 1024
_DAY_NS: Final = 86_400_000_000_000
_START_NS: Final = 1_795_000_000_000_000_000
_RATE_NS: Final = 500_000
"""Between two attempts: 2,000 are submitted a second."""


def fill(data: Path, count: int) -> None:
    """Fill by SQL. The oldest sessions come first, each with one part in a hundred of the attempts."""
    data.mkdir(parents=True, exist_ok=True)
    database = Database(data / STORE_FILE)
    small = count // 100
    for number in range(1, SESSIONS + 1):
        size = small if number < SESSIONS else count - small * (SESSIONS - 1)
        _fill_session(database, number, size)
    database.checkpoint()
    database.close()


def fill_real(data: Path, count: int) -> int:
    """Fill with a generated stream on the real way: decoded, journalled, folded, settled. Returns the events."""
    data.mkdir(parents=True, exist_ok=True)
    database = Database(data / STORE_FILE)
    committer = Committer(database, Journal(data / JOURNAL_FOLDER))
    for at, body in enumerate(bodies(Shape(attempts=count, jobs=JOBS, functions=FUNCTIONS))):
        committer.submit_events(body).result()
        if at % 200 == 199:
            _settle(database, committer.settled)
    committer.close()
    _settle(database, committer.settled)
    events = database.read(lambda connection: connection.execute("SELECT sum(events)::BIGINT FROM session").fetchall())[0][0]
    database.close()
    return int(events)


def _fill_session(database: Database, number: int, size: int) -> None:
    start_ns = _START_NS + number * _DAY_NS
    database.write(lambda connection: _add_entities(connection, number, start_ns, size))
    for first in range(0, size, limits.SETTLE_ROWS):
        last = min(first + limits.SETTLE_ROWS, size)
        database.write(partial(_add, number=number, start_ns=start_ns, first=first, last=last))
    database.write(lambda connection: connection.execute(_NOTE))


def _add(connection: Connection, number: int, start_ns: int, first: int, last: int) -> None:
    names = {"number": number, "first": first, "last": last, "start_ns": start_ns, "rate_ns": _RATE_NS, "jobs": JOBS, "functions": FUNCTIONS}
    connection.execute(_QUERY, names)


def _add_entities(connection: Connection, number: int, start_ns: int, size: int) -> None:
    names = {"number": number, "start_ns": start_ns, "end_ns": start_ns + size * _RATE_NS, "now_ns": time.time_ns(), "jobs": JOBS, "attempts": size}
    for statement in _ENTITIES.split(";\n"):
        if statement.strip():
            connection.execute(statement, {name: value for name, value in names.items() if f"${name}" in statement})


def _settle(database: Database, settled: Settled) -> None:
    """What the housekeeper does, without its grace."""
    while database.write(lambda connection: attempts.settle(connection, settled, before_ns=time.time_ns(), limit=limits.SETTLE_ROWS)) == limits.SETTLE_ROWS:
        pass


def size_mb(data: Path) -> float:
    """The store's size on disk."""
    return sum(path.stat().st_size for path in data.glob(f"{STORE_FILE}*")) / _MIB


def main() -> None:
    """Fill a folder."""
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the data folder to make; what is there is replaced")
    parser.add_argument("--attempts", type=int, default=1_000_000)
    parser.add_argument("--real", action="store_true", help="through the committer")
    given = parser.parse_args()
    shutil.rmtree(given.data, ignore_errors=True)
    begin = time.perf_counter()
    events = 0
    if given.real:
        events = fill_real(given.data, given.attempts)
    else:
        fill(given.data, given.attempts)
    taken = time.perf_counter() - begin
    figures = [
        Figure(name="attempts", value=given.attempts, unit=""),
        Figure(name="time", value=taken, unit="s"),
        Figure(name="attempts a second", value=given.attempts / taken, unit="1/s"),
        Figure(name="store on disk", value=size_mb(given.data), unit="MB"),
        Figure(name="bytes an attempt", value=size_mb(given.data) * _MIB / given.attempts, unit="B"),
    ]
    if events:
        figures.append(Figure(name="events a second", value=events / taken, unit="1/s"))
    show(f"fill {given.data}", figures, given.json)


if __name__ == "__main__":
    main()
