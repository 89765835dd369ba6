"""The two protocols as senders see them: writes to a body, and an answer that took only some."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from rayscope.export.verdict import is_overload, is_server_error
from rayscope.model.metrics import Family, Write
from rayscope.query.metrics.families import family_among
from rayscope.wire import remote_write
from rayscope.wire.otlp import write as otlp

_FAMILIES_S: Final = 30.0
_METADATA_S: Final = 60.0  # as Prometheus

FamiliesOf = Callable[[str], Sequence[Family]]
"""All families of a session."""


class RemoteWrite:
    """Prometheus's remote write 1.0."""

    headers: Mapping[str, str] = remote_write.HEADERS
    is_again = staticmethod(is_server_error)

    def __init__(self, families_of: FamiliesOf) -> None:
        self._encoder = remote_write.Encoder()
        self._families_of = families_of
        self._told_s: dict[str, float] = {}

    def encode(self, writes: Sequence[Write]) -> bytes:
        """A WriteRequest in snappy; once a minute with the types and help texts of its sessions' metrics."""
        sessions = {write.labels.get("session", "") for write in writes}
        return self._encoder.request(writes, [family for session in sorted(sessions) if self._is_due(session) for family in self._families_of(session)])

    def _is_due(self, session: str) -> bool:
        now_s = time.monotonic()
        if now_s - self._told_s.get(session, -_METADATA_S) < _METADATA_S:
            return False
        self._told_s[session] = now_s
        return True

    def refused_of(self, body: bytes) -> tuple[int, str]:
        """It takes all or nothing."""
        del body
        return 0, ""


class Otlp:
    """OTLP over HTTP, in protobuf and gzip."""

    headers: Mapping[str, str] = {"Content-Type": otlp.CONTENT_TYPE, "Content-Encoding": "gzip"}
    is_again = staticmethod(is_overload)

    def __init__(self, families_of: FamiliesOf) -> None:
        self._encoder = otlp.Encoder(_Families(families_of).family_of)

    def encode(self, writes: Sequence[Write]) -> bytes:
        """An ExportMetricsServiceRequest."""
        return gzip.compress(self._encoder.request(writes), compresslevel=1)

    def refused_of(self, body: bytes) -> tuple[int, str]:
        """What the partial success says."""
        try:
            partial = ExportMetricsServiceResponse.FromString(body).partial_success
        except DecodeError:
            return 0, ""
        return partial.rejected_data_points, partial.error_message


class _Families:
    """Families by session and the names of their series, asked anew now and then."""

    def __init__(self, families_of: FamiliesOf) -> None:
        self._families_of = families_of
        self._known: dict[str, tuple[float, dict[str, Family]]] = {}

    def family_of(self, session: str, name: str) -> Family | None:
        """The family that a series of this name belongs to."""
        read_s, families = self._known.get(session, (0.0, {}))
        if time.monotonic() - read_s > _FAMILIES_S or not read_s:
            families = {family.name: family for family in self._families_of(session)}
            self._known[session] = (time.monotonic(), families)
        return family_among(families, name)
