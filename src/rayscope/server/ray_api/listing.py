"""Answering one of Ray's listings from the store: which pages to read, which rows to keep, what to count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from rayscope.errors import NotFound
from rayscope.model.page import Page
from rayscope.query.queries import Queries
from rayscope.query.request import ListRequest
from rayscope.server.ray_api.columns import TASK
from rayscope.server.ray_api.drivers import driver_rows
from rayscope.server.ray_api.filters import Filter, check_filters, check_source, fits
from rayscope.server.ray_api.listings import LISTINGS, Listing
from rayscope.server.ray_api.options import Options
from rayscope.server.ray_api.places import find_places
from rayscope.server.ray_api.rows_task import task_base, task_detail
from rayscope.store.entity import Row
from rayscope.store.limits import MAX_PAGE

_TASK_ID_HEX: Final = 48


class ListAnswer(Struct, frozen=True, kw_only=True):
    """Ray's ListApiResponse. Nothing is cut at the source here, so ``num_after_truncation`` is always ``total``."""

    total: int
    num_after_truncation: int
    num_filtered: int
    result: list[Row]
    partial_failure_warning: str | None = ""
    warnings: list[str] | None = None


class Ask(Struct, frozen=True, kw_only=True):
    """One request: what the store is asked for, and the filters that are left to decide on Ray's rows.

    ``detail`` says whether rows are mapped with all their columns, which ``rest`` may need where the answer does not.
    """

    listing: Listing
    options: Options
    request: ListRequest
    rest: tuple[Filter, ...]
    detail: bool


def list_states(queries: Queries, session: str, name: str, options: Options) -> ListAnswer:
    """One of Ray's listings of a session that exists. Raises Refused."""
    listing = LISTINGS[name]
    check_source(name, options.filters)
    filters = check_filters(listing.columns, options.filters)
    early = [item for item, given in zip(filters, options.filters, strict=True) if given.column in listing.counted_by]
    total = _total(queries, listing, session, early, options)
    kept, num_filtered = _kept(queries, listing, session, filters, options)
    answer = ListAnswer(total=total, num_after_truncation=total, num_filtered=num_filtered, result=kept, partial_failure_warning=listing.warning)
    return _with_drivers(answer, driver_rows(queries, session), filters, options) if name == "workers" else answer


def _kept(queries: Queries, listing: Listing, session: str, filters: Sequence[Filter], options: Options) -> tuple[list[Row], int]:
    task_id = _whole_task_id(filters) if listing.resource == "tasks" else None
    if task_id is not None:
        return _looked_up(queries, session, task_id, filters, options)
    return _listed(queries, _ask(listing, session, filters, options))


def _with_drivers(answer: ListAnswer, drivers: Sequence[Row], filters: Sequence[Filter], options: Options) -> ListAnswer:
    fitting = [row for row in drivers if fits(row, filters)]
    rows = sorted([*answer.result, *_shown(LISTINGS["workers"], options, fitting)], key=lambda row: row["worker_id"])
    total = answer.total + len(drivers)
    return replace(answer, total=total, num_after_truncation=total, num_filtered=answer.num_filtered + len(fitting), result=rows[: options.limit])


def push_all(listing: Listing, filters: Sequence[Filter]) -> tuple[tuple[str, ...], tuple[Filter, ...]]:
    """The filters as texts for the store, and those that it cannot decide."""
    texts: list[str] = []
    rest: list[Filter] = []
    for item in filters:
        push = listing.pushed.get(item.column)
        pushed = push(item) if push else None
        if pushed is None:
            rest.append(item)
        else:
            texts += pushed
    return tuple(texts), tuple(rest)


