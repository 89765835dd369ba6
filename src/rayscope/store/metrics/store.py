"""The store of metrics: what arrived is in the journal and in memory, and goes to blocks in flushes. All of it can be read at once."""

from __future__ import annotations

from pathlib import Path

from rayscope.store.database import Database
from rayscope.store.journal import Journal
from rayscope.store.metrics.live import LiveMetrics


class MetricStore(LiveMetrics):
    """One a server. `apply`, `apply_writes` and `flush` have one caller each; reading is free."""

    def __init__(self, database: Database, folder: Path, limit: int) -> None:
        super().__init__(limit)
        self.database = database
        self.folder = folder
        self.journal = Journal(folder / "journal")

    def close(self) -> None:
        """Close all files. What is not flushed is in the journal."""
        self.journal.close()
