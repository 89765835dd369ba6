"""Record what Ray really sends: a small program with Ray's export pointed at a sink that keeps every body as it came.

The recording is what `python -m benchmarks.stream --against DIR` holds the generated stream against. Needs Ray.
"""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.figures import options, show
from benchmarks.stream import describe, recorded_events

_SWITCHES: Final = {
    "RAY_enable_ray_event": "1",
    "RAY_enable_core_worker_ray_event_to_aggregator": "1",
    "RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES": "ALL",
}
_PROGRAM: Final = """
import sys, time, ray
ray.init(num_cpus=2, log_to_driver=False)
count = int(sys.argv[1])

@ray.remote(max_retries=1, retry_exceptions=True)
def step(i):
    if i % 50 == 7:
        raise ValueError(f"bad value {i}")
    return i

@ray.remote
class Stage:
    def step(self, i):
        return i

stage = Stage.remote()
refs = [step.remote(i) for i in range(count)] + [stage.step.remote(i) for i in range(count // 8)]
ray.wait(refs, num_returns=len(refs))
time.sleep(6)  # until the workers have reported, once a second, and the agent has sent all of it
"""


class _Keeper(http.server.BaseHTTPRequestHandler):
    """Answers 204 to every POST, and keeps its body."""

    protocol_version = "HTTP/1.1"
    folder: Path
    numbers: count[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        (self.folder / f"{next(self.numbers):06d}.json").write_bytes(body)
        self.send_response(http.HTTPStatus.NO_CONTENT)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def sink(folder: Path) -> Iterator[str]:
    """The address of a sink that writes into a folder."""
    keeper = type("Keeper", (_Keeper,), {"folder": folder, "numbers": count()})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), keeper)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/events"
    finally:
        server.shutdown()
        server.server_close()


def main() -> None:
    """Record, and describe the recording."""
    parser = options(__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--tasks", type=int, default=2000)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with sink(given.out) as address:
        environment = os.environ | _SWITCHES | {"RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR": address}
        subprocess.run([sys.executable, "-c", _PROGRAM, str(given.tasks)], check=True, env=environment)
    show(f"recorded in {given.out}", describe(recorded_events(given.out)), given.json)


if __name__ == "__main__":
    main()