def _ask(listing: Listing, session: str, filters: Sequence[Filter], options: Options) -> Ask:
    texts, rest = push_all(listing, filters)
    detail = options.detail or bool(rest)
    brief = listing.resource == "tasks" and not detail
    request = ListRequest(
        resource=listing.resource,
        session=session,
        filters=(*listing.always, *texts),
        sort=listing.sort,
        limit=MAX_PAGE if rest or listing.order else max(options.limit, 1),
        detail=True,
        columns=",".join(TASK.base) if brief else None,  # the base columns have the same names here and there
        exclude_driver=options.exclude_driver,
    )
    return Ask(listing=listing, options=options, request=request, rest=rest, detail=detail)


def _listed(queries: Queries, ask: Ask) -> tuple[list[Row], int]:
    """The rows of the answer, and how many fit in all. Reads no more pages than it must, and keeps no more rows than it may need."""
    listing, limit = ask.listing, ask.options.limit
    kept: list[Row] = []
    counted = fit = 0
    for page in _pages(queries, ask):
        counted = page.num_filtered
        shown = _mapped(queries, listing, ask.request.session, page.rows, detail=ask.detail)
        fitting = [row for row in shown if fits(row, ask.rest)]
        fit += len(fitting)
        kept += fitting if listing.order else fitting[: limit - len(kept)]
    if listing.order:
        kept.sort(key=listing.order)
    return _shown(listing, ask.options, kept), fit if ask.rest else counted


def _pages(queries: Queries, ask: Ask) -> Iterator[Page]:
    """One page, unless rows must be filtered or sorted here: then every page that fits the store's filters."""
    request: ListRequest | None = ask.request
    while request is not None:
        page = queries.page(request)
        yield page
        more = page.next is not None and (ask.rest or ask.listing.order)
        request = replace(request, cursor=page.next) if more else None


def _whole_task_id(filters: Sequence[Filter]) -> str | None:
    """The task id that is asked for, if one is: the store finds it by its key."""
    ids = [str(item.value).lower() for item in filters if (item.column, item.predicate) == ("task_id", "=")]
    return ids[0] if ids and len(ids[0]) == _TASK_ID_HEX else None


def _looked_up(queries: Queries, session: str, task_id: str, filters: Sequence[Filter], options: Options) -> tuple[list[Row], int]:
    """The attempts of one task, the last one first, as Ray gives them."""
    listing = LISTINGS["tasks"]
    shown = _mapped(queries, listing, session, _attempts(queries, session, task_id, options), detail=True)
    fitting = [row for row in shown if fits(row, filters)]
    fitting.sort(key=lambda row: -row["attempt_number"])
    return _shown(listing, options, fitting), len(fitting)


def _attempts(queries: Queries, session: str, task_id: str, options: Options) -> list[Row]:
    try:
        found = queries.get("tasks", task_id, session)
    except NotFound:  # of the task: the session was resolved before
        return []
    left_out = {None, "DRIVER_TASK"} if options.exclude_driver else {None}
    return [row for row in found if row["type"] not in left_out]


def _mapped(queries: Queries, listing: Listing, session: str, rows: Sequence[Row], *, detail: bool) -> list[Row]:
    """Rows of the store as Ray's. Tasks in detail need to know more of the places where they ran."""
    if listing.resource != "tasks" or not detail:
        return [listing.row(row) for row in rows]
    places = find_places(queries, session, rows)
    return [task_base(row) | task_detail(row, places) for row in rows]


def _total(queries: Queries, listing: Listing, session: str, early: Sequence[Filter], options: Options) -> int:
    """How many rows Ray counts before its API server filters them: those that fit what it has the GCS filter."""
    texts, _ = push_all(listing, early)
    request = ListRequest(resource=listing.resource, session=session, filters=(*listing.always, *texts), limit=1, exclude_driver=options.exclude_driver)
    return queries.page(request).num_filtered


def _shown(listing: Listing, options: Options, rows: Sequence[Row]) -> list[Row]:
    columns = listing.columns.shown(detail=options.detail)
    return [{name: row.get(name) for name in columns} for row in rows[: options.limit]]
