"""What the store does by itself, once a second: ended attempts settle, open ones are closed, silent sessions end, and the logs of ended ones go to segments."""

from __future__ import annotations

import logging
import threading
import time

from rayscope.errors import DiskFull
from rayscope.ingest.committer import Committer
from rayscope.ingest.logs import LogIngest
from rayscope.ingest.pulse import EVERY
from rayscope.ingest.reconcile import close_attempt
from rayscope.ingest.retention import Retainer
from rayscope.store import limits
from rayscope.store.attempts import settle
from rayscope.store.closing import ended_sessions, mark_silent, open_attempts, silent_sessions, write_verdicts
from rayscope.store.database import Connection, Database

log = logging.getLogger("rayscope.housekeeping")

_CLOSE_ROWS = 50_000
_SECOND = 1_000_000_000


class Housekeeper:
    """A thread beside the committer. ``silence_s``: after how long without a word a session counts as ended."""

    def __init__(self, database: Database, committer: Committer, silence_s: float, retainer: Retainer | None = None, logs: LogIngest | None = None) -> None:
        self._retainer = retainer
        self._logs = logs
        self._database = database
        self._committer = committer
        self._silence_ns = int(silence_s * _SECOND)
        self._opened_ns = time.time_ns()
        self._closed_ns = 0
        self._heard_ns = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rayscope-housekeeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the pass that runs."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(limits.SETTLE_INTERVAL_S):
            try:
                self.tidy(time.time_ns())
            except DiskFull as error:
                log.warning("housekeeping waits: %s", error)
            except Exception:
                log.exception("housekeeping failed; it goes on in a second")

    def tidy(self, now_ns: int) -> None:
        """One pass. Public for tests, which give their own time."""
        self._mark_silent(now_ns)
        if self._must_close(now_ns):
            self._closed_ns, self._heard_ns = now_ns, self._committer.heard_ns
            self.close_open(now_ns)
        self._settle(now_ns)
        self._flush_ended()
        if self._retainer is not None:
            self._retainer.tidy(now_ns)

    def _mark_silent(self, now_ns: int) -> None:
        """A server that was down heard nobody: it gives every session the whole time anew."""
        before_ns = min(now_ns - self._silence_ns, now_ns) if now_ns - self._opened_ns >= min(self._silence_ns, _GRACE_AFTER_OPEN_NS) else 0
        if self._database.write(lambda connection: mark_silent(connection, before_ns)):
            self._committer.silent |= self._database.read(silent_sessions)
            self._committer.ends_ns = now_ns
            self._committer.pulse.beat({EVERY: {EVERY: 0}})

    def _flush_ended(self) -> None:
        """No more comes of an ended session that would fill a block: its logs count, and can be deleted, once they are in segments."""
        waiting = self._logs.store.waiting_sessions if self._logs is not None else set()
        if self._logs is not None and waiting and waiting & self._database.read(ended_sessions):
            self._logs.flush()

    def _must_close(self, now_ns: int) -> bool:
        """When something has ended and its owners had time to report; and now and then for what arrived after that."""
        due_ns = self._committer.ends_ns + _CLOSE_AFTER_NS
        late = self._committer.heard_ns > self._heard_ns and now_ns >= max(self._closed_ns, self._opened_ns) + _CLOSE_AGAIN_NS
        return late or self._closed_ns <= due_ns <= now_ns

    def close_open(self, now_ns: int) -> None:
        """Close now what was left open below anything that has ended. Right when no more words are to come, as after a drained run."""
        closed = _CLOSE_ROWS
        while closed == _CLOSE_ROWS:
            closed = self._database.write(lambda connection: self._close_some(connection, now_ns))
            if closed:
                self._committer.pulse.beat({EVERY: {"tasks": closed}})

    def _close_some(self, connection: Connection, now_ns: int) -> int:
        verdicts = [verdict for evidence in open_attempts(connection, _CLOSE_ROWS) if (verdict := close_attempt(evidence, now_ns)) is not None]
        write_verdicts(connection, verdicts)
        return len(verdicts)

    def _settle(self, now_ns: int) -> None:
        """Right after opening, what was not acknowledged before is being sent again: nothing settles under it."""
        if now_ns - self._opened_ns < _GRACE_AFTER_OPEN_NS:
            return
        before_ns = now_ns - int(limits.GRACE_S * _SECOND)
        while self._database.write(lambda connection: self._settle_some(connection, before_ns)) == limits.SETTLE_ROWS:
            log.debug("settled %d attempts, more to come", limits.SETTLE_ROWS)

    def _settle_some(self, connection: Connection, before_ns: int) -> int:
        return settle(connection, self._committer.settled, before_ns=before_ns, limit=limits.SETTLE_ROWS)


_CLOSE_AFTER_NS = int(limits.CLOSE_AFTER_S * _SECOND)
_CLOSE_AGAIN_NS = int(limits.CLOSE_AGAIN_S * _SECOND)
_GRACE_AFTER_OPEN_NS = int(limits.GRACE_S * _SECOND)
