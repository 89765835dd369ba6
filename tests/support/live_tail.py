"""A server's live tail, made up: it answers /api/v1/logs/follow and /files as the real one, and can be away, slow, or cut a connection."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


def a_line(text: str, **more: Any) -> dict[str, Any]:
    """A line as the server words it."""
    known: dict[str, Any] = dict.fromkeys(("worker_id", "job_id", "actor_id", "task_id", "attempt", "level"))
    known |= {"session": "session_x", "text": text, "stream": "out", "node_id": "n1", "pid": 11, "name": "f", "source": "worker", "time_ns": 1}
    return known | {"time_is": "observed", "path": "worker-a-01000000-7.out", "file_no": 1, "offset": 0} | more


def a_file(path: str, size_bytes: int) -> dict[str, Any]:
    """A file as the server words it."""
    known: dict[str, Any] = dict.fromkeys(("worker_id", "job_id", "submission_id", "pid", "first_ns", "last_ns"))
    known |= {"session": "session_x", "file_no": 1, "node_id": "n1", "path": path, "source": "worker", "stream": "out", "size_bytes": size_bytes}
    return known | {"lost_bytes": 0, "redacted": 0, "state": "open"}


class LiveTail:
    """Lines are added while it runs; a cursor is how many a reader has had."""

    def __init__(self, port: int = 0) -> None:
        self.lines: list[dict[str, Any]] = []
        self.files: list[dict[str, Any]] = []
        self.cut_after: int | None = None
        self.extra_behind = 0
        self.asked: list[dict[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def say(self, text: str, **more: Any) -> None:
        """A worker says a line."""
        self.lines.append(a_line(text, **more))

    def claim_behind(self, size_bytes: int) -> None:
        """What arrived besides and will not be delivered, as it fits nothing: the next batch counts it."""
        self.extra_behind = size_bytes

    def close(self) -> None:
        """Go away."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        tail = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Quiet."""

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                tail.asked.append({"path": parts.path} | query)
                self.send_response(200)
                if parts.path.endswith("/files"):
                    self._end(json.dumps({"files": tail.files}).encode())
                else:
                    self._stream(int(query.get("cursor", len(tail.lines))))

            def _end(self, body: bytes) -> None:
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _stream(self, at: int) -> None:
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                self.wfile.write(f"event: ping\nid: {at}\ndata: {{}}\n\n".encode())
                quiet_s = time.monotonic()
                while tail._server.fileno() != -1:
                    new = tail.lines[at : at + 500]
                    if new:
                        at += len(new)
                        data = json.dumps({"lines": new, "behind_bytes": tail.extra_behind + sum(len(line["text"]) for line in tail.lines[at:])})
                        self.wfile.write(f"event: lines\nid: {at}\ndata: {data}\n\n".encode())
                        if tail.cut_after is not None and at >= tail.cut_after:
                            tail.cut_after = None
                            return
                        quiet_s = time.monotonic()
                    elif time.monotonic() - quiet_s > 1:
                        self.wfile.write(b"event: ping\ndata: {}\n\n")
                        quiet_s = time.monotonic()
                    time.sleep(0.01)

        return Handler
