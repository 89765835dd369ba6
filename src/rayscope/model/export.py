"""Destinations that collected metrics are sent to, and how each is."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

REMOTE_WRITE: Final = "remote-write"
OTLP: Final = "otlp"

Kind = Literal["remote-write", "otlp"]


class Destination(Struct, frozen=True, kw_only=True):
    """Where to send, and with which headers."""

    kind: Kind
    url: str
    headers: dict[str, str] = {}


class ExportState(Struct, frozen=True, kw_only=True):
    """How a destination is. ``lag_s``: the age of the oldest samples that it does not have, 0 when it has all; ``error``: why it has not, when it refuses.

    ``url`` is without a password and without a query. ``state`` is ok, waiting (it does not answer, and is asked again) or idle (nothing was sent yet).
    """

    kind: Kind
    url: str
    state: Literal["idle", "ok", "waiting"]
    lag_s: float
    samples: int
    dropped: dict[str, int]
    retries: int
    last_success_ms: int | None = None
    error: str | None = None


class ExportStates(Struct, frozen=True):
    """The answer of /api/v1/exports."""

    exports: list[ExportState]
