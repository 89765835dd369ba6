"""Prometheus's HTTP API: shapes, errors, forms, who may ask; and the stock `promtool query` on it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayscope.ingest.metrics import decode_metrics
from rayscope.model.metrics import Write
from rayscope.query.metrics.frames import STALE
from rayscope.store import limits
from support.in_process import TOKEN, Server, serving
from support.metrics import NODE, AgentBodies, key
from support.promtool import promtool

SESSION = "session_2026-11-24_10-00-00_000001_1"
OTHER = "external"
START_MS = 1_795_521_600_000
API = f"/prometheus/{SESSION}/api/v1"
AT = START_MS / 1000 + 600


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With a counter of two nodes, a gauge that ends, a histogram; and one series of another session."""
    with serving(tmp_path_factory.mktemp("data")) as started:
        times = START_MS + np.arange(0, 660_000, 15_000)
        count = np.arange(len(times), dtype=np.float64)
        gone = np.where(count > 20, STALE, 7.5)[:22]
        writes = [
            Write({"__name__": "requests_total", "node": "a"}, times, count * 15),
            Write({"__name__": "requests_total", "node": "b"}, times, count * 30),
            Write({"__name__": "gone", "node": "a"}, times[:22], gone),
            *(Write({"__name__": "h_bucket", "le": bound}, times, count * share) for bound, share in (("1", 5), ("2", 8), ("+Inf", 10))),
        ]
        assert not started.services.metrics.append(SESSION, writes).samples
        assert not started.services.metrics.append(OTHER, [Write({"__name__": "requests_total", "node": "z"}, times, count)]).samples
        yield started


def data(answer: tuple[int, Any]) -> Any:
    status, body = answer
    assert status == 200, body
    assert body["status"] == "success"
    return body["data"]


def test_a_query_at_an_instant(server: Server) -> None:
    """A vector: labels, and a time with a value as text."""
    found = data(server.get(f"{API}/query", query="sum by (node) (rate(requests_total[1m]))", time=AT))
    assert found == {"resultType": "vector", "result": [{"metric": {"node": "a"}, "value": [AT, "1"]}, {"metric": {"node": "b"}, "value": [AT, "2"]}]}


