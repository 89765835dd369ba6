"""Prometheus's remote write 1.0: a WriteRequest in protobuf, in snappy's block format.

Source: prometheus.io/docs/specs/prw/remote_write_spec; the field numbers are those of prometheus/prompb. Writing is by hand, because the labels of a
series are the same each time and need encoding once; reading is the protobuf package's, which is sure to notice what is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import cramjam
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from rayscope.errors import PayloadError, PayloadTooLarge
from rayscope.model.metrics import Family, Labels, Write
from rayscope.wire.protobuf import bytes_field, double_field, text_field, varint_field
from rayscope.wire.received import Received

CONTENT_TYPE: Final = "application/x-protobuf"
HEADERS: Final = {"Content-Type": CONTENT_TYPE, "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}

_TYPES: Final = {"counter": 1, "gauge": 2, "histogram": 3, "summary": 5}
_TYPE_NAMES: Final = {number: name for name, number in _TYPES.items()}
_KNOWN_LABELS: Final = 100_000
_Field = descriptor_pb2.FieldDescriptorProto
_MESSAGES: Final[dict[str, list[tuple[str, int, Any, str]]]] = {
    "Label": [("name", 1, _Field.TYPE_STRING, ""), ("value", 2, _Field.TYPE_STRING, "")],
    "Sample": [("value", 1, _Field.TYPE_DOUBLE, ""), ("timestamp", 2, _Field.TYPE_INT64, "")],
    "Histogram": [("timestamp", 15, _Field.TYPE_INT64, "")],
    "TimeSeries": [
        ("labels", 1, _Field.TYPE_MESSAGE, "Label"),
        ("samples", 2, _Field.TYPE_MESSAGE, "Sample"),
        ("histograms", 4, _Field.TYPE_MESSAGE, "Histogram"),
    ],
    "MetricMetadata": [
        ("type", 1, _Field.TYPE_INT32, ""),
        ("metric_family_name", 2, _Field.TYPE_STRING, ""),
        ("help", 4, _Field.TYPE_STRING, ""),
        ("unit", 5, _Field.TYPE_STRING, ""),
    ],
    "WriteRequest": [("timeseries", 1, _Field.TYPE_MESSAGE, "TimeSeries"), ("metadata", 3, _Field.TYPE_MESSAGE, "MetricMetadata")],
}


class Encoder:
    """Writes requests. Remembers the encoded labels of the series that it has met."""

    def __init__(self) -> None:
        self._labels: dict[tuple[tuple[str, str], ...], bytes] = {}

    def request(self, writes: Iterable[Write], families: Iterable[Family] = ()) -> bytes:
        """The body of one POST; with what is known of metrics, as it should be told now and then."""
        parts = [bytes_field(1, self._encoded(write)) for write in writes]
        return bytes(cramjam.snappy.compress_raw(b"".join((*parts, *(bytes_field(3, _metadata(family)) for family in families)))))

    def _encoded(self, write: Write) -> bytes:
        samples = zip(write.times.tolist(), write.values.tolist(), strict=True)
        return self._labels_of(write.labels) + b"".join(bytes_field(2, double_field(1, value) + varint_field(2, at)) for at, value in samples)

    def _labels_of(self, labels: Labels) -> bytes:
        key = tuple(labels.items())
        known = self._labels.get(key)
        if known is None:
            if len(self._labels) >= _KNOWN_LABELS:
                self._labels.clear()
            known = self._labels[key] = b"".join(bytes_field(1, text_field(1, name) + text_field(2, value)) for name, value in sorted(key) if value)
        return known


def _metadata(family: Family) -> bytes:
    return varint_field(1, _TYPES.get(family.type, 0)) + text_field(2, family.name) + text_field(4, family.help) + text_field(5, family.unit)


def decode(body: bytes, max_bytes: int) -> Received:
    """The series of a request, in its order. Raises PayloadError, and PayloadTooLarge for one of more than ``max_bytes`` when unpacked."""
    request = _WriteRequest()
    try:
        request.ParseFromString(_unpacked(body, max_bytes))
    except (DecodeError, UnicodeDecodeError) as error:
        raise PayloadError(f"the body is no WriteRequest in protobuf: {error}", hint="the route takes remote write 1.0") from error
    received = Received()
    for series in request.timeseries:
        _take(received, series)
    for metadata in request.metadata:
        received.note(Family(metadata.metric_family_name, _TYPE_NAMES.get(metadata.type, "unknown"), metadata.help, metadata.unit))
    return received


def _unpacked(body: bytes, max_bytes: int) -> bytes:
    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > max_bytes:
            raise PayloadTooLarge(f"the body is {size:,} bytes when unpacked, over the limit of {max_bytes:,}", hint="lower max_samples_per_send")
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise PayloadError(f"the body is not compressed with snappy's block format: {error}", hint="remote write 1.0 always is") from error


def _take(received: Received, series: Any) -> None:
    labels = {label.name: label.value for label in series.labels}
    if len(labels) < len(series.labels):
        received.refuse("a label twice", len(series.samples), labels)
        return
    if series.histograms:
        received.refuse("a native histogram", len(series.histograms), labels)
    if series.samples:
        times = np.array([sample.timestamp for sample in series.samples], np.int64)
        received.take(Write(labels, times, np.array([sample.value for sample in series.samples], np.float64)))


def _write_request() -> Any:
    """The message class, made here: Prometheus's own definitions are in no package."""
    file = descriptor_pb2.FileDescriptorProto(name="rayscope/remote_write.proto", package="rayscope.prometheus", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, of in fields:
            added = message.field.add(name=field, number=number, type=kind, label=_Field.LABEL_REPEATED if of else _Field.LABEL_OPTIONAL)
            if of:
                added.type_name = f".rayscope.prometheus.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("rayscope.prometheus.WriteRequest"))


_WriteRequest: Final = _write_request()
