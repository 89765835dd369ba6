"""Prometheus's shapes of answers and of errors."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from msgspec import UNSET, Struct, UnsetType

from rayscope.errors import LimitExceeded, NotFound, PromqlError, RayscopeError, Unauthorized, Unavailable, UsageError
from rayscope.model.promql import PromqlResult, Series
from rayscope.query.promql.shown import show_samples


class Success(Struct, frozen=True, kw_only=True):
    """What went well. ``data`` is each route's own."""

    status: str = "success"
    data: Any
    warnings: list[str] | UnsetType = UNSET


class Failure(Struct, frozen=True, kw_only=True):
    """What did not. ``errorType``: bad_data, execution, timeout, unavailable, not_found, internal."""

    status: str = "error"
    errorType: str  # noqa: N815 Prometheus's name
    error: str


def good(data: Any, warnings: list[str] | None = None) -> Response[Success]:
    """An answer."""
    return Response(Success(data=data, warnings=warnings or UNSET), status_code=200)


def result_of(result: PromqlResult, time_ms: int) -> dict[str, Any]:
    """A query's data."""
    return {"resultType": result.kind, "result": _result(result, time_ms)}


def _result(result: PromqlResult, time_ms: int) -> Any:
    if result.kind == "string":
        return [_seconds(time_ms), result.text]
    if result.kind == "scalar":
        return _pairs(result.series[0])[0]
    key = "value" if result.kind == "vector" else "values"
    return [{"metric": each.labels, key: _pairs(each)[0] if key == "value" else _pairs(each)} for each in result.series]


def _pairs(series: Series) -> list[tuple[float, str]]:
    times = series.times_ms
    seconds = times // 1000 if not (times % 1000).any() else times / 1000
    return list(zip(seconds.tolist(), show_samples(series.values.tolist()), strict=True))


def _seconds(time_ms: int) -> float:
    return time_ms // 1000 if time_ms % 1000 == 0 else time_ms / 1000


_KINDS: tuple[tuple[type[RayscopeError], str], ...] = (
    (LimitExceeded, "execution"),
    (NotFound, "not_found"),
    (Unauthorized, "unauthorized"),
    (Unavailable, "unavailable"),
    (UsageError, "bad_data"),
)


def failed(_: Request[Any, Any, State], error: RayscopeError) -> Response[Failure]:
    """An error that was raised on purpose."""
    kind = error.kind if isinstance(error, PromqlError) else next((word for root, word in _KINDS if isinstance(error, root)), "internal")
    text = f"{error.message} ({error.hint})" if error.hint else error.message
    return Response(Failure(errorType=kind, error=text), status_code=error.http_status)


def not_routed(_: Request[Any, Any, State], error: HTTPException) -> Response[Failure]:
    """One of the framework: a parameter of the wrong type, a method that is not served."""
    return Response(Failure(errorType="bad_data", error=error.detail), status_code=error.status_code)
