"""A server in this process, over a folder of its own, on a port that the system gives: quick to start, and its services are at hand."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from rayscope.model.server import ServerInfo
from rayscope.server.app import make_app
from rayscope.server.auth import Guard
from rayscope.server.services import Services

TOKEN = "the-token"
DEADLINE_S = 60.0


class Server:
    """Its address and its services."""

    def __init__(self, url: str, services: Services) -> None:
        self.url = url
        self.services = services

    def get(self, path: str, *, headers: dict[str, str] | None = None, **parameters: Any) -> tuple[int, Any]:
        """Status and JSON of a GET. ``match`` stands for `match[]`."""
        return self._ask(urllib.request.Request(f"{self.url}{path}?{_encoded(parameters)}", headers=headers or {}))

    def post(self, path: str, **parameters: Any) -> tuple[int, Any]:
        """Of a POST of a form."""
        return self._ask(urllib.request.Request(f"{self.url}{path}", data=_encoded(parameters).encode()))

    def _ask(self, request: urllib.request.Request) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


def _encoded(parameters: dict[str, Any]) -> str:
    return urllib.parse.urlencode({("match[]" if name == "match" else name): value for name, value in parameters.items()}, doseq=True)


@contextmanager
def serving(data: Path, *, loopback: bool = True) -> Iterator[Server]:
    """Start one, and stop it."""
    data.mkdir(parents=True, exist_ok=True)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        info = ServerInfo(data=str(data), url=url, host="127.0.0.1", port=listener.getsockname()[1], pid=0, version="0", started_ns=time.time_ns())
        services = Services(data, Guard(loopback=loopback, token=TOKEN, ingest_token=TOKEN), info, 600.0)
        server = uvicorn.Server(uvicorn.Config(make_app(services), log_level="warning", access_log=False, lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + DEADLINE_S
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield Server(url, services)
        services.end_streams()
        server.should_exit = True
        thread.join(DEADLINE_S)
