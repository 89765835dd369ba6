"""A sender like Ray's exporter, as a process: posts batches without end, and repeats each until it is acknowledged.

    python sender.py PORT TOKEN_FILE SESSION

Reads how many further batches must be acknowledged, one number a line, and answers each when they are. At the end of its input it
finishes what it has begun, and prints how many tasks and attempts were acknowledged.
"""

from __future__ import annotations

import hashlib
import http.client
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.events import body, task_definition, task_lifecycle

SENDERS = 4
TASKS = 200
RETRIED = 20


class Sender:
    """Four connections, as of four nodes."""

    def __init__(self, port: int, token_file: Path, session: str) -> None:
        self._port, self._token_file, self._session = port, token_file, session
        self._acknowledged = 0
        self._changed = threading.Condition()
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._send_all, args=(number,)) for number in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def wait_for(self, more: int) -> None:
        """Wait until so many further batches are acknowledged."""
        with self._changed:
            goal = self._acknowledged + more
            self._changed.wait_for(lambda: self._acknowledged >= goal)

    def finish(self) -> int:
        """Finish; how many batches were acknowledged."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        return self._acknowledged

    def _send_all(self, sender: int) -> None:
        number = 0
        while not self._ending.is_set():
            content = batch(sender, number, self._session)
            while not self._is_acknowledged(content):
                time.sleep(0.02)
            number += 1
            with self._changed:
                self._acknowledged += 1
                self._changed.notify_all()

    def _is_acknowledged(self, content: bytes) -> bool:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
            connection.request("POST", f"/ingest/{self._token_file.read_text().strip()}/ray/events", content)
            return connection.getresponse().status == 204
        except (OSError, http.client.HTTPException):
            return False


def batch(sender: int, number: int, session: str) -> bytes:
    """Tasks of this batch alone, some of them tried twice."""
    events = []
    for at in range(TASKS):
        task = hashlib.blake2b(f"{sender} {number} {at}".encode(), digest_size=24).digest()  # as random as Ray's
        events.append(task_definition(task, session=session))
        events.append(task_lifecycle(task, {"RUNNING": 2_000_000_000, "FINISHED": 3_000_000_000}, session=session))
        if at < RETRIED:
            events.append(task_definition(task, attempt=1, session=session))
    return body(events)


def main() -> None:
    """Obey the input."""
    sender = Sender(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    for line in sys.stdin:
        sender.wait_for(int(line))
        print(f"acknowledged {line.strip()} more", flush=True)
    batches = sender.finish()
    print(batches * TASKS, batches * (TASKS + RETRIED), flush=True)


if __name__ == "__main__":
    main()
