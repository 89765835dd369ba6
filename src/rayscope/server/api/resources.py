"""GET /api/v1/<resource>: listings, lookups, summaries, and the table of columns."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Response, Router, get
from litestar.concurrency import sync_to_thread
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream
from msgspec import Struct

from rayscope.model.facets import Facets
from rayscope.model.page import ActorSummary, Page, TaskSummary
from rayscope.model.resources import RESOURCES, Column
from rayscope.query.facets import FacetRequest, facets
from rayscope.query.request import ListRequest
from rayscope.query.sessions import ALL, LATEST
from rayscope.server.api.views import At, End, Start, services_of, view_of
from rayscope.store.limits import DEFAULT_PAGE

Filters = Annotated[list[str] | None, QueryParameter(name="filter", description="`column OP value`, repeatable; all must fit")]


_MEDIA = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


class ResourceSchema(Struct, frozen=True, kw_only=True):
    """A resource's columns and default order."""

    columns: list[Column]
    default_sort: str


class Found(Struct, frozen=True, kw_only=True):
    """The rows of one id."""

    rows: list[dict[str, Any]]


@get("/tasks/summary", sync_to_thread=True)
def summarize_tasks(state: State, filters: Filters = None, session: FromQuery[str] = LATEST, at: FromQuery[str | None] = None) -> TaskSummary:
    """Tasks by name and state, each task counted once."""
    return services_of(state).queries.task_summary(session, tuple(filters or ()), at)


@get("/actors/summary", sync_to_thread=True)
def summarize_actors(state: State, filters: Filters = None, session: FromQuery[str] = LATEST, at: FromQuery[str | None] = None) -> ActorSummary:
    """Actors by class and state."""
    return services_of(state).queries.actor_summary(session, tuple(filters or ()), at)


@get("/schema", sync_to_thread=False)
def get_schema() -> dict[str, dict[str, ResourceSchema]]:
    """Every resource with its columns."""
    return {"resources": {name: ResourceSchema(columns=list(resource.columns), default_sort=resource.default_sort) for name, resource in RESOURCES.items()}}


@get(["/{resource:str}", "/jobs"])  # the router does not go back from a node with a name to the one that takes any
async def list_resource(  # noqa: PLR0913, PLR0917 one parameter an option of the query string
    state: State,
    resource: FromPath[str] = "jobs",
    filters: Filters = None,
    start: Start = None,
    end: End = None,
    session: FromQuery[str] = LATEST,
    sort: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
    columns: FromQuery[str | None] = None,
    detail: FromQuery[bool] = False,  # noqa: FBT002 it comes by name
    at: FromQuery[str | None] = None,
    exclude_driver: FromQuery[bool] = True,  # noqa: FBT002 it comes by name
    format: FromQuery[str | None] = None,  # noqa: A002 the parameter's name
) -> Response[Page] | Stream:
    """A page of a resource's rows; with ``format`` all of them, or as many as ``limit`` says, as CSV or JSONL."""
    request = ListRequest(
        resource=resource,
        session=session,
        filters=tuple(filters or ()),
        sort=sort,
        limit=DEFAULT_PAGE if limit is None else limit,
        cursor=cursor,
        columns=columns,
        detail=detail,
        at=at,
        exclude_driver=exclude_driver,
        start=start or None,
        end=end or None,
    )
    if format is None:
        return Response(await sync_to_thread(services_of(state).queries.page, request))
    name, pieces = await sync_to_thread(services_of(state).exports.export, request, format, limit)
    return Stream(pieces, media_type=_MEDIA.get(format), headers={"Content-Disposition": f'attachment; filename="{name}"'})


@get(["/{resource:str}/facets", "/jobs/facets"])
async def get_facets(  # noqa: PLR0913, PLR0917 one parameter an option of the query string
    state: State,
    column: FromQuery[str],
    resource: FromPath[str] = "jobs",
    filters: Filters = None,
    start: Start = None,
    end: End = None,
    at: At = None,
    session: FromQuery[str] = LATEST,
    q: FromQuery[str] = "",
    limit: FromQuery[int] = 20,
) -> Facets:
    """The most frequent values of a column, for the completion of filters."""
    view = view_of(session, start, end, at, filters)
    return await sync_to_thread(facets, services_of(state).database, FacetRequest(resource=resource, column=column, view=view, part=q, limit=limit))


@get(["/{resource:str}/{wanted:str}", "/jobs/{wanted:str}"])
async def get_resource(
    state: State, wanted: FromPath[str], resource: FromPath[str] = "jobs", session: FromQuery[str] = LATEST, at: FromQuery[str | None] = None
) -> Found:
    """Every row of one id, or of a unique prefix of it, with all columns."""
    return Found(rows=await sync_to_thread(services_of(state).queries.get, resource, wanted, session, at))


resources_router = Router(path="/api/v1", route_handlers=[summarize_tasks, summarize_actors, get_schema, list_resource, get_facets, get_resource])

__all__ = ["ALL", "resources_router"]
