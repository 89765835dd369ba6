"""Series as an ExportMetricsServiceRequest in protobuf, written by hand: the attributes of a series are the same each time. Field numbers: opentelemetry-proto.

A family that is a histogram or a summary goes out as one, where all its series of a time are there; else its series go as plain sums.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from rayscope.model.metrics import NAME, Family, Labels, Write
from rayscope.wire.otlp.gather import Gathered, gather
from rayscope.wire.protobuf import bytes_field, double_field, fixed64_field, text_field, varint_field

CONTENT_TYPE: Final = "application/x-protobuf"

_SCOPE: Final = bytes_field(1, text_field(1, "rayscope"))
_CUMULATIVE: Final = 2
_NS_A_MS: Final = 1_000_000
_STALE_BITS: Final = 0x7FF0000000000002
_NO_VALUE: Final = 1
_RESOURCE: Final = {"job": "service.name", "instance": "service.instance.id", "session": "ray.session"}
_KNOWN: Final = 100_000
_POINT_ATTRIBUTES, _HISTOGRAM_ATTRIBUTES = 7, 9  # NumberDataPoint and SummaryDataPoint; HistogramDataPoint
_GAUGE, _SUM, _HISTOGRAM, _SUMMARY = 5, 7, 9, 11  # Metric.data

FamilyOf = Callable[[str, str], Family | None]
"""The family of a metric's name in a session; None where none is known."""


class Encoder:
    """Writes requests. Remembers the encoded attributes of the series that it has met."""

    def __init__(self, family_of: FamilyOf) -> None:
        self._family_of = family_of
        self._known: dict[tuple[int, tuple[tuple[str, str], ...]], bytes] = {}

    def request(self, writes: Iterable[Write]) -> bytes:
        """The body of one POST, not compressed."""
        by_resource: defaultdict[tuple[str, ...], list[Write]] = defaultdict(list)
        for write in writes:
            by_resource[tuple(write.labels.get(label, "") for label in _RESOURCE)].append(write)
        return b"".join(bytes_field(1, self._resource_metrics(key, group)) for key, group in by_resource.items())

    def _resource_metrics(self, key: tuple[str, ...], writes: Sequence[Write]) -> bytes:
        named = dict(zip(_RESOURCE, key, strict=True))
        attributes = b"".join(bytes_field(1, _attribute(_RESOURCE[label], value)) for label, value in named.items() if value)
        metrics = b"".join(bytes_field(2, metric) for metric in self._metrics(named["session"], writes))
        return bytes_field(1, attributes) + bytes_field(2, _SCOPE + metrics)

    def _metrics(self, session: str, writes: Sequence[Write]) -> Iterator[bytes]:
        by_family: dict[str, tuple[Family, list[Write]]] = {}
        for write in writes:
            name = write.labels.get(NAME, "")
            family = self._family_of(session, name) or Family(name)
            by_family.setdefault(family.name, (family, []))[1].append(write)
        for family, members in by_family.values():
            gathered, left = gather(family, members) if family.type in {"histogram", "summary"} else ([], members)
            if gathered:
                yield _metric(family, family.name, _HISTOGRAM if family.type == "histogram" else _SUMMARY, self._compound(family, gathered))
            yield from self._plain(family, left)

    def _plain(self, family: Family, writes: Iterable[Write]) -> Iterator[bytes]:
        by_name: defaultdict[str, list[Write]] = defaultdict(list)
        for write in writes:
            by_name[write.labels.get(NAME, "")].append(write)
        is_sum = family.type in {"counter", "histogram", "summary"}
        for name, members in by_name.items():
            points = b"".join(bytes_field(1, point) for write in members for point in self._points(write))
            if is_sum and not (family.type == "summary" and name == family.name):
                yield _metric(family, name, _SUM, points + varint_field(2, _CUMULATIVE) + varint_field(3, 1))
            else:
                yield _metric(family, name, _GAUGE, points)

    def _points(self, write: Write) -> Iterator[bytes]:
        attributes = self._attributes(_POINT_ATTRIBUTES, write.labels)
        stale = write.values.view(np.uint64) == _STALE_BITS
        for at, value, is_stale in zip(write.times.tolist(), write.values.tolist(), stale.tolist(), strict=True):
            content = varint_field(8, _NO_VALUE) if is_stale else double_field(4, value)
            yield fixed64_field(3, at * _NS_A_MS) + content + attributes

    def _compound(self, family: Family, gathered: Iterable[Gathered]) -> bytes:
        is_histogram = family.type == "histogram"
        number, make = (_HISTOGRAM_ATTRIBUTES, _histogram_point) if is_histogram else (_POINT_ATTRIBUTES, _summary_point)
        points = b"".join(bytes_field(1, self._attributes(number, one.labels) + make(one)) for one in gathered)
        return points + (varint_field(2, _CUMULATIVE) if is_histogram else b"")

    def _attributes(self, number: int, labels: Labels) -> bytes:
        """The labels of a point in its field of attributes, without those of its resource."""
        key = (number, tuple(labels.items()))
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            own = {label: value for label, value in labels.items() if value and label != NAME and label not in _RESOURCE}
            known = self._known[key] = b"".join(bytes_field(number, _attribute(label, value)) for label, value in own.items())
        return known


def _metric(family: Family, name: str, kind: int, data: bytes) -> bytes:
    """A metric. Its unit is left out: it is in its name already, and a receiver would add it again."""
    return text_field(1, name) + text_field(2, family.help) + bytes_field(kind, data)


def _histogram_point(one: Gathered) -> bytes:
    if one.is_stale:
        return fixed64_field(3, one.time_ms * _NS_A_MS) + varint_field(10, _NO_VALUE)
    counts = np.diff([value for _, value in one.parts], prepend=0.0).astype(np.int64)
    total = b"" if one.sum is None else double_field(5, one.sum)
    return (
        fixed64_field(3, one.time_ms * _NS_A_MS)
        + fixed64_field(4, int(one.count))
        + total
        + bytes_field(6, counts.astype("<u8").tobytes())
        + bytes_field(7, np.array([bound for bound, _ in one.parts[:-1]], "<f8").tobytes())
    )


def _summary_point(one: Gathered) -> bytes:
    if one.is_stale:
        return fixed64_field(3, one.time_ms * _NS_A_MS) + varint_field(8, _NO_VALUE)
    quantiles = b"".join(bytes_field(6, double_field(1, quantile) + double_field(2, value)) for quantile, value in one.parts)
    return fixed64_field(3, one.time_ms * _NS_A_MS) + fixed64_field(4, int(one.count)) + double_field(5, one.sum or 0.0) + quantiles


def _attribute(key: str, value: str) -> bytes:
    return text_field(1, key) + bytes_field(2, bytes_field(1, value.encode("utf-8", "replace")))
