"""What a PromQL query gives. Times are milliseconds since 1970."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

from rayscope.model.metrics import Labels

ResultKind = Literal["scalar", "vector", "matrix", "string"]


class Series(Struct, frozen=True, eq=False):
    """One series of a result: ``times_ms`` (numpy int64) and ``values`` (numpy float64), of one length; of a vector or scalar one of each."""

    labels: Labels
    times_ms: Any
    values: Any


class PromqlResult(Struct, frozen=True, eq=False, kw_only=True):
    """An answer. ``text`` is that of a string; a scalar is one series without labels. ``warnings`` say what is doubtful in it."""

    kind: ResultKind
    series: list[Series] = field(default_factory=list)
    text: str = ""
    warnings: list[str] = field(default_factory=list)
