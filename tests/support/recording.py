"""A store with its committer and its questions, over a folder, as the server has them but without a server."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import Phase, settings

from rayscope.ingest.committer import Committer, Fold
from rayscope.ingest.housekeeping import Housekeeper
from rayscope.model.page import Page
from rayscope.query.queries import Queries
from rayscope.query.request import ListRequest
from rayscope.store.database import Database
from rayscope.store.journal import Journal
from support.events import SECOND, body

stored = settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
"""For properties of a store: examples cost tens of milliseconds, so few are tried, and a failing one is not made smaller."""

WAIT_S = 30.0
"""How long a test waits for a thread before it fails."""

NEVER_SILENT_S = 10**9


class Recording:
    """Post events, tidy at any time, ask. `close` it to open the same folder again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.database = Database(folder / "rayscope.duckdb")
        self.committer = Committer(self.database, Journal(folder / "journal"))
        self.queries = Queries(self.database)
        self._open = True

    def close(self) -> None:
        """Apply what waits, and leave a checkpointed file. Closing again does nothing."""
        if self._open:
            self._open = False
            self.committer.close()
            self.database.close()

    def post(self, *batches: Iterable[Any]) -> None:
        """Post each batch, and wait until all are applied."""
        for batch in batches:
            self.post_body(body(batch))
        self.wait_applied()

    def post_body(self, content: bytes, cluster: str | None = None) -> None:
        """Post one body, and wait until it is accepted. Raises what the sender would be told."""
        self.committer.submit_events(content, cluster).result(WAIT_S)

    def report(self, fold: Fold) -> None:
        """Take a report, and wait until it is applied."""
        self.committer.submit_report(fold).result(WAIT_S)

    def wait_applied(self) -> None:
        """Wait until all that was accepted can be read."""
        self.report(lambda _: None)

    def housekeeper(self, silence_s: float = NEVER_SILENT_S) -> Housekeeper:
        """One whose thread does nothing by itself (see the fixture `still`); `close` it."""
        return Housekeeper(self.database, self.committer, silence_s)

    def tidy(self, *after_s: float, silence_s: float = NEVER_SILENT_S) -> None:
        """Housekeeping passes so many seconds from now: 3 closes what was left open, 60 settles what ended."""
        housekeeper = self.housekeeper(silence_s)
        try:
            for seconds in after_s:
                housekeeper.tidy(time.time_ns() + round(seconds * SECOND))
        finally:
            housekeeper.close()

    def page(self, resource: str, session: str = "latest", **asked: Any) -> Page:
        """One page, all columns unless told otherwise."""
        request = {"limit": 1000, "detail": True} | asked
        return self.queries.page(ListRequest(resource=resource, session=session, **request))

    def rows(self, resource: str, session: str = "latest", **asked: Any) -> list[dict[str, Any]]:
        """The rows of one page."""
        return self.page(resource, session, **asked).rows

    def counted(self, query: str) -> int:
        """A number from the tables themselves."""
        return int(self.fetch(query)[0][0])

    def fetch(self, query: str) -> list[Any]:
        """Rows from the tables themselves."""
        return self.database.read(lambda connection: connection.execute(query).fetchall())
