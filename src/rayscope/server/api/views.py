"""What the routes of pictures share: the words of their query strings."""

from __future__ import annotations

from typing import Annotated

from litestar.datastructures import State
from litestar.params import QueryParameter

from rayscope.query.moment import View
from rayscope.server.services import Services

Filters = Annotated[list[str] | None, QueryParameter(name="filter", description="`column OP value` of tasks, repeatable; all must fit")]
Start = Annotated[str | None, QueryParameter(name="from", description="from when: a time, or relative as in -5m")]
End = Annotated[str | None, QueryParameter(name="to", description="until when")]
At = Annotated[str | None, QueryParameter(name="at", description="how it was at a time")]


def view_of(session: str, start: str | None, end: str | None, at: str | None, filters: list[str] | None) -> View:
    """A view as the query string words it."""
    return View(session=session, start=start or None, end=end or None, at=at or None, filters=tuple(filters or ()))


def services_of(state: State) -> Services:
    """What the application works with."""
    services: Services = state.services
    return services
