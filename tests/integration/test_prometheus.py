"""Rayscope's query_range beside a real Prometheus's, over HTTP and the same samples: every expression of Ray's Grafana dashboards, and a table of others."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from rayscope.model.metrics import NAME, Labels, Write
from rayscope.query.metrics.frames import STALE
from rayscope.wire.remote_write import HEADERS, Encoder
from support.grafana import expressions, samples_for, series_for
from support.in_process import Server, serving
from support.prometheus import Prometheus

SESSION = "session_2026-11-24_10-00-00_000001_1"
START_MS = 1_795_521_600_000
STEP_MS = 15_000
COUNT = 61
STEPS = (("30", 0), ("7.5", 3), ("60", 1))
"""Steps of the ranges, and by how many seconds they begin off the scrapes."""

OTHERS = [
    "requests_total",
    "rate(requests_total[1m])",
    "rate(requests_total[1m] @ end())",
    "sum_over_time(requests_total[1m] @ start()) + on (node, n) group_left () requests_total",
    "max_over_time(rate(requests_total[1m])[3m:20s])",
    "max_over_time(rate(requests_total[1m])[3m:20s] offset 30s)",
    "avg_over_time(requests_total[2m:] @ end())",
    "sum by (node) (rate(requests_total[1m]))",
    "sum(rate(requests_total[30s]))",
    "sum without (n) (increase(requests_total[2m] offset 1m))",
    "sum(requests_total)",
    "sum by (node) (requests_total) / count by (node) (requests_total)",
    "avg(rate(requests_total[1m]))",
    "topk(2, rate(requests_total[1m]))",
    "bottomk by (node) (1, requests_total)",
    "quantile(0.9, requests_total)",
    'count_values("v", requests_total > bool 100)',
    "requests_total and on (node) (gone > 0)",
    "gone or absent(gone)",
    "absent_over_time(gone[30s])",
    "timestamp(gone)",
    "timestamp(requests_total) - time()",
    "deriv(requests_total[2m])",
    "predict_linear(requests_total[2m], 600)",
    "holt_winters(requests_total[5m], 0.3, 0.1)",
    "resets(requests_total[5m])",
    "changes(gone[5m])",
    "irate(requests_total[5m])",
    "idelta(gone[5m])",
    "delta(gone[5m])",
    "stddev_over_time(requests_total[5m])",
    "quantile_over_time(0.3, requests_total[5m])",
    "sum_over_time(requests_total[12m])",
    "avg_over_time(h_bucket[12m])",
    "max_over_time(requests_total[12m])",
    "min_over_time(h_bucket[8m])",
    "present_over_time(gone[1m])",
    "last_over_time(gone[10m])",
    "histogram_quantile(0.9, sum by (le) (rate(h_bucket[2m])))",
    "histogram_quantile(0.5, h_bucket)",
    'label_replace(requests_total, "m", "$1-x", "node", "(.).*")',
    'label_join(requests_total, "m", ":", "node", "n")',
    "scalar(requests_total{node='a', n='0'}) * 2",
    "vector(time()) % 60",
    "hour() * 60 + minute() + day_of_week() + days_in_month()",
    "clamp(requests_total, 10, 500) ^ 0.5",
    "round(requests_total / 7, 0.25)",
    "-requests_total",
    "1 + 2",
    "requests_total @ start()",
    "requests_total offset -1m",
    "(requests_total > 100) * on (node, n) requests_total",
    "sort_desc(requests_total)",
    "stddev by (node) (requests_total)",
    "group by (n) (requests_total)",
    "rate(requests_total[10s])",
    "nothing",
    "sum(nothing) or vector(0)",
]


class Both:
    """The same samples in both."""

    def __init__(self, rayscope: Server, prometheus: Prometheus) -> None:
        self.rayscope = rayscope
        self.prometheus = prometheus

    def write(self, labels: list[Labels], values: np.ndarray) -> None:
        """To Rayscope and to Prometheus, with stale marks."""
        times = START_MS + np.arange(COUNT, dtype=np.int64) * STEP_MS
        writes = [Write({**each, "session": SESSION}, times, row) for each, row in zip(labels, values, strict=True)]
        assert not self.rayscope.services.metrics.append(SESSION, [Write(each, times, row) for each, row in zip(labels, values, strict=True)]).samples
        for begin in range(0, len(writes), 500):
            body = Encoder().request(writes[begin : begin + 500])
            with urllib.request.urlopen(urllib.request.Request(f"{self.prometheus.url}/api/v1/write", body, dict(HEADERS)), timeout=60) as answer:
                assert answer.status < 300

    def ask(self, query: str, step: str, off_s: int) -> tuple[Any, Any]:
        """The data of both, or the type of the error."""
        asked = {"query": query, "start": START_MS / 1000 + off_s, "end": START_MS / 1000 + COUNT * STEP_MS / 1000, "step": step}
        _, ours = self.rayscope.get(f"/prometheus/{SESSION}/api/v1/query_range", **asked)
        try:
            theirs = {"status": "success", "data": self.prometheus.ask("query_range", **{name: str(value) for name, value in asked.items()})}
        except urllib.error.HTTPError as error:
            theirs = json.load(error)
        return ours, theirs


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with serving(tmp_path_factory.mktemp("data")) as server:
        prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), "global: {}\n").start()
        found = Both(server, prometheus)
        labels: list[Labels] = [{NAME: "requests_total", "node": node, "n": n} for node in "ab" for n in "012"]
        values = samples_for(labels, COUNT)
        values[3, 40:] = STALE
        gone = np.where(np.arange(COUNT) > 30, STALE, 7.5)[None, :]
        gone[0, 45] = 3.0
        found.write(labels, values)
        found.write([{NAME: "gone", "node": "a"}], gone)
        buckets: list[Labels] = [{NAME: "h_bucket", "node": node, "le": le} for node in "ab" for le in ("0.1", "1", "10", "+Inf")]
        found.write(buckets, samples_for(buckets, COUNT))
        yield found
        prometheus.stop()


def points(answer: Any) -> dict[str, dict[float, float]]:
    """Values by time, by labels."""
    return {json.dumps(series["metric"], sort_keys=True): {at: float(value) for at, value in series["values"]} for series in answer["data"]["result"]}


def difference(ours: Any, theirs: Any) -> str | None:
    """What differs; None where nothing does."""
    if ours["status"] != theirs["status"]:
        return f"ours {str(ours)[:300]}\n    there {str(theirs)[:300]}"
    if ours["status"] == "error":
        return None if ours["errorType"] == theirs["errorType"] else f"ours {ours}\n    there {theirs}"
    mine, wanted = points(ours), points(theirs)
    if mine.keys() != wanted.keys():
        return f"series only ours: {sorted(mine.keys() - wanted.keys())[:5]}, only there: {sorted(wanted.keys() - mine.keys())[:5]}"
    for labels, values in wanted.items():
        if mine[labels].keys() != values.keys():
            return f"{labels}: steps {sorted(mine[labels].keys() ^ values.keys())[:5]}"
        off = [(at, mine[labels][at], value) for at, value in values.items() if not np.isclose(mine[labels][at], value, rtol=1e-9, atol=1e-12, equal_nan=True)]
        if off:
            return f"{labels}: (time, ours, there) {off[:3]}"
    return None


def differences(both: Both, asked: list[tuple[str, str, int]]) -> list[str]:
    return [f"{query} (step {step})\n    {text}" for query, step, off in asked if (text := difference(*both.ask(query, step, off))) is not None]


@pytest.mark.parametrize(("step", "off"), STEPS)
def test_a_table_of_expressions(both: Both, step: str, off: int) -> None:
    """Steps on the scrapes and off them."""
    found = differences(both, [(query, step, off) for query in OTHERS])
    assert not found, "\n".join(found)


def test_every_expression_of_rays_dashboards(both: Both, capsys: pytest.CaptureFixture[str]) -> None:
    """Over made-up series of every metric that they name, so that none is a question about nothing."""
    exprs = expressions()
    labels = series_for(exprs)
    both.write(labels, samples_for(labels, COUNT))
    found = differences(both, [(query, "30", 1) for query in exprs])
    answered = sum(bool(both.ask(query, "300", 0)[0].get("data", {}).get("result")) for query in exprs)
    with capsys.disabled():
        print(f"\n{len(exprs)} expressions of Ray's Grafana dashboards, {answered} with an answer, {len(found)} that differ from Prometheus's")
    assert len(exprs) > 300
    assert answered > 0.98 * len(exprs)
    assert not found, "\n".join(found)
