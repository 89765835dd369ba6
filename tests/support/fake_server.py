"""A server as an agent sees it: keeps every file's bytes in memory, and can be told to die, to refuse, to be full, to forget and to lie."""

from __future__ import annotations

import gzip
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from support.metrics_wire import ReceivedMetrics

TOKEN = "ingest-token"


class FakeServer:
    """`start` it, `stop` it (what it has stays), start it again on the same port."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str, str], bytearray] = {}
        self.paths: dict[tuple[str, str, str], str] = {}
        self.ended: set[tuple[str, str, str]] = set()
        self.gaps: list[dict[str, Any]] = []
        self.hellos: list[dict[str, Any]] = []
        self.healths: list[dict[str, Any]] = []
        self.states: list[dict[str, Any]] = []
        self.metrics = ReceivedMetrics()
        self.metrics_answers: list[int] = []
        self.order: list[list[str]] = []
        self.answers: list[int] = []
        self.asked: Counter[str] = Counter()
        self.refused_path = ""
        self.short_by = 0
        self.lose_answers = 0
        self.token = TOKEN
        self.port = 0
        self.lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> FakeServer:
        """Listen."""
        self._server = _Server(("127.0.0.1", self.port), _handler(self))
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Die: nothing answers any more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.drop_all()
            self._server = None

    @property
    def ingest(self) -> str:
        """What RAYSCOPE_INGEST holds."""
        return f"http://127.0.0.1:{self.port}/ingest/{self.token}"

    def text(self, path: str, node_id: str | None = None) -> bytes:
        """All bytes of files that were first seen under a path, in the order in which they came."""
        with self.lock:
            return b"".join(bytes(content) for key, content in self.files.items() if self.paths[key] == path and node_id in {None, key[1]})

    def nodes_of(self, path: str) -> set[str]:
        """The nodes that shipped a path."""
        with self.lock:
            return {key[1] for key, known in self.paths.items() if known == path}

    def every_path(self) -> set[str]:
        """All paths that came."""
        with self.lock:
            return set(self.paths.values())

    def take(self, body: dict[str, Any]) -> dict[str, int]:
        """As the contract has it: what is known is cut off, what is missing is a gap."""
        self.order.append([chunk["path"] for chunk in body["chunks"]])
        offsets = {}
        for chunk in body["chunks"]:
            key = (body["session"], body["node_id"], chunk["file"])
            content = self.files.setdefault(key, bytearray())
            self.paths.setdefault(key, chunk["path"])
            if chunk["offset"] > len(content):
                self.gaps.append({"path": chunk["path"], "from": len(content), "to": chunk["offset"], "gap": chunk["gap"]})
                content.extend(b"\0" * (chunk["offset"] - len(content)))
            content.extend(chunk["data"][len(content) - chunk["offset"] :])
            if chunk["ended"]:
                self.ended.add(key)
            offsets[chunk["file"]] = len(content)
        return offsets


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *arguments: Any) -> None:
        self.open: set[Any] = set()
        super().__init__(*arguments)

    def drop_all(self) -> None:
        """Cut the connections that are kept."""
        for connection in list(self.open):
            try:
                connection.shutdown(2)
            except OSError:
                continue

    def handle_error(self, *_: Any) -> None:
        """A connection that was cut is no error here."""


def _handler(fake: FakeServer) -> type[BaseHTTPRequestHandler]:  # noqa: C901 one class, made for one server
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            self.server.open.add(self.request)  # type: ignore[attr-defined]
            super().setup()

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._serve(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)

        def _serve(self, body: bytes) -> None:
            parts = urlsplit(self.path)
            _, _, token, name = parts.path.split("/", 3)
            with fake.lock:
                fake.asked[name] += 1
                if token != fake.token:
                    return self._say(401, {"detail": "wrong ingest token"})
                if name == "agent/chunks" and fake.answers:
                    return self._say(fake.answers.pop(0), {"detail": "as told"})
                if name == "agent/metrics" and fake.metrics_answers:
                    return self._say(fake.metrics_answers.pop(0), {"detail": "as told"})
                return self._answer(name, parse_qs(parts.query), body)

        def _answer(self, name: str, query: dict[str, list[str]], body: bytes) -> None:
            if name == "agent/hello":
                fake.hellos.append(json.loads(body))
                return self._say(200, {"interval_s": 0.05, "max_chunk_bytes": 1 << 20, "max_body_bytes": 8 << 20})
            if name == "agent/files":
                where = (query["session"][0], query["node_id"][0])
                known = {key[2]: {"path": fake.paths[key], "offset": len(content)} for key, content in fake.files.items() if key[:2] == where}
                return self._say(200, {"files": known})
            if name == "agent/chunks":
                return self._take(msgspec.msgpack.decode(body))
            if name == "agent/metrics":
                status = fake.metrics.take(msgspec.msgpack.decode(body))
                return self._lose() if fake.lose_answers else self._say(status, {})
            kept = {"agent/health": fake.healths, "ray/states": fake.states}.get(name)
            if kept is None:
                return self._say(404, {"detail": "no such route"})
            kept.append(json.loads(body))
            return self._say(200, {}) if name == "agent/health" else self._say(204, None)

        def _take(self, body: dict[str, Any]) -> None:
            if fake.refused_path and any(chunk["path"] == fake.refused_path for chunk in body["chunks"]):
                return self._say(400, {"detail": f"{fake.refused_path} is not to my liking"})
            if fake.short_by:
                cut, fake.short_by = fake.short_by, 0
                for chunk in body["chunks"]:
                    chunk["data"] = chunk["data"][:-cut]
            offsets = fake.take(body)
            return self._lose() if fake.lose_answers else self._say(200, {"files": offsets})

        def _lose(self) -> None:
            fake.lose_answers -= 1
            self.close_connection = True

        def _say(self, status: int, content: Any) -> None:
            body = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            if status == 503:
                self.send_header("Retry-After", "0.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
