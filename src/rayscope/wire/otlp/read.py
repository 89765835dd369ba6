"""An ExportMetricsServiceRequest as series, by session."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from msgspec import Struct
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE, AGGREGATION_TEMPORALITY_DELTA, DataPointFlags

from rayscope.errors import PayloadError
from rayscope.model.metrics import NAME, Family, Labels, Write
from rayscope.wire.exposition import number
from rayscope.wire.otlp.delta import Totals
from rayscope.wire.otlp.names import labels_of, metric_name
from rayscope.wire.received import STALE, Received

SESSION_ATTRIBUTES: Final = ("rayscope.session", "ray.session")
"""Attributes of a resource that name the session which its metrics belong to."""

_IDENTITY: Final = {"service.name", "service.namespace", "service.instance.id", *SESSION_ATTRIBUTES}
_NS_A_MS: Final = 1_000_000
_NO_VALUE: Final = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK

Part = tuple[str, Labels, float]
"""One sample of a point: what its name has beyond the metric's, its labels beyond the point's, its value."""


class Message(Struct, frozen=True):
    """A decoded body."""

    request: Any


def parse(body: bytes, *, is_json: bool) -> Message:
    """The message of a body. Raises PayloadError."""
    request = ExportMetricsServiceRequest()
    try:
        if is_json:
            json_format.Parse(body, request, ignore_unknown_fields=True)
        else:
            request.ParseFromString(body)
    except (DecodeError, json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        kind = "JSON" if is_json else "protobuf"
        raise PayloadError(f"the body is no ExportMetricsServiceRequest in {kind}: {error}", hint="OTLP over HTTP, /v1/metrics") from error
    return Message(request)


def read(message: Message, session: str, totals: Totals) -> dict[str, Received]:
    """The series of a message by the session that they belong to: the one that their resource names, or else ``session``."""
    received: defaultdict[str, Received] = defaultdict(Received)
    for resource in message.request.resource_metrics:
        attributes = list(resource.resource.attributes)
        named = {attribute.key: attribute.value.string_value for attribute in attributes if attribute.key in SESSION_ATTRIBUTES}
        wanted = next((named[key] for key in SESSION_ATTRIBUTES if named.get(key)), session)
        _Resource(received[wanted], wanted, attributes, totals).read(resource)
    return dict(received)


class _Resource:
    """The metrics of one resource. Samples of a series are gathered, and taken together."""

    def __init__(self, received: Received, session: str, attributes: list[Any], totals: Totals) -> None:
        self._received, self._session, self._totals = received, session, totals
        self._target = _target_labels(attributes)
        self._more = labels_of(attribute for attribute in attributes if attribute.key not in _IDENTITY)
        self._samples: dict[tuple[tuple[str, str], ...], dict[int, float]] = {}

    def read(self, resource: Any) -> None:
        """Take all of it."""
        for scope in resource.scope_metrics:
            about = _scope_labels(scope.scope)
            for metric in scope.metrics:
                self._read_metric(metric, about)
        self._add_target_info()
        for key, samples in self._samples.items():
            times = sorted(samples)
            self._received.take(Write(dict(key), np.array(times, np.int64), np.array([samples[at] for at in times], np.float64)))

    def _read_metric(self, metric: Any, scope: Labels) -> None:
        kind = metric.WhichOneof("data")
        if kind not in _PARTS:
            points = len(metric.exponential_histogram.data_points) if kind == "exponential_histogram" else 1
            self._received.refuse("an exponential histogram" if kind else "a metric without data", points, {NAME: metric.name})
            return
        data = getattr(metric, kind)
        is_delta = False
        if kind in {"sum", "histogram"}:
            is_delta = data.aggregation_temporality == AGGREGATION_TEMPORALITY_DELTA
            if not is_delta and data.aggregation_temporality != AGGREGATION_TEMPORALITY_CUMULATIVE:
                self._received.refuse("neither cumulative nor delta", len(data.data_points), {NAME: metric.name})
                return
        is_counter = kind == "sum" and data.is_monotonic
        name = metric_name(metric.name, metric.unit, is_counter=is_counter, is_gauge=kind == "gauge")
        self._received.note(Family(name, "counter" if is_counter else "gauge" if kind == "sum" else kind, metric.description))
        for point in data.data_points:
            self._read_point(point, kind, name, scope, is_delta=is_delta)

    def _read_point(self, point: Any, kind: str, name: str, scope: Labels, *, is_delta: bool) -> None:
        at = point.time_unix_nano // _NS_A_MS
        if not at:
            self._received.refuse("no time", 1, {NAME: name})
            return
        own = labels_of(point.attributes) | scope
        own = {f"exported_{label}" if label in self._target or label == "session" else label: value for label, value in own.items()} | self._target
        try:
            parts = [(suffix, more, STALE) for suffix, more, _ in _PARTS[kind](point)] if point.flags & _NO_VALUE else list(_PARTS[kind](point))
        except ValueError as error:
            self._received.refuse(str(error), 1, {NAME: name})
            return
        for suffix, more, value in parts:
            self._add({NAME: name + suffix} | own | more, at, value, is_delta=is_delta and not point.flags & _NO_VALUE)

    def _add(self, labels: Labels, at: int, value: float, *, is_delta: bool) -> None:
        if is_delta:
            total = self._totals.add(labels | {"session": self._session}, at, value)
            if isinstance(total, str):
                self._received.refuse(total, 1, labels)
                return
            value = total
        self._samples.setdefault(tuple(labels.items()), {})[at] = value

    def _add_target_info(self) -> None:
        """What else is known of the resource, as one series beside the others."""
        if self._more and self._samples:
            newest = max(max(samples) for samples in self._samples.values())
            self._samples[tuple(({NAME: "target_info"} | self._more | self._target).items())] = {newest: 1.0}


def _target_labels(attributes: list[Any]) -> Labels:
    named = {attribute.key: attribute.value.string_value for attribute in attributes}
    service, namespace = named.get("service.name", ""), named.get("service.namespace", "")
    labels = {"job": f"{namespace}/{service}" if namespace and service else service, "instance": named.get("service.instance.id", "")}
    return {name: value for name, value in labels.items() if value}


def _scope_labels(scope: Any) -> Labels:
    labels = {"otel_scope_name": scope.name, "otel_scope_version": scope.version}
    return {name: value for name, value in labels.items() if value}


def _number_parts(point: Any) -> Iterator[Part]:
    kind = point.WhichOneof("value")
    yield "", {}, float(getattr(point, kind)) if kind else 0.0


def _histogram_parts(point: Any) -> Iterator[Part]:
    bounds, counts = list(point.explicit_bounds), list(point.bucket_counts)
    if counts and len(counts) != len(bounds) + 1:
        raise ValueError(f"{len(counts)} buckets for {len(bounds)} bounds")
    seen = 0
    for bound, count in zip(bounds, counts, strict=False):
        seen += count
        yield "_bucket", {"le": number(bound) if bound == int(bound) else repr(bound)}, float(seen)
    yield "_bucket", {"le": "+Inf"}, float(point.count)
    yield "_count", {}, float(point.count)
    if point.HasField("sum"):
        yield "_sum", {}, point.sum


def _summary_parts(point: Any) -> Iterator[Part]:
    for value in point.quantile_values:
        yield "", {"quantile": number(value.quantile)}, value.value
    yield "_count", {}, float(point.count)
    yield "_sum", {}, point.sum


_PARTS: Final = {"gauge": _number_parts, "sum": _number_parts, "histogram": _histogram_parts, "summary": _summary_parts}
