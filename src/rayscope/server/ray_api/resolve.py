"""Which session an address under /ray/ is about."""

from __future__ import annotations

from rayscope.errors import NotFound
from rayscope.query.queries import Queries
from rayscope.query.request import ListRequest


def resolve(queries: Queries, wanted: str) -> str:
    """The whole name of the one session that is meant. Raises NotFound, Ambiguous."""
    name = queries.page(ListRequest(resource="nodes", session=wanted, limit=1)).session
    if name is None:
        raise NotFound("Ray's REST is about one cluster", hint="put one session, or `latest`, into the address")
    return name
