"""What others say of their metrics: types, help texts and units, told to the store as an agent tells them, in bodies without samples."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from rayscope.ingest.metrics import MetricIngest
from rayscope.model.metrics import Family, MetricBody
from rayscope.store.limits import METRIC_FAMILIES, METRIC_HELP_CHARS

OUTSIDE: Final = ""
"""The node of what comes from no node."""

_WAIT_S: Final = 60.0


class FamilyNotes:
    """Tells the store what is new. ``note_session`` puts a session into the store."""

    def __init__(self, ingest: MetricIngest, note_session: Callable[[str], None]) -> None:
        self._ingest, self._note_session = ingest, note_session
        self._epoch = secrets.token_hex(8)
        self._known: dict[str, dict[str, Family]] = {}
        self._seqs: dict[str, int] = {}
        self._lock = threading.Lock()

    def note(self, session: str, families: Iterable[Family]) -> None:
        """Returns when what is new of it is durable. Raises DiskFull, Unavailable."""
        with self._lock:
            known = self._known.setdefault(session, {})
            fresh = [family for family in map(_cut, families) if known.get(family.name) != family][: max(METRIC_FAMILIES - len(known), 0)]
            if not fresh:
                return
            self._note_session(session)
            seq = self._seqs.get(session, 0)
            told = [(family.name, family.type, family.help, family.unit) for family in fresh]
            body = MetricBody(session=session, node_id=OUTSIDE, epoch=self._epoch, seq=seq, families=told)
            self._ingest.submit(msgspec.msgpack.encode(body), body).result(_WAIT_S)
            self._seqs[session] = seq + 1
            known |= {family.name: family for family in fresh}


def _cut(family: Family) -> Family:
    return msgspec.structs.replace(family, help=family.help[:METRIC_HELP_CHARS])
