"""What this server counts of its own doings, beside what its parts count themselves."""

from __future__ import annotations

import time
from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from rayscope.meters import Counter, Histogram
from rayscope.wire.exposition import Metric

_NO_ROUTE: Final = "none"


class ServerMeters:
    """Counters and histograms of one server."""

    def __init__(self) -> None:
        self.requests = Histogram(
            "rayscope_http_request_duration_seconds",
            "From a request to the first byte of its answer.",
            ["route", "method", "status"],
        )
        self.written = Counter("rayscope_metrics_written_samples", "Samples taken by remote write and OTLP, by session.", ["session"])

    def metrics(self) -> list[Metric]:
        """As families."""
        return [self.requests.metric(), self.written.metric()]


def timed(app: ASGIApp) -> ASGIApp:
    """Middleware: counts how long each route takes until it answers. An answer may stream on for hours."""

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        begun = time.monotonic()

        async def timing_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                meters: ServerMeters = scope["litestar_app"].state.services.meters
                route = str(scope.get("path_template") or _NO_ROUTE)
                meters.requests.observe(time.monotonic() - begun, route, scope["method"], str(message["status"]))
            await send(message)

        await app(scope, receive, timing_send)

    return middleware
