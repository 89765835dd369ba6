"""The values of a column, for the completion of filters."""

from __future__ import annotations

import time

from msgspec import Struct

from rayscope.errors import FilterError
from rayscope.model.facets import Facets, FacetValue
from rayscope.query.filters import column_of
from rayscope.query.moment import View, ask
from rayscope.query.queries import resource_of
from rayscope.query.scopes import lived, resource_scope
from rayscope.query.session_pages import COUNTED
from rayscope.query.values import parse_time
from rayscope.store.database import Connection, Database
from rayscope.store.facets import first_ids, top_values
from rayscope.store.limits import FACET_VALUES


class FacetRequest(Struct, frozen=True, kw_only=True):
    """Values of which column of which resource, holding which text."""

    resource: str
    column: str
    view: View
    part: str = ""
    limit: int = 20


def facets(database: Database, request: FacetRequest) -> Facets:
    """The most frequent values. Raises FilterError, NotFound, Ambiguous."""
    resource = resource_of(request.resource)
    column = column_of(resource, request.column)
    if not 1 <= request.limit <= FACET_VALUES:
        raise FilterError(f"limit {request.limit} is not between 1 and {FACET_VALUES}")
    if column.kind == "json" or (resource.name == "sessions" and column.name in COUNTED):
        raise FilterError(f"{column.name} has no values to choose from", hint="name a column of texts or numbers")
    view = request.view
    at_ns = parse_time(view.at, time.time_ns()) if view.at else None
    more = lived(resource, view.start, view.end)

    def values(connection: Connection) -> Facets:
        scope, session = resource_scope(connection, resource, view.session, at_ns, view.filters, more, exclude_driver=True)
        if column.name in resource.id_columns:
            ids = first_ids(connection, scope, column.name, request.part, request.limit)
            found = [FacetValue(value=value, count=None) for value in ids]
            return Facets(column=column.name, values=found, distinct=None, complete=len(ids) < request.limit, session=session, as_of_ns=at_ns)
        counted, different = top_values(connection, scope, column.name, request.part, request.limit)
        found = [FacetValue(value=value, count=count) for value, count in counted]
        return Facets(column=column.name, values=found, distinct=different, complete=different <= len(counted), session=session, as_of_ns=at_ns)

    return ask(database, values)
