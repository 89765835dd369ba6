"""A server whose answers are written down: by path, JSON or a function of the query that gives it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Query = dict[str, list[str]]
Answer = Any
"""JSON, or a pair of a status and JSON, or a function of the query (for a POST: of its form) that gives one of them."""


@contextmanager
def canned(answers: Mapping[str, Answer | Callable[[Query], Answer]]) -> Iterator[tuple[str, list[tuple[str, Query]]]]:
    """The address of a server, and what it was asked so far. What it has no answer for is a 404 as Rayscope words it."""
    asked: list[tuple[str, Query]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answers, asked))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def _handler(answers: Mapping[str, Answer], asked: list[tuple[str, Query]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._answer("")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _answer(self, form: str) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query) | parse_qs(form)
            asked.append((parts.path, query))
            missing = (404, {"error": "NotFound", "message": f"nothing at {parts.path}", "hint": None})
            answer = answers.get(parts.path, missing)
            answer = answer(query) if callable(answer) else answer
            status, content = answer if isinstance(answer, tuple) else (200, answer)
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def page(*rows: dict[str, Any], session: str | None = None) -> dict[str, Any]:
    """A page of rows, the only one."""
    return {"rows": list(rows), "total": len(rows), "num_filtered": len(rows), "next": None, "as_of_ns": None, "session": session, "warnings": []}


def vector(*samples: tuple[Mapping[str, str], float | str], time_s: float = 1_795_521_600) -> dict[str, Any]:
    """Prometheus's answer to an instant query."""
    result = [{"metric": dict(labels), "value": [time_s, str(value)]} for labels, value in samples]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def matrix(*series: tuple[Mapping[str, str], list[tuple[float, float]]]) -> dict[str, Any]:
    """Prometheus's answer to a range query."""
    result = [{"metric": dict(labels), "values": [[time_s, str(value)] for time_s, value in values]} for labels, values in series]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}
