"""A store of logs with its questions, over a folder, without a server; and bodies of chunks as an agent makes them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from rayscope.ingest.committer import Committer
from rayscope.ingest.logs import LogIngest, decode_chunks
from rayscope.model.log import LogLine, LogPage
from rayscope.query.logs.request import LogQuery
from rayscope.query.logs.service import Logs
from rayscope.store.database import Database
from rayscope.store.journal import Journal
from support.events import Event, body

SESSION = "session_2026-11-24_10-00-00_000001_1"
NODE = "ab" * 28
WORKER = "cd" * 28
OUT = f"worker-{WORKER}-01000000-77.out"
ERR = f"worker-{WORKER}-01000000-77.err"
NOON_NS = 1_795_521_600_000_000_000  # 2026-11-24 12:00:00 UTC
WAIT_S = 30.0


def chunk(path: str, offset: int, data: bytes, **more: Any) -> dict[str, Any]:
    """One stretch of a file; its id is its path unless told otherwise."""
    return {"file": path, "path": path, "offset": offset, "data": data, "observed_ns": NOON_NS} | more


def chunks_body(*chunks: dict[str, Any], session: str = SESSION, node_id: str = NODE) -> bytes:
    """A POST of chunks."""
    return msgspec.msgpack.encode({"session": session, "node_id": node_id, "agent_id": "agent-1", "chunks": list(chunks)})


class LogRecording:
    """Ship chunks, flush, ask. `crash` leaves the folder as a kill would."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._closed = False
        self.database = Database(folder / "rayscope.duckdb")
        self.committer = Committer(self.database, Journal(folder / "journal"))
        self.committer.submit_report(lambda changes: (changes.number(SESSION), changes.session(SESSION), None)[2]).result(WAIT_S)
        self.ingest = LogIngest(self.database, folder / "logs", self.committer.number)
        self.logs = Logs(self.database, self.ingest.store)

    def ship(self, *chunks: dict[str, Any], **more: str) -> dict[str, int]:
        """One body, acknowledged: the next offset of each file."""
        body = chunks_body(*chunks, **more)
        return self.ingest.submit(body, decode_chunks(body)).result(WAIT_S)

    def post(self, events: Sequence[Event]) -> None:
        """Ray's events, applied."""
        self.committer.submit_events(body(events), None).result(WAIT_S)
        self.committer.submit_report(lambda _: None).result(WAIT_S)

    def flush(self) -> None:
        """All into segments."""
        self.ingest.flush()

    def search(self, q: str = "", **asked: Any) -> LogPage:
        """A page."""
        return self.logs.search(LogQuery(q=q, **({"limit": 1000, "order": "oldest"} | asked)))

    def texts(self, q: str = "", **asked: Any) -> list[str]:
        """The texts of a page's lines."""
        return [line.text for line in self.search(q, **asked).lines]

    def line(self, q: str = "", **asked: Any) -> LogLine:
        """The only line that fits."""
        (line,) = self.search(q, **asked).lines
        return line

    def bytes_of(self, path: str) -> bytes:
        """A whole file."""
        (state,) = self.logs.states(LogQuery(file=path))
        return self.ingest.store.read(state.file_no, 0, state.next_offset)[1]

    def followed(self, cursor: str | None = "0", **asked: Any) -> tuple[list[str], str]:
        """The texts that a live tail delivers until nothing more is there, and its cursor."""
        follower = self.logs.follow(LogQuery(**asked), cursor)
        texts: list[str] = []
        while True:
            before = follower.place
            texts += [line.text for line in follower.take().lines]
            if follower.place == before:
                return texts, follower.place.text()

    def close(self) -> None:
        """An orderly stop. Again does nothing."""
        if self._closed:
            return
        self._closed = True
        self.ingest.close()
        self.committer.close()
        self.database.close()

    def crash(self) -> None:
        """Stop without a flush."""
        self.ingest.store.flush = lambda: None  # type: ignore[method-assign]
        self.ingest.store.journal.empty = lambda: None  # type: ignore[method-assign]
        self.close()


def numbered(count: int, start: int = 0) -> bytes:
    """So many lines that differ."""
    return b"".join(b"line %d of the log\n" % number for number in range(start, start + count))


def split(data: bytes, cuts: Sequence[int]) -> list[tuple[int, bytes]]:
    """Data at offsets, cut at places."""
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
    return [(first, data[first:last]) for first, last in pairwise(places)]
