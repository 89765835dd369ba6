"""The parameters of a call, from its query string and its form, as Prometheus reads them. Times are ms."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request
from litestar.datastructures import State
from msgspec import Struct

from rayscope.errors import PromqlError
from rayscope.query.promql.parse import parse_duration
from rayscope.store.limits import PROMQL_TIMEOUT_S

_RFC3339: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")
_FURTHEST_S: Final = 9e12
"""Beyond it a number of seconds is no time."""

EVER: Final = (0, 1 << 62)


class Asked(Struct, frozen=True):
    """What was given, each name with all its values."""

    given: Mapping[str, Sequence[str]]

    def text(self, name: str) -> str:
        """The first value of a parameter; empty where it is not given."""
        return (self.given.get(name) or [""])[0]

    def all(self, name: str) -> Sequence[str]:
        """All values."""
        return self.given.get(name) or ()

    def time_ms(self, name: str, default_ms: int | None = None) -> int:
        """Seconds, or a date. Raises PromqlError."""
        text = self.text(name)
        if not text and default_ms is not None:
            return default_ms
        found = _time_ms(text)
        if found is None:
            raise invalid(name, f'cannot parse "{text}" to a valid timestamp')
        return found

    def span(self) -> tuple[int, int]:
        """`start` and `end`; without them, ever."""
        return self.time_ms("start", EVER[0]), self.time_ms("end", EVER[1])

    def duration_ms(self, name: str) -> int:
        """Seconds, or `1m30s`. Raises PromqlError."""
        found = _duration_ms(self.text(name))
        if found is None:
            raise invalid(name, f'cannot parse "{self.text(name)}" to a valid duration')
        return found

    def timeout_s(self) -> float:
        """`timeout`, at most the server's own."""
        return min(self.duration_ms("timeout") / 1000, PROMQL_TIMEOUT_S) if self.text("timeout") else PROMQL_TIMEOUT_S

    def limit(self) -> int:
        """`limit`: how many at most; 0 or none: all."""
        text = self.text("limit")
        if text and not text.removeprefix("-").isdecimal():
            raise invalid("limit", "limit must be a number")
        return max(int(text or 0), 0)


def invalid(name: str, why: str) -> PromqlError:
    """In Prometheus's words."""
    return PromqlError(f'invalid parameter "{name}": {why}')


async def read_asked(request: Request[Any, Any, State]) -> Asked:
    """The parameters of a GET, or of a POST of a form."""
    pairs = list(request.query_params.multi_items())
    if request.method == "POST":
        pairs += parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True)
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    return Asked(given)


def now_ms() -> int:
    """The time."""
    return time.time_ns() // 1_000_000


def _time_ms(text: str) -> int | None:
    number = _number(text)
    if number is not None:
        return round(number * 1000) if abs(number) < _FURTHEST_S else None
    found = _RFC3339.fullmatch(text)
    if found is None:
        return None
    try:
        whole = datetime.fromisoformat(found[1] + found[3])
    except ValueError:
        return None
    since = whole - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * 86_400_000 + since.seconds * 1000 + round(float(found[2] or 0) * 1000)


def _duration_ms(text: str) -> int | None:
    number = _number(text)
    if number is not None:
        return round(number * 1000) if abs(number) < _FURTHEST_S else None
    try:
        return parse_duration(text)
    except (ValueError, OverflowError):
        return None


def _number(text: str) -> float | None:
    try:
        number = float(text) if "_" not in text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
