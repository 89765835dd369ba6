"""The routes under /prometheus/<session>/api/v1/: what Grafana's data source and `promtool query` call, by GET and by a form's POST."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from litestar import HttpMethod, Request, Response, Router, get, route
from litestar.concurrency import sync_to_thread
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from rayscope.errors import PromqlError, RayscopeError
from rayscope.model.metrics import Matcher
from rayscope.query.promql.parse import parse, parse_selector, prettify
from rayscope.query.sessions import ALL
from rayscope.server.api.views import services_of
from rayscope.server.prometheus_api.asked import Asked, invalid, now_ms, read_asked
from rayscope.server.prometheus_api.shapes import Success, failed, good, not_routed, result_of
from rayscope.server.ray_api.resolve import resolve
from rayscope.server.services import Services
from rayscope.store.limits import METRIC_SERIES, PROMQL_SERIES

_METHODS: Final = (HttpMethod.GET, HttpMethod.POST)
_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

BUILD: Final = {
    "version": "2.42.0",
    "revision": "rayscope",
    "branch": "",
    "buildUser": "",
    "buildDate": "",
    "goVersion": "",
}
"""The Prometheus whose answers these are: Grafana looks which features there are."""

Call = Request[Any, Any, State]


@route("/query", http_method=_METHODS, status_code=200)
async def query(request: Call, session: FromPath[str], state: State) -> Response[Success]:
    """An expression at an instant: `query`, `time` (now), `timeout`."""
    asked, services = await read_asked(request), services_of(state)

    def answer() -> Response[Success]:
        at, timeout_s, text = asked.time_ms("time", now_ms()), asked.timeout_s(), checked(asked)
        result = services.promql.query(session_of(services, session), text, at, timeout_s=timeout_s)
        return good(result_of(result, at), result.warnings)

    return await sync_to_thread(answer)


@route("/query_range", http_method=_METHODS, status_code=200)
async def query_range(request: Call, session: FromPath[str], state: State) -> Response[Success]:
    """An expression over a range: `query`, `start`, `end`, `step`, `timeout`."""
    asked, services = await read_asked(request), services_of(state)

    def answer() -> Response[Success]:
        start, end, step = asked.time_ms("start"), asked.time_ms("end"), asked.duration_ms("step")
        timeout_s, text = asked.timeout_s(), checked(asked)
        result = services.promql.range(session_of(services, session), text, start, end, step, timeout_s=timeout_s)
        return good(result_of(result, start), result.warnings)

    return await sync_to_thread(answer)


@route("/series", http_method=_METHODS, status_code=200)
async def series(request: Call, session: FromPath[str], state: State) -> Response[Success]:
    """The series that fit one of `match[]`, with samples from `start` to `end`."""
    asked, services = await read_asked(request), services_of(state)

    def answer() -> Response[Success]:
        match = matches(asked)
        if not match:
            raise PromqlError("no match[] parameter provided")
        most = min(asked.limit() or PROMQL_SERIES, PROMQL_SERIES)
        found = services.metrics.series(session_of(services, session), match, *asked.span(), most + 1)
        warnings = ["results truncated due to limit"] if len(found) > most else []
        return good(sorted(found[:most], key=lambda labels: sorted(labels.items())), warnings)

    return await sync_to_thread(answer)


@route("/labels", http_method=_METHODS, status_code=200)
async def labels(request: Call, session: FromPath[str], state: State) -> Response[Success]:
    """The names of labels, of the series that fit."""
    asked, services = await read_asked(request), services_of(state)
    return await sync_to_thread(lambda: _limited(asked, services.metrics.label_names(session_of(services, session), matches(asked), *asked.span())))


@get("/label/{name:str}/values")
async def label_values(request: Call, session: FromPath[str], name: FromPath[str], state: State) -> Response[Success]:
    """The values of a label, of the series that fit."""
    asked, services = await read_asked(request), services_of(state)
    if not _LABEL.fullmatch(name):
        raise PromqlError(f'invalid label name: "{name}"')
    return await sync_to_thread(lambda: _limited(asked, services.metrics.label_values(session_of(services, session), name, matches(asked), *asked.span())))


@get("/metadata")
async def metadata(request: Call, session: FromPath[str], state: State) -> Response[Success]:
    """Type, help and unit of `metric`, or of all, `limit` at most."""
    asked, services = await read_asked(request), services_of(state)

    def answer() -> Response[Success]:
        found = services.metrics.families(session_of(services, session), asked.text("metric") or None)[: asked.limit() or METRIC_SERIES]
        return good({family.name: [{"type": family.type, "help": family.help, "unit": family.unit}] for family in found})

    return await sync_to_thread(answer)


@route("/format_query", http_method=_METHODS, status_code=200)
async def format_query(request: Call) -> Response[Success]:
    """The expression, laid out."""
    asked = await read_asked(request)
    try:
        return good(prettify(asked.text("query")))
    except PromqlError as error:
        raise invalid("query", error.message) from error


@route("/query_exemplars", http_method=_METHODS, status_code=200)
async def query_exemplars() -> Response[Success]:
    """None are kept."""
    return good([])


@get("/rules")
async def rules() -> Response[Success]:
    """There are none."""
    return good({"groups": []})


@get("/alerts")
async def alerts() -> Response[Success]:
    """There are none."""
    return good({"alerts": []})


@get("/status/buildinfo")
async def buildinfo() -> Response[Success]:
    """Which Prometheus's answers these are."""
    return good(BUILD)


def checked(asked: Asked) -> str:
    """The expression. Raises PromqlError in Prometheus's words for one that does not parse."""
    text = asked.text("query")
    try:
        parse(text)
    except PromqlError as error:
        raise invalid("query", error.message) from error
    return text


def matches(asked: Asked) -> list[Sequence[Matcher]]:
    """The matchers of each `match[]`."""
    try:
        return [parse_selector(text).matchers for text in asked.all("match[]")]
    except PromqlError as error:
        raise invalid("match[]", error.message) from error


def session_of(services: Services, wanted: str) -> str | None:
    """The session that the address names; None for all. One that only others write to is named exactly. Raises NotFound, Ambiguous."""
    if wanted == ALL:
        return None
    return wanted if services.metrics.store.known(wanted) else resolve(services.queries, wanted)


def _limited(asked: Asked, found: list[str]) -> Response[Success]:
    most = asked.limit()
    cut = bool(most) and len(found) > most
    return good(found[:most] if cut else found, ["results truncated due to limit"] if cut else [])


prometheus_router = Router(
    path="/prometheus/{session:str}/api/v1",
    route_handlers=[query, query_range, series, labels, label_values, metadata, format_query, query_exemplars, rules, alerts, buildinfo],
    exception_handlers={RayscopeError: failed, HTTPException: not_routed},
)
"""Everything under one session, or `latest`, or `all`."""
