"""When a session was: its first and last word, and its end."""

from __future__ import annotations

from rayscope.store.database import Connection
from rayscope.store.entity import Row
from rayscope.store.select import rows


def session_span(connection: Connection, session_no: int) -> Row:
    """first_ns, last_ns, ended_ns (null while it lives), reason."""
    query = "SELECT s.first_ns, s.last_ns, e.ended_ns, e.reason FROM session s LEFT JOIN session_end e USING (session_no) WHERE session_no = ?"
    return rows(connection, query, [session_no])[0]
