"""OpenTelemetry's metrics: read by the rules of the compatibility specification; what is written is read back as it was."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from rayscope.errors import PayloadError
from rayscope.model.metrics import Family, Write
from rayscope.wire.otlp import write as otlp
from rayscope.wire.otlp.delta import Totals
from rayscope.wire.otlp.names import label_name, metric_name
from rayscope.wire.otlp.read import parse, read
from rayscope.wire.received import STALE, Received

NS = 1_000_000
T = 1_700_000_000_000


def attributes(**named: str) -> list[KeyValue]:
    """Attributes of text; `__` in a name stands for a dot."""
    return [KeyValue(key=name.replace("__", "."), value=AnyValue(string_value=value)) for name, value in named.items()]


def message(*metrics: dict[str, Any], **resource: str) -> ExportMetricsServiceRequest:
    """A request with metrics in protobuf's JSON, of one resource."""
    request = ExportMetricsServiceRequest()
    one = request.resource_metrics.add()
    one.resource.attributes.extend(attributes(**resource))
    scope = one.scope_metrics.add()
    for metric in metrics:
        json_format.ParseDict(metric, scope.metrics.add())
    return request


def taken(request: ExportMetricsServiceRequest, totals: Totals | None = None, session: str = "external") -> dict[str, Received]:
    """What is read of it, through the wire's bytes."""
    return read(parse(request.SerializeToString(), is_json=False), session, totals or Totals())


def series(received: Received) -> dict[tuple[tuple[str, str], ...], list[tuple[int, float]]]:
    """Samples by labels."""
    return {tuple(sorted(one.labels.items())): list(zip(one.times.tolist(), one.values.tolist(), strict=True)) for one in received.writes}


def labels(name: str, **more: str) -> tuple[tuple[str, str], ...]:
    """A series's labels as `series` has them."""
    return tuple(sorted({"__name__": name, **more}.items()))


def point(value: float | None = None, at_ms: int = T, **more: Any) -> dict[str, Any]:
    """A data point."""
    return {"timeUnixNano": str(at_ms * NS), **({} if value is None else {"asDouble": value}), **more}


@pytest.mark.parametrize(
    ("name", "unit", "kind", "wanted"),
    [
        ("http.server.duration", "s", "", "http_server_duration_seconds"),
        ("http.server.duration", "ms", "", "http_server_duration_milliseconds"),
        ("requests", "{request}", "counter", "requests_total"),
        ("requests_total", "1", "counter", "requests_total"),
        ("disk.io", "By", "counter", "disk_io_bytes_total"),
        ("disk_bytes", "By", "", "disk_bytes"),
        ("net.rate", "By/s", "", "net_rate_bytes_per_second"),
        ("cache.hits", "1", "gauge", "cache_hits_ratio"),
        ("2nd", "", "", "_2nd"),
        ("größe", "", "", "gr_e"),
    ],
)
def test_names_follow_the_specification(name: str, unit: str, kind: str, wanted: str) -> None:
    """Units become words, counters end with `_total`, nothing twice."""
    assert metric_name(name, unit, is_counter=kind == "counter", is_gauge=kind == "gauge") == wanted


def test_label_names_follow_the_specification() -> None:
    """Dots and digits."""
    assert [label_name(name) for name in ("http.method", "1st", "_x", "__x", "ok")] == ["http_method", "key_1st", "key__x", "__x", "ok"]


def test_the_resource_says_job_instance_and_session() -> None:
    """And what else is known of it is `target_info`."""
    request = message(
        {"name": "load", "gauge": {"dataPoints": [point(0.5, attributes=[{"key": "job", "value": {"stringValue": "own"}}])]}},
        service__name="api", service__namespace="shop", service__instance__id="a:1", ray__session="session_x", cloud__region="eu",
    )  # fmt: skip
    received = taken(request)
    assert list(received) == ["session_x"]
    assert series(received["session_x"]) == {
        labels("load", job="shop/api", instance="a:1", exported_job="own"): [(T, 0.5)],
        labels("target_info", job="shop/api", instance="a:1", cloud_region="eu"): [(T, 1.0)],
    }


def test_a_histogram_becomes_buckets_sum_and_count() -> None:
    """Cumulative, as Prometheus counts."""
    data = {"timeUnixNano": str(T * NS), "count": "6", "sum": 9.5, "bucketCounts": ["1", "2", "3"], "explicitBounds": [0.5, 1]}
    found = series(taken(message({"name": "wait", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [data]}}))["external"])
    assert found == {
        labels("wait_seconds_bucket", le="0.5"): [(T, 1.0)],
        labels("wait_seconds_bucket", le="1"): [(T, 3.0)],
        labels("wait_seconds_bucket", le="+Inf"): [(T, 6.0)],
        labels("wait_seconds_count"): [(T, 6.0)],
        labels("wait_seconds_sum"): [(T, 9.5)],
    }


