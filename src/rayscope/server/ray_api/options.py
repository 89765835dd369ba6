"""The options of a request to Ray's state API: read, checked and refused in Ray's own words (``dashboard/state_api_utils.py``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

MAX_ROWS: Final = 10_000
"""Ray's own limit on an answer (RAY_MAX_LIMIT_FROM_API_SERVER)."""

_DEFAULT_ROWS: Final = 100
_DEFAULT_TIMEOUT_S: Final = 30
_TRUE: Final = frozenset({"True", "true", "1"})
_FALSE: Final = frozenset({"False", "false", "0"})
_PREDICATES: Final = frozenset({"=", "!="})


class Refused(Exception):
    """The request is not one that Ray's state API takes. Its text is Ray's."""


class QueryText(Protocol):
    """A query string, read: Litestar's query parameters are one."""

    def get(self, key: str, default: str) -> str:
        """One value."""

    def getall(self, key: str, default: list[str]) -> list[str]:
        """Every value."""


class GivenFilter(Struct, frozen=True):
    """One filter as it was given: Ray takes ``=`` and ``!=`` only."""

    column: str
    predicate: str
    value: str


class Options(Struct, frozen=True, kw_only=True):
    """What a listing is asked for. Ray's ``timeout`` is read and not needed: answers come from one local store."""

    limit: int
    detail: bool
    exclude_driver: bool
    filters: tuple[GivenFilter, ...]


def read_options(query: QueryText) -> Options:
    """The options of a listing. Raises Refused."""
    limit = _limit(to_int(query.get("limit", str(_DEFAULT_ROWS))))
    to_int(query.get("timeout", str(_DEFAULT_TIMEOUT_S)))
    return Options(
        limit=limit,
        detail=to_bool(query.get("detail", "False")),
        exclude_driver=to_bool(query.get("exclude_driver", "True")),
        filters=read_filters(query),
    )


def read_filters(query: QueryText) -> tuple[GivenFilter, ...]:
    """The three lists that make up the filters. Raises Refused."""
    keys, predicates, values = (query.getall(f"filter_{part}", []) for part in ("keys", "predicates", "values"))
    if not len(keys) == len(predicates) == len(values):
        raise Refused(f"filter_keys, filter_predicates and filter_values differ in number: {len(keys)}, {len(predicates)} and {len(values)}.")
    for predicate in predicates:
        if predicate not in _PREDICATES:
            raise Refused(f"Unsupported filter predicate {predicate} is given. Available predicates: =, !=.")
    return tuple(GivenFilter(*parts) for parts in zip(keys, predicates, values, strict=True))


def check_summary_by(query: QueryText, known: Sequence[str], elsewhere: Mapping[str, str]) -> None:
    """Refuse a ``summary_by`` that is not among ``known``; ``elsewhere`` says of some why. Raises Refused."""
    wanted = query.get("summary_by", known[0])
    if wanted in elsewhere:
        raise Refused(elsewhere[wanted])
    if wanted not in known:
        raise Refused(f"summary_by must be one of {', '.join(known)}.")


def to_int(text: str) -> int:
    """A number of the query string. Raises Refused."""
    try:
        return int(text)
    except ValueError as error:
        raise Refused(str(error)) from None


def to_bool(text: str) -> bool:
    """A truth value as Ray spells them. Raises Refused."""
    if text in _TRUE | _FALSE:
        return text in _TRUE
    raise Refused(f"Failed to convert a value {text} of type {str} to {bool}")


def _limit(limit: int) -> int:
    if limit > MAX_ROWS:
        raise Refused(
            f"Given limit {limit} exceeds the supported limit {MAX_ROWS}. Use a lower limit, or set the "
            "`RAY_MAX_LIMIT_FROM_API_SERVER` environment variable to a larger value."
        )
    if limit < 0:
        raise Refused(f"Given limit {limit} is below 0.")
    return limit
