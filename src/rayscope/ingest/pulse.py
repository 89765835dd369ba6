"""What changed lately, by session: told to whoever listens, so that nobody has to ask the store whether there is anything new."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from msgspec import Struct

from rayscope.ingest.changes import Changes
from rayscope.store.limits import PULSE_BEATS

EVERY: Final = "*"
"""Stands for every session, and for every resource."""

_RESOURCES: Final = {
    "node": "nodes",
    "worker": "workers",
    "driver_job": "jobs",
    "submission": "jobs",
    "run": "jobs",
    "actor": "actors",
    "placement_group": "placement-groups",
    "runtime_env": "runtime-envs",
}


class Beat(Struct, frozen=True, kw_only=True):
    """Changes up to number ``seq``: how many rows of which resource, of which sessions. ``*`` as a resource: anything may have changed."""

    seq: int
    now_ns: int
    sessions: tuple[str, ...]
    rows: dict[str, int]


class _Entry(Struct, frozen=True):
    seq: int
    session: str
    rows: Mapping[str, int]


class Pulse:
    """The latest changes, numbered from 1. Safe to use from any thread."""

    def __init__(self) -> None:
        self.boot = f"{time.time_ns():x}"
        self.is_over = False
        self._guard = threading.Lock()
        self._entries: deque[_Entry] = deque(maxlen=PULSE_BEATS)
        self._seq = 0
        self._listeners: set[Callable[[], None]] = set()

    @property
    def seq(self) -> int:
        """The number of the last change."""
        return self._seq

    def beat(self, rows: Mapping[str, Mapping[str, int]]) -> None:
        """Rows that changed, by session and resource."""
        with self._guard:
            for session, counts in rows.items():
                if counts:
                    self._seq += 1
                    self._entries.append(_Entry(self._seq, session, counts))
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def since(self, seq: int, session: str | None) -> Beat | None:
        """What came after a number, of one session or (None) of all; None if nothing did. What is forgotten counts as anything."""
        with self._guard:
            entries = [entry for entry in self._entries if entry.seq > seq and (session is None or entry.session in {session, EVERY})]
            first, last = (self._entries[0].seq if self._entries else self._seq + 1), self._seq
        if not 0 <= seq <= last or seq + 1 < first:
            return Beat(seq=last, now_ns=time.time_ns(), sessions=(session or EVERY,), rows={EVERY: 0})
        if not entries:
            return None
        rows: Counter[str] = Counter()
        for entry in entries:
            rows.update(entry.rows)
        return Beat(seq=last, now_ns=time.time_ns(), sessions=tuple(dict.fromkeys(entry.session for entry in entries)), rows=dict(rows))

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call ``listener`` at every change, from whichever thread makes it, and when all is over."""
        with self._guard:
            self._listeners.add(listener)
        try:
            yield
        finally:
            with self._guard:
                self._listeners.discard(listener)

    def end(self) -> None:
        """The server stops: listeners are told, and leave."""
        self.is_over = True
        for listener in list(self._listeners):
            listener()


def changed_rows(changes: Changes) -> dict[str, Counter[str]]:
    """How many rows of each resource a group changes, by session."""
    names = {changes.number(name): name for name in changes.sessions}
    rows: dict[str, Counter[str]] = {name: Counter(sessions=1) for name in names.values()}
    for session_no, *_ in changes.attempts:
        _count(rows, names.get(session_no), "tasks")
    for table, entities in changes.entities.values():
        for row in entities.values():
            _count(rows, names.get(row["session_no"]), _RESOURCES.get(table.name, table.name))
    for session_no, _ in changes.events:
        _count(rows, names.get(session_no), "events")
    return rows


def _count(rows: dict[str, Counter[str]], session: str | None, resource: str) -> None:
    if session is not None:
        rows[session][resource] += 1