def test_deltas_become_totals_once_they_are_stored() -> None:
    """A body that is refused and comes again counts once; one that comes twice, too."""
    totals = Totals()
    body = [message({"name": "n", "sum": {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": [point(2.0, at)]}}) for at in (T, T + 5)]
    taken(body[0], totals)
    totals.forget()
    assert series(taken(body[0], totals)["external"]) == {labels("n_total"): [(T, 2.0)]}
    totals.commit()
    again = taken(body[0], totals)["external"]
    assert (again.writes, again.refused) == ([], {"an old delta": 1})
    assert series(taken(body[1], totals)["external"]) == {labels("n_total"): [(T + 5, 4.0)]}


def test_deltas_of_too_many_series_are_refused() -> None:
    """With the reason."""
    metrics = [{"name": f"n{n}", "sum": {"aggregationTemporality": 1, "dataPoints": [point(1.0)]}} for n in range(3)]
    received = taken(message(*metrics), Totals(2))["external"]
    assert len(received.writes) == 2
    assert received.refused == {"over 2 delta series": 1}


def test_what_cannot_be_kept_is_refused_and_counted() -> None:
    """Each by its reason; good points beside it are kept."""
    received = taken(
        message(
            {"name": "good", "gauge": {"dataPoints": [point(1.0), point(2.0, 0)]}},
            {"name": "exp", "exponentialHistogram": {"dataPoints": [{"timeUnixNano": "5"}] * 2}},
            {"name": "unsaid", "sum": {"dataPoints": [point(1.0)]}},
            {"name": "empty"},
            {"name": "odd", "histogram": {"aggregationTemporality": 2, "dataPoints": [point(bucketCounts=["1"], explicitBounds=[1, 2])]}},
        )
    )["external"]
    assert [one.labels["__name__"] for one in received.writes] == ["good"]
    assert received.refused == {
        "no time": 1,
        "an exponential histogram": 2,
        "neither cumulative nor delta": 1,
        "a metric without data": 1,
        "1 buckets for 2 bounds": 1,
    }


def test_json_is_as_good() -> None:
    """With 64-bit numbers as text, names in camel case, and fields that nobody knows."""
    body = {
        "resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "g", "new": 1, "gauge": {"dataPoints": [{"timeUnixNano": str(T * NS), "asInt": "7"}]}}]}]}]
    }
    assert series(read(parse(json.dumps(body).encode(), is_json=True), "s", Totals())["s"]) == {labels("g"): [(T, 7.0)]}


@pytest.mark.parametrize(("body", "is_json"), [(b"\xff\xff", False), (b"garbage", False), (b"{", True), (b'{"resourceMetrics": 5}', True), (b"\xff", True)])
def test_garbage_is_refused(body: bytes, is_json: bool) -> None:
    """In either encoding."""
    with pytest.raises(PayloadError):
        parse(body, is_json=is_json)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_or_refused(body: bytes, is_json: bool) -> None:
    """Nothing else comes out."""
    with suppress(PayloadError):
        read(parse(body, is_json=is_json), "s", Totals())


def written(writes: list[Write], families: dict[str, Family]) -> dict[str, Received]:
    """What a receiver reads of what is written."""
    return read(parse(otlp.Encoder(lambda _, name: families.get(name)).request(writes), is_json=False), "none", Totals())


def one(name: str, *samples: tuple[int, float], **more: str) -> Write:
    """A series with samples."""
    return Write({"__name__": name, **more}, np.array([at for at, _ in samples], np.int64), np.array([value for _, value in samples], np.float64))


def parts(name: str, count: float = 6.0, at: int = T) -> list[Write]:
    """The series of a histogram."""
    shape = [("_bucket", 1.0, {"le": "0.5"}), ("_bucket", 3.0, {"le": "1"}), ("_bucket", 6.0, {"le": "+Inf"}), ("_count", count, {}), ("_sum", 9.5, {})]
    return [one(name + suffix, (at, value), job="ray", instance="h:1", session="s1", node="n", **more) for suffix, value, more in shape]


def test_what_is_written_is_read_back() -> None:
    """Counters, gauges, histograms, summaries and stale markers, with all their labels."""
    families = {
        "c_total": Family("c_total", "counter", "Counts."),
        "g": Family("g", "gauge"),
        **{f"h_s{suffix}": Family("h_s", "histogram") for suffix in ("_bucket", "_count", "_sum")},
        **{f"q{suffix}": Family("q", "summary") for suffix in ("", "_count", "_sum")},
    }
    target = {"job": "ray", "instance": "h:1", "session": "s1", "node": "n"}
    quantiles = [one("q", (T, 0.25), quantile="0.5", **target), one("q_count", (T, 4.0), **target), one("q_sum", (T, 2.0), **target)]
    writes = [one("c_total", (T, 5.0), (T + 1, 6.0), **target), one("g", (T, STALE), **target), *parts("h_s"), *quantiles]
    received = written(writes, families)
    assert list(received) == ["s1"]
    expected = {tuple(sorted((k, v) for k, v in w.labels.items() if k != "session")): w for w in writes}
    found = {tuple(sorted((k, v) for k, v in w.labels.items() if k != "otel_scope_name")): w for w in received["s1"].writes}
    assert set(found) == set(expected)
    for key, wanted in expected.items():
        assert (found[key].times.tolist(), found[key].values.tobytes()) == (wanted.times.tolist(), wanted.values.tobytes())


def test_histograms_go_out_as_histograms() -> None:
    """And as plain sums where their parts do not fit together."""
    families = {f"h{suffix}": Family("h", "histogram") for suffix in ("_bucket", "_count", "_sum")}
    for writes, kinds in ((parts("h"), {"histogram"}), (parts("h", count=7.0), {"sum"}), (parts("h")[:2], {"sum"})):
        request = ExportMetricsServiceRequest.FromString(otlp.Encoder(lambda _, name: families.get(name)).request(writes))
        metrics = [metric for resource in request.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics]
        assert {metric.WhichOneof("data") for metric in metrics} == kinds
    histogram = ExportMetricsServiceRequest.FromString(otlp.Encoder(lambda _, name: families.get(name)).request(parts("h"))).resource_metrics[0]
    point = histogram.scope_metrics[0].metrics[0].histogram.data_points[0]
    assert (list(point.bucket_counts), list(point.explicit_bounds), point.count, point.sum) == ([1, 2, 3], [0.5, 1.0], 6, 9.5)
