"""GET /api/v1/timeline…: a range as tracks of slices, its statistics, one attempt's links, the whole as a trace file."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, get
from litestar.datastructures import State
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from rayscope.model.timeline import Links, RangeStatistics, Timeline
from rayscope.query.sessions import LATEST
from rayscope.query.timeline import TimelineRequest
from rayscope.server.api.views import At, End, Filters, Start, services_of, view_of

Tracks = Annotated[list[str] | None, QueryParameter(name="track", description="only these tracks; repeatable")]


@get("", sync_to_thread=True)
def get_timeline(  # noqa: PLR0913, PLR0917 one parameter an option of the query string
    state: State,
    filters: Filters = None,
    start: Start = None,
    end: End = None,
    at: At = None,
    tracks: Tracks = None,
    session: FromQuery[str] = LATEST,
    px: FromQuery[int] = 1200,
    group: FromQuery[str] = "node",
    color: FromQuery[str] = "function",
    lanes: FromQuery[int] = 8,
    limit: FromQuery[int] = 32,
    offset: FromQuery[int] = 0,
) -> Timeline:
    """What ran when, binned to pixels: never more than a few slices a pixel, whatever the count."""
    view = view_of(session, start, end, at, filters)
    request = TimelineRequest(view=view, px=px, group=group, color=color, tracks=tuple(tracks or ()), lanes=lanes, limit=limit, offset=offset)
    return services_of(state).timelines.picture(request)


@get("/stats", sync_to_thread=True)
def get_statistics(
    state: State,
    filters: Filters = None,
    start: Start = None,
    end: End = None,
    at: At = None,
    tracks: Tracks = None,
    session: FromQuery[str] = LATEST,
    group: FromQuery[str] = "node",
) -> RangeStatistics:
    """What a selected range holds: by function, and the slowest attempts."""
    return services_of(state).timelines.statistics(view_of(session, start, end, at, filters), group, tracks or [])


@get("/links", sync_to_thread=True)
def get_links(state: State, task_id: FromQuery[str], session: FromQuery[str] = LATEST, attempt: FromQuery[int] = 0) -> Links:
    """The task that submitted one, and those that it submitted."""
    return services_of(state).timelines.links(session, task_id, attempt)


@get("/trace", sync_to_thread=True)
def get_trace(
    state: State,
    filters: Filters = None,
    start: Start = None,
    end: End = None,
    at: At = None,
    session: FromQuery[str] = LATEST,
    format: FromQuery[str] = "chrome",  # noqa: A002 the parameter's name
) -> Stream:
    """The same as a file for Perfetto or chrome://tracing, or in the shape of `ray timeline`; streamed, of any size."""
    name, chunks = services_of(state).traces.trace(view_of(session, start, end, at, filters), format)
    return Stream(chunks, media_type="application/json", headers={"Content-Disposition": f'attachment; filename="{name}"'})


timeline_router = Router(path="/api/v1/timeline", route_handlers=[get_timeline, get_statistics, get_links, get_trace])
