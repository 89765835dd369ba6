"""The node agents: who ships which node's logs, how each is, and that two do not ship the same."""

from __future__ import annotations

import threading
import time
from typing import Any

import msgspec
from msgspec import structs

from rayscope.errors import Conflict
from rayscope.ingest.changes import Changes
from rayscope.ingest.committer import Committer
from rayscope.ingest.logs import LogIngest
from rayscope.model.agent import AgentHealth, Hello, NodeTargets
from rayscope.store.database import Database
from rayscope.store.limits import AGENT_SILENT_S
from rayscope.store.logs.index import write_agent

_SECOND = 1_000_000_000
_WORD_EVERY_NS = 60 * _SECOND
_WAIT_S = 30.0
_FORGOTTEN_NS = 300 * _SECOND


class Agents:
    """What agents say of themselves, into the store."""

    def __init__(self, database: Database, committer: Committer, logs: LogIngest) -> None:
        self._database = database
        self._committer = committer
        self._logs = logs
        self._lock = threading.Lock()
        self._heard: dict[tuple[str, str], tuple[str, int]] = {}
        self._words: dict[str, int] = {}
        self._metrics: dict[tuple[str, str], NodeTargets] = {}

    def hello(self, hello: Hello) -> None:
        """An agent begins. Raises Conflict where another one of its node was heard a moment ago."""
        now_ns = time.time_ns()
        key = (hello.session, hello.node_id)
        with self._lock:
            agent_id, heard_ns = self._heard.get(key, ("", 0))
            if agent_id not in {"", hello.agent_id} and now_ns - heard_ns < AGENT_SILENT_S * _SECOND:
                raise Conflict(
                    f"another agent ships the logs of node {hello.node_id[:12]}: {agent_id}, heard {(now_ns - heard_ns) / _SECOND:.1f} s ago",
                    hint="one agent a node is enough; when that one is gone, this one can take over",
                )
            self._heard[key] = (hello.agent_id, now_ns)
        self.note_session(hello.session)
        number = self._committer.number(hello.session)
        said = structs.asdict(hello)
        row = {
            name: said[name] for name in ("node_id", "agent_id", "host", "pid", "version", "ray_version", "is_head", "log_dir", "started_ns", "utc_offset_s")
        }
        self._logs.store.utc_offsets[number, hello.node_id] = hello.utc_offset_s
        self._write(number, row | {"python_version": hello.python}, now_ns)

    def health(self, health: AgentHealth) -> None:
        """How an agent is."""
        now_ns = time.time_ns()
        with self._lock:
            self._heard[health.session, health.node_id] = (health.agent_id, now_ns)
            if health.metrics is not None:
                told = structs.asdict(health.metrics)
                self._metrics[health.session, health.node_id] = NodeTargets(node_id=health.node_id, heard_ns=now_ns, **told)
        if not health.is_dead or not self._logs.knows(health.session):  # a word of a dead node is no sign of life of its cluster
            self.note_session(health.session)
        said = structs.asdict(health)
        row = {name: said[name] for name in ("node_id", "agent_id", "files", "lag_bytes", "lag_s", "shipped_bytes", "rss_bytes", "cpu_s", "clock_skew_ns")}
        dropped = {"dropped_bytes": sum(part.bytes for part in health.dropped), "dropped": msgspec.json.encode(health.dropped).decode()}
        self._write(self._committer.number(health.session), row | dropped, now_ns)

    def targets(self, session: str) -> list[NodeTargets]:
        """How the metrics of a session's nodes are, as their agents said last. Of one that was not heard for minutes nothing is known."""
        now_ns = time.time_ns()
        with self._lock:
            self._metrics = {key: known for key, known in self._metrics.items() if now_ns - known.heard_ns < _FORGOTTEN_NS}
            return sorted((known for (name, _), known in self._metrics.items() if name == session), key=lambda known: known.node_id)

    def note_session(self, session: str) -> None:
        """The session is in the store, and counts as heard of."""
        now_ns = time.time_ns()
        if self._logs.knows(session) and now_ns - self._words.get(session, 0) < _WORD_EVERY_NS:
            return
        self._committer.submit_report(lambda changes: _hear(changes, session)).result(_WAIT_S)
        self._words[session] = now_ns
        self._logs.know(session)

    def _write(self, session_no: int, row: dict[str, Any], now_ns: int) -> None:
        self._database.write(lambda connection: write_agent(connection, row | {"session_no": session_no, "word_ns": now_ns}))


def _hear(changes: Changes, session: str) -> None:
    changes.number(session)
    changes.session(session)