def test_a_query_over_a_range(server: Server) -> None:
    """A matrix; a series that ended has no more values."""
    found = data(server.get(f"{API}/query_range", query="gone", start=START_MS / 1000, end=AT, step="150"))
    assert found["resultType"] == "matrix"
    assert found["result"] == [
        {"metric": {"__name__": "gone", "node": "a", "session": SESSION}, "values": [[START_MS // 1000 + 150 * i, "7.5"] for i in range(3)]}
    ]


@pytest.mark.parametrize(
    ("query", "kind", "result"),
    [
        ("1 / 0", "scalar", "+Inf"),
        ("-1 / 0", "scalar", "-Inf"),
        ("0 / 0", "scalar", "NaN"),
        ("1e21", "scalar", "1e+21"),
        ("1e20", "scalar", "100000000000000000000"),
        ("0.1 + 0.2", "scalar", "0.30000000000000004"),
        ("0.0000012", "scalar", "0.0000012"),
        ("1.5e-7", "scalar", "1.5e-07"),
        ('"text"', "string", "text"),
    ],
)
def test_numbers_are_written_as_go_writes_them(server: Server, query: str, kind: str, result: str) -> None:
    """Shortest, with Go's exponents and infinities."""
    assert data(server.get(f"{API}/query", query=query, time=5)) == {"resultType": kind, "result": [5, result]}


def test_the_samples_of_a_range(server: Server) -> None:
    """A range selector at an instant is a matrix of what was scraped."""
    found = data(server.get(f"{API}/query", query='requests_total{node="a"}[30s]', time=AT))
    assert found["resultType"] == "matrix"
    assert found["result"][0]["values"] == [[AT - 30, "570"], [AT - 15, "585"], [AT, "600"]]


def test_a_form_will_do(server: Server) -> None:
    """As Grafana posts it, with a date for a time."""
    found = data(server.post(f"{API}/query", query="sum(requests_total)", time="2026-11-24T12:10:00.000Z"))
    assert found["result"] == [{"metric": {}, "value": [AT, "1800"]}]
    found = data(server.post(f"{API}/query_range", query="sum(requests_total)", start=AT - 60, end=AT, step="1m"))
    assert len(found["result"][0]["values"]) == 2


def test_series_labels_and_values(server: Server) -> None:
    """With conditions, and with a limit that is told."""
    found = data(server.get(f"{API}/series", match=["requests_total", "gone"], start=START_MS / 1000, end=AT))
    assert found == [
        {"__name__": "gone", "node": "a", "session": SESSION},
        {"__name__": "requests_total", "node": "a", "session": SESSION},
        {"__name__": "requests_total", "node": "b", "session": SESSION},
    ]
    assert data(server.post(f"{API}/labels", match=["h_bucket"])) == ["__name__", "le", "session"]
    assert data(server.get(f"{API}/label/node/values")) == ["a", "b"]
    assert data(server.get(f"{API}/label/__name__/values")) == ["gone", "h_bucket", "requests_total"]
    assert data(server.get(f"{API}/label/nosuch/values")) == []
    status, body = server.get(f"{API}/series", match=["requests_total"], limit=1)
    assert (status, len(body["data"]), body["warnings"]) == (200, 1, ["results truncated due to limit"])


def test_a_session_or_all(server: Server) -> None:
    """One session's series are not another's; `all` has both."""
    counted = "count(requests_total)"
    for session, series in ((SESSION, "2"), (SESSION[:-3], "2"), (OTHER, "1"), ("all", "3")):
        found = data(server.get(f"/prometheus/{session}/api/v1/query", query=counted, time=AT))
        assert found["result"][0]["value"][1] == series, session
    status, body = server.get("/prometheus/nosuch/api/v1/query", query=counted)
    assert (status, body["errorType"]) == (404, "not_found")


def test_metadata(server: Server) -> None:
    """What the pages say of their metrics; of one, and of some."""
    families = [("m_total", "counter", "What was counted.", ""), ("n_bytes", "gauge", "How large.", "bytes")]
    body = AgentBodies("session_told", NODE).body((START_MS, {key("m_total"): 1.0, key("n_bytes"): 2.0}), families=families)
    server.services.metric_ingest.submit(body, decode_metrics(body)).result(30)
    told = {name: [{"type": kind, "help": words, "unit": unit}] for name, kind, words, unit in families}
    route = "/prometheus/session_told/api/v1/metadata"
    assert data(server.get(route)) == told
    assert data(server.get(route, metric="n_bytes")) == {"n_bytes": told["n_bytes"]}
    assert data(server.get(route, limit=1)) == {"m_total": told["m_total"]}
    assert data(server.get(route, metric="nosuch")) == {}


def test_what_there_is_not(server: Server) -> None:
    """What Grafana asks for at times is answered, with nothing."""
    assert data(server.get(f"{API}/rules")) == {"groups": []}
    assert data(server.get(f"{API}/alerts")) == {"alerts": []}
    assert data(server.post(f"{API}/query_exemplars", query="x", start=1, end=2)) == []
    assert data(server.get(f"{API}/status/buildinfo"))["version"] == "2.42.0"
    assert data(server.get(f"{API}/metadata")) == {}
    assert data(server.get(f"{API}/format_query", query="sum  by(a)(x)"))


@pytest.mark.parametrize(
    ("route", "parameters", "status", "kind", "words"),
    [
        ("query", {"query": "sum("}, 400, "bad_data", 'invalid parameter "query": parse error'),
        ("query", {"query": ""}, 400, "bad_data", "no expression found in input"),
        ("query", {"query": "up", "time": "soon"}, 400, "bad_data", 'invalid parameter "time": cannot parse "soon" to a valid timestamp'),
        ("query", {"query": "up", "timeout": "x"}, 400, "bad_data", 'invalid parameter "timeout": cannot parse "x" to a valid duration'),
        ("query", {"query": "requests_total * on () requests_total"}, 422, "execution", "many-to-many matching not allowed"),
        ("query", {"query": "x", "timeout": "0"}, 503, "timeout", "query timed out in expression evaluation"),
        ("query", {"query": "x @ -5"}, 400, "bad_data", "before 1970"),
        ("query", {"query": "-" * 10_000 + "x"}, 400, "bad_data", "operators and parentheses, more than 200"),
        ("query", {"query": "x" * 100_000}, 400, "bad_data", "characters, more than"),
        ("query", {"query": 'x{a="' + "y" * 1000 + '"'}, 400, "bad_data", "parse error"),
        ("query", {"query": "x", "time": "1e300"}, 400, "bad_data", "valid timestamp"),
        ("query_range", {"query": "x", "start": 0, "end": 10}, 400, "bad_data", 'invalid parameter "step": cannot parse "" to a valid duration'),
        ("query_range", {"query": "x", "start": 10, "end": 0, "step": 1}, 400, "bad_data", "end timestamp must not be before start time"),
        ("query_range", {"query": "x", "start": 0, "end": 10, "step": 0}, 400, "bad_data", "zero or negative query resolution step widths"),
        ("query_range", {"query": "x", "start": 0, "end": 11_001, "step": 1}, 400, "bad_data", "exceeded maximum resolution of 11,000 points"),
        ("query_range", {"query": "x[1m]", "start": 0, "end": 10, "step": 1}, 400, "bad_data", 'invalid expression type "range vector"'),
        ("series", {}, 400, "bad_data", "no match[] parameter provided"),
        ("series", {"match": ["sum(x)"]}, 400, "bad_data", 'invalid parameter "match[]"'),
        ("series", {"match": ["{}"]}, 400, "bad_data", "at least one non-empty matcher"),
        ("label/a-b/values", {}, 400, "bad_data", 'invalid label name: "a-b"'),
        ("query", {"query": "sum_over_time(vector(1)[10000d:1ms])"}, 422, "execution", "too many samples"),
    ],
)
def test_errors_have_prometheus_s_shape(server: Server, route: str, parameters: dict[str, Any], status: int, kind: str, words: str) -> None:
    """And its words, where they are a client's fault."""
    ask = server.post if len(str(parameters)) > 5000 else server.get  # the line of a GET has a limit of its own
    got, body = ask(f"{API}/{route}", **{"time": AT, **parameters} if "time" not in parameters else parameters)
    assert (got, body["status"], body["errorType"]) == (status, "error", kind), body
    assert words in body["error"]


def test_a_question_that_would_touch_everything_names_the_limit(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples in memory, and series in the answer."""
    monkeypatch.setattr("rayscope.query.promql.source.PROMQL_SAMPLES", 50)
    status, body = server.get(f"{API}/query_range", query="requests_total", start=START_MS / 1000, end=AT, step=15)
    assert (status, body["errorType"]) == (422, "execution")
    assert "too many samples" in body["error"]
    assert "50" in body["error"]
    monkeypatch.undo()
    monkeypatch.setattr("rayscope.query.promql.service.PROMQL_SERIES", 1)
    status, body = server.get(f"{API}/query", query="requests_total", time=AT)
    assert (status, body["errorType"]) == (422, "execution")
    assert "2 series, more than the limit of 1" in body["error"]
    assert limits.PROMQL_SERIES > 1


def test_warnings_are_told(server: Server) -> None:
    """Beside the answer."""
    status, body = server.get(f"{API}/query", query="histogram_quantile(2, h_bucket)", time=AT)
    assert status == 200
    assert body["data"]["result"][0]["value"][1] == "+Inf"
    assert body["warnings"] == ["PromQL warning: quantile value should be between 0 and 1"]


def test_off_loopback_the_token_is_asked_for(tmp_path: Path) -> None:
    """As of every route."""
    with serving(tmp_path / "data", loopback=False) as guarded:
        status, body = guarded.get("/prometheus/all/api/v1/query", query="1")
        assert (status, body["status"], body["errorType"]) == (401, "error", "unauthorized")
        assert data(guarded.get("/prometheus/all/api/v1/query", query="1", time=0, headers={"Authorization": f"Bearer {TOKEN}"}))["result"] == [0, "1"]


def asked(server: Server, *words: str) -> Any:
    """What `promtool query … -o json` prints."""
    verb, *rest = words
    done = subprocess.run([promtool(), "query", "-o", "json", verb, f"{server.url}/prometheus/{SESSION}", *rest], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_promtool_queries(server: Server) -> None:
    """Instant, range, series and labels: the stock client takes Rayscope for a Prometheus."""
    begin, end = (f"--start={START_MS // 1000}", f"--end={int(AT)}")
    assert asked(server, "instant", f"--time={int(AT)}", "sum(requests_total)") == [{"metric": {}, "value": [AT, "1800"]}]
    ranged = asked(server, "range", begin, end, "--step=5m", "sum(requests_total)")
    assert ranged == [{"metric": {}, "values": [[AT - 600, "0"], [AT - 300, "900"], [AT, "1800"]]}]
    assert len(asked(server, "series", "--match=requests_total", begin, end)) == 2
    assert asked(server, "labels", begin, end, "node") == ["a", "b"]


def test_promtool_shows_the_error(server: Server) -> None:
    """With its type and words."""
    done = subprocess.run([promtool(), "query", "instant", f"{server.url}/prometheus/{SESSION}", "sum("], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "bad_data" in done.stderr
    assert "parse error" in done.stderr
