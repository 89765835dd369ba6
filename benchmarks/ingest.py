"""How fast a real server takes real JSON, durable, over HTTP: on one core from one sender, and on two from eight.

Bodies are made before the clock starts. *Acknowledged* is until the last batch was answered, which is when it survives kill -9;
*applied* is until the last of it can be read. Beside it, in the same run, what a few lines of Python and DuckDB do with the same bodies.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
from msgspec import Struct

from benchmarks.figures import Figure, options, show
from benchmarks.process import Server, running_server
from benchmarks.stream import BATCH, bodies
from benchmarks.world import Shape

IN_FLIGHT: Final = 8
SENDERS: Final = 8
_EVENTS_AN_ATTEMPT: Final = 4.75
_NO_CONTENT: Final = 204


class Sent(Struct, frozen=True, kw_only=True):
    """How one case went."""

    events: int
    acknowledged_s: float
    applied_s: float
    acknowledging_cpu_s: float
    cpu_s: float
    resident_mb: float
    peak_mb: float


def on_one_core(prepared: Sequence[bytes], events: int) -> Sent:
    """The server on the first core, one sender process with eight requests in flight on the second."""
    first, second, *_ = [*sorted(os.sched_getaffinity(0)), *sorted(os.sched_getaffinity(0))]
    return _case(prepared, events, server_cores={first}, sender_cores={second}, processes=1)


def on_all_cores(prepared: Sequence[bytes], events: int) -> Sent:
    """Nobody is held to a core; eight sender processes."""
    return _case(prepared, events, server_cores=None, sender_cores=None, processes=SENDERS)


def baseline(prepared: Sequence[bytes], folder: Path) -> float:
    """Events a second of the plain way, on one core: json.loads, one column for each common field and the payload as text, one commit a batch."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    connection = duckdb.connect(str(folder / "plain.duckdb"), config={"threads": 1})
    connection.execute("CREATE TABLE event (id VARCHAR, session VARCHAR, kind VARCHAR, time VARCHAR, payload VARCHAR)")
    begin, events = time.perf_counter(), 0
    for body in prepared:
        rows = [_flat(event) for event in json.loads(body)]
        connection.register("fresh", pa.table(dict(zip(("id", "session", "kind", "time", "payload"), map(list, zip(*rows, strict=True)), strict=True))))
        connection.execute("INSERT INTO event SELECT * FROM fresh")
        events += len(rows)
    taken = time.perf_counter() - begin
    connection.close()
    os.sched_setaffinity(0, allowed)
    return events / taken


def _flat(event: dict[str, Any]) -> tuple[str, str, str, str, str]:
    payload = next(value for name, value in event.items() if name.endswith(("Event", "Events")))
    return event["eventId"], event["sessionName"], event["eventType"], event["timestamp"], json.dumps(payload)


def _case(prepared: Sequence[bytes], events: int, server_cores: Collection[int] | None, sender_cores: Collection[int] | None, processes: int) -> Sent:
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder) / "data", server_cores) as server:
        start = _start_senders(server, prepared, sender_cores, processes)
        before_s = server.cpu_s()
        begin = time.perf_counter()
        start()
        acknowledged_s, acknowledging_cpu_s = time.perf_counter() - begin, server.cpu_s() - before_s
        server.wait_until_applied(events)
        return Sent(
            events=events,
            acknowledged_s=acknowledged_s,
            applied_s=time.perf_counter() - begin,
            acknowledging_cpu_s=acknowledging_cpu_s,
            cpu_s=server.cpu_s() - before_s,
            resident_mb=server.resident_mb(),
            peak_mb=server.peak_mb(),
        )


def _start_senders(server: Server, prepared: Sequence[bytes], cores: Collection[int] | None, processes: int) -> Callable[[], None]:
    """Processes that wait, connected, for the word; a function that gives it and returns when all is acknowledged."""
    context = multiprocessing.get_context("fork")  # the bodies are shared, not copied
    barrier = context.Barrier(processes + 1)
    senders: list[BaseProcess] = [
        context.Process(target=_send_process, args=(server, prepared[at::processes], cores, IN_FLIGHT // processes, barrier), daemon=True)
        for at in range(processes)
    ]
    for sender in senders:
        sender.start()

    def run() -> None:
        barrier.wait()
        for sender in senders:
            sender.join()
            if sender.exitcode:
                raise RuntimeError(f"a sender ended with code {sender.exitcode}")

    return run


def _send_process(server: Server, prepared: Sequence[bytes], cores: Collection[int] | None, connections: int, barrier: Any) -> None:
    if cores:
        os.sched_setaffinity(0, cores)
    threads = [threading.Thread(target=_send, args=(server, prepared[at::connections])) for at in range(connections)]
    barrier.wait()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _send(server: Server, prepared: Sequence[bytes]) -> None:
    connection, path = server.connect(), server.events_path
    for body in prepared:
        connection.request("POST", path, body)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != _NO_CONTENT:
            print(f"POST: {answer.status} {said[:200]!r}")
            os._exit(1)  # a thread's exception would not end its process
    connection.close()


def figures(events: int) -> list[Figure]:
    """Both cases and the baseline over the same bodies."""
    prepared = list(bodies(Shape(attempts=int(events / _EVENTS_AN_ATTEMPT))))
    sent = (len(prepared) - 1) * BATCH + prepared[-1].count(b'"eventId"')
    with tempfile.TemporaryDirectory() as folder:
        plain = baseline(prepared[: max(len(prepared) // 4, 1)], Path(folder))
    one, many = on_one_core(prepared, sent), on_all_cores(prepared, sent)
    return [
        *_rates("1 core", one, 60_000),
        *_rates(f"{os.cpu_count()} cores, {SENDERS} senders", many, 80_000),
        Figure(name="plain DuckDB, 1 core, append only", value=plain, unit="events/s"),
        Figure(name="1 core, acknowledged / plain", value=one.events / one.acknowledged_s / plain, unit="times"),
        Figure(name="1 core, applied / plain", value=one.events / one.applied_s / plain, unit="times"),
    ]


def _rates(name: str, sent: Sent, target: float) -> list[Figure]:
    return [
        Figure(name=f"{name}: acknowledged, durable", value=sent.events / sent.acknowledged_s, unit="events/s", target=target, at_least=True),
        Figure(name=f"{name}: applied", value=sent.events / sent.applied_s, unit="events/s"),
        Figure(name=f"{name}: server's processor time", value=sent.cpu_s / sent.events * 1e6, unit="µs/event"),
        Figure(name=f"{name}: of it until acknowledged", value=sent.acknowledging_cpu_s / sent.events * 1e6, unit="µs/event"),
        Figure(name=f"{name}: resident, at the end", value=sent.resident_mb, unit="MB"),
        Figure(name=f"{name}: resident, peak", value=sent.peak_mb, unit="MB"),
    ]


def main() -> None:
    """Measure."""
    parser = options(__doc__)
    parser.add_argument("--events", type=int, default=600_000, help="about so many; a thousand take about 0.9 MB of memory")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    found = figures(given.events)
    show(f"ingest of {given.events:,} events (load before: {load:.2f})", found, given.json, {"events": given.events, "load_before": load})


if __name__ == "__main__":
    main()
