"""What a group of batches changes: fragments, rows, events and counts, gathered in memory before they are written."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from rayscope.ray.ids import task_key
from rayscope.store.attempt import Attempt
from rayscope.store.entity import EntityTable, Key, Row, merge_into
from rayscope.store.objects import Snapshot

AttemptKey = tuple[int, bytes, int]


class SessionWord(Struct):
    """What a group says of one session. Times are UTC ns; the counts are of this group alone."""

    word_ns: int
    first_ns: int | None = None
    last_ns: int | None = None
    cluster: str | None = None
    events: int = 0
    quarantined: int = 0


class Quarantined(Struct, frozen=True):
    """An event set aside, with the reason."""

    received_ns: int
    session: str | None
    reason: str
    event: str


class Changes(Struct):
    """The fold's state. ``number`` gives a session's number, making one for a new session."""

    number: Callable[[str], int]
    now_ns: int
    cluster: str | None = None
    sessions: dict[str, SessionWord] = field(default_factory=dict)
    attempts: dict[AttemptKey, Attempt] = field(default_factory=dict)
    spans: list[tuple[Any, ...]] = field(default_factory=list)
    entities: dict[str, tuple[EntityTable, dict[Key, Row]]] = field(default_factory=dict)
    events: dict[tuple[int, str], Row] = field(default_factory=dict)
    objects: list[Snapshot] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    received: defaultdict[int, Counter[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counter))
    ends: bool = False

    def session(self, name: str) -> SessionWord:
        """The word on a session; it now has one."""
        word = self.sessions.get(name)
        if word is None:
            word = self.sessions[name] = SessionWord(self.now_ns, cluster=self.cluster)
        return word

    def attempt(self, session_no: int, raw_id: bytes, attempt: int) -> Attempt:
        """The fragment of an attempt in this group, empty if it is new. Raises ValueError for one without a task."""
        key = (session_no, raw_id, attempt)
        known = self.attempts.get(key)
        if known is None:
            if not raw_id:
                raise ValueError("an event of a task without its id")
            task_id = raw_id.hex()
            known = self.attempts[key] = Attempt(session_no, task_id, attempt, task_key(task_id), self.now_ns)
        return known

    def add(self, table: EntityTable, row: Row) -> None:
        """One more word on an entity."""
        merge_into(table, self.entities.setdefault(table.name, (table, {}))[1], row)

    def received_rows(self) -> list[Row]:
        """The counts as rows of `received`."""
        return [
            {"session_no": session_no, "kind": kind, "name": name, "count": count}
            for session_no, counts in self.received.items()
            for (kind, name), count in counts.items()
        ]
