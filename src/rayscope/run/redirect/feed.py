"""One job's lines, as the server's live tail gives them: an endless connection that is made anew, where it stopped, whenever it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import msgspec

from rayscope.client import Client
from rayscope.errors import RayscopeError
from rayscope.model.log import LogBatch
from rayscope.query.logs.request import LogQuery

_RETRY_S: Final = (0.1, 0.5, 1.0, 2.0)


class Feed:
    """Follows in a thread of its own. ``take`` gets each batch, and may block; ``say`` is told, once, that the server is away."""

    def __init__(self, client: Client, query: LogQuery, take: Callable[[LogBatch], None], say: Callable[[str], None]) -> None:
        self._client = client
        self._query = query
        self._take = take
        self._say = say
        self._cursor = "0"
        self._said = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="redirect-feed", daemon=True)
        self.is_connected = False
        self.behind_bytes = 0

    def has_reached(self, mark: str) -> bool:
        """Whether everything that had arrived when a tail from ``mark`` on began was taken. A cursor begins with the number of an arrival."""
        return int(self._cursor.partition(".")[0]) >= int(mark.partition(".")[0])

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what has not come will not be taken."""
        self._ending.set()

    def _work(self) -> None:
        failures = 0
        while not self._ending.is_set():
            try:
                self._follow()
            except (RayscopeError, msgspec.DecodeError) as error:
                failures = 1 if self.is_connected else failures + 1
                self.is_connected = False
                self._complain(error, failures)
            self._ending.wait(_RETRY_S[min(failures, len(_RETRY_S)) - 1])

    def _follow(self) -> None:
        for cursor, batch in self._client.follow_logs(self._query, self._cursor):
            if self._ending.is_set():
                return
            self.is_connected = True
            self.behind_bytes = 0 if batch is None else batch.behind_bytes
            if batch is not None:
                self._take(batch)
            self._cursor = cursor or self._cursor

    def _complain(self, error: Exception, failures: int) -> None:
        """Once: a server that restarts is back within a second or two."""
        if failures > len(_RETRY_S) and not self._said and not self._ending.is_set():
            self._said = True
            self._say(f"the workers' output cannot be shown now, it follows when the server answers again ({error})")
