"""What a search finds."""

from __future__ import annotations

from msgspec import Struct

from rayscope.model.progress import Link


class Hit(Struct, frozen=True, kw_only=True):
    """One thing found. ``kind``: session, job, task, actor, node, worker, placement-group, function, class or error. ``count``: attempts or actors."""

    kind: str
    id: str
    label: str
    detail: str
    session: str
    count: int | None
    state: str | None
    time_ns: int | None
    link: Link


class SearchAnswer(Struct, frozen=True, kw_only=True):
    """Hits, the best first. Not ``complete``: there are more than were asked for."""

    q: str
    hits: list[Hit]
    took_ms: float
    complete: bool
