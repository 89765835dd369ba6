"""One job's lines, as the server's live tail gives them: an endless connection that is made anew, where it stopped, whenever it ends."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Struct

from rayscope.run.redirect.line import Batch

_READ_S: Final = 20.0
"""The server says something every five seconds."""

_RETRY_S: Final = (0.1, 0.5, 1.0, 2.0)


class Event(Struct, frozen=True):
    """One event of a stream: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

    kind: str
    data: str
    id: str | None


def read_events(lines: Iterable[bytes]) -> Iterator[Event]:
    """The events in a stream of lines; one that is not complete at the end is none."""
    kind, data, last_id = "message", list[str](), None
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            if data:
                yield Event(kind, "\n".join(data), last_id)
            kind, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id":
            last_id = value


class Feed:
    """Follows in a thread of its own. ``take`` gets each batch, and may block; ``say`` is told, once, that the server is away."""

    def __init__(self, url: str, token: str | None, query: dict[str, str], take: Callable[[Batch], None], say: Callable[[str], None]) -> None:
        self._url = url
        self._token = token
        self._query = query
        self._take = take
        self._say = say
        self._cursor = "0"
        self._said = False
        self._ending = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._thread = threading.Thread(target=self._work, name="redirect-feed", daemon=True)
        self.is_connected = False
        self.behind_bytes = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what has not come will not come."""
        self._ending.set()
        if (connection := self._connection) is not None and connection.sock is not None:
            connection.sock.close()

    def _work(self) -> None:
        failures = 0
        while not self._ending.is_set():
            try:
                self._follow()
                failures = 0
            except (OSError, http.client.HTTPException, msgspec.DecodeError, ValueError) as error:
                failures = 0 if self.is_connected else failures + 1
                self.is_connected = False
                self._complain(error, failures)
            self._ending.wait(_RETRY_S[min(failures, len(_RETRY_S) - 1)])

    def _follow(self) -> None:
        for event in read_events(self._open()):
            if event.kind == "lines":
                batch = msgspec.json.decode(event.data, type=Batch)
                self.behind_bytes = batch.behind_bytes
                self._take(batch)
            self._cursor = event.id or self._cursor
        self.is_connected = False

    def _open(self) -> http.client.HTTPResponse:
        parts = urlsplit(self._url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_READ_S)
        headers = {"Accept": "text/event-stream", "Last-Event-ID": self._cursor} | ({"Authorization": f"Bearer {self._token}"} if self._token else {})
        self._connection.request("GET", f"{parts.path}/api/v1/logs/follow?{urlencode(self._query | {'cursor': self._cursor})}", headers=headers)
        answer = self._connection.getresponse()
        if answer.status != http.client.OK:
            raise http.client.HTTPException(f"it answers {answer.status}")
        self.is_connected = True
        return answer

    def _complain(self, error: Exception, failures: int) -> None:
        """Once: a server that restarts is back within a second or two."""
        if failures >= len(_RETRY_S) and not self._said and not self._ending.is_set():
            self._said = True
            self._say(f"the workers' output cannot be shown now, it follows when the server at {self._url} answers again ({error})")
