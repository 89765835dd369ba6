"""All destinations of a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rayscope.export.cursor import FOLDER, CursorFile
from rayscope.export.sender import Sender, WireProtocol
from rayscope.model.export import OTLP, Destination, ExportState
from rayscope.query.metrics.service import Metrics


class Senders:
    """Starts one a destination."""

    def __init__(self, destinations: Sequence[Destination], metrics: Metrics, data: Path) -> None:
        self._metrics = metrics
        self._senders = [Sender(one, metrics.tail, CursorFile(data / FOLDER, one.kind, one.url), self._protocol(one)) for one in destinations]

    def states(self) -> list[ExportState]:
        """How each is."""
        return [sender.state() for sender in self._senders]

    def close(self) -> None:
        """Stop all, at once."""
        for sender in self._senders:
            sender.stop()
        for sender in self._senders:
            sender.close()

    def _protocol(self, destination: Destination) -> WireProtocol:
        from rayscope.export.protocol import Otlp, RemoteWrite  # protobuf and snappy take a tenth of a server's start: most servers need neither

        return Otlp(self._metrics.families) if destination.kind == OTLP else RemoteWrite(self._metrics.families)
