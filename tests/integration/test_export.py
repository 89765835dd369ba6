"""Metrics in and out, with a real Prometheus on the other side: pages, federation, discovery, remote write both ways, OTLP."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cramjam
import numpy as np
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest, ExportMetricsServiceResponse
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from rayscope.export.cursor import CursorFile
from rayscope.export.protocol import Otlp
from rayscope.export.sender import Sender
from rayscope.model.export import Destination
from rayscope.model.metrics import Family, Matcher, Write
from rayscope.store.limits import MAX_BODY_BYTES
from rayscope.wire.received import STALE
from rayscope.wire.remote_write import HEADERS, Encoder
from support.commands import Commands, ask, until
from support.events import body as events_body
from support.events import task_definition
from support.metrics import NODE, AgentBodies, MemoryMetrics, MetricRecording, key
from support.prometheus import HINT, Prometheus, free_port, now_ms

WAIT_S = 120.0
Labels = dict[str, str]


class Server:
    """A server of this module, on a port that it keeps when it is killed and started again."""

    def __init__(self, data: Path) -> None:
        self.commands, self.port = Commands(data), free_port()

    def start(self, *arguments: str, **environment: str) -> None:
        done = self.commands("server", "start", "--port", str(self.port), *arguments, **environment)
        assert done.returncode == 0, done.stderr

    def kill(self) -> None:
        """SIGKILL, and gone."""
        pid = json.loads((self.commands.data / "server.json").read_text())["pid"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: not _lives(pid), "it is gone")

    def stop(self) -> None:
        self.commands("server", "stop")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ship(self, body: bytes) -> None:
        """An agent's body, acknowledged: sent until it is."""
        token = (self.commands.data / "ingest-token").read_text().strip()

        def is_taken() -> bool:
            try:
                return ask(f"{self.url}/ingest/{token}/agent/metrics", body)[0] == 200
            except (OSError, http.client.HTTPException):
                return False

        until(is_taken, "a body of an agent is taken", WAIT_S)

    def page(self, path: str, **headers: str) -> tuple[int, str, bytes]:
        """A status, the type and the body of an answer."""
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{self.url}{path}", headers=headers), timeout=30) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Content-Type"], error.read()

    def post(self, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
        return ask(f"{self.url}{path}", body, {name.replace("_", "-"): value for name, value in headers.items()})

    def federated(self, session: str, selector: str = '{__name__=~".+"}') -> dict[tuple[str, tuple[tuple[str, str], ...]], tuple[int, float]]:
        """The newest samples by name and labels, as a parser reads the page."""
        status, _, body = self.page(f"/federate/{session}?{urllib.parse.urlencode({'match[]': selector})}")
        assert status == 200, body
        families = parser.text_string_to_metric_families(body.decode())
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): (round(float(sample.timestamp or 0) * 1000), sample.value)
            for family in families
            for sample in family.samples
        }


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One without destinations, for all that only ask or send."""
    server = Server(tmp_path_factory.mktemp("data"))
    server.start()
    yield server
    server.stop()


def write(name: str, *samples: tuple[int, float], **labels: str) -> Write:
    """A series with samples."""
    return Write({"__name__": name, **labels}, np.array([at for at, _ in samples], np.int64), np.array([value for _, value in samples], np.float64))


def posted(server: Server, session: str, *writes: Write) -> tuple[int, Any]:
    """Samples by remote write."""
    return server.post(f"/prometheus/{session}/api/v1/write", Encoder().request(writes), **HEADERS)


# pages


def test_pages_are_in_the_format_that_is_asked_for(server: Server) -> None:
    """Prometheus's text, OpenMetrics, either in gzip; what is counted has been counted."""
    status, kind, body = server.page("/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    samples = {sample.name: sample.value for family in parser.text_string_to_metric_families(body.decode()) for sample in family.samples}
    assert samples["process_resident_memory_bytes"] > 10_000_000
    assert samples["rayscope_build_info"] == 1
    assert samples["rayscope_database_bytes"] > 0
    _, kind, body = server.page("/metrics", Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert body.endswith(b"# EOF\n")
    _, _, packed = server.page("/metrics", **{"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed).startswith(b"# HELP rayscope_build_info")
    assert shutil.which("promtool"), HINT
    checked = subprocess.run(["promtool", "check", "metrics"], input=server.page("/metrics")[2], capture_output=True, check=False)
    assert (checked.returncode, checked.stderr, checked.stdout) == (0, b"", b"")
    assert list(openmetrics_parser.text_string_to_metric_families(body.decode()))


def test_the_page_counts_what_came(server: Server) -> None:
    """Samples of agents and from outside, events; and every metric of the page is in the docs."""
    before = own(server)
    server.ship(AgentBodies("session_counted").body((now_ms(), {key("a"): 1.0, key("b"): 2.0})))
    assert posted(server, "session_counted_too", write("m", (now_ms(), 1.0)))[0] == 204
    assert ask(server.commands.ingest_url, events_body([task_definition(b"t" * 24, session="session_counted")]))[0] == 204
    after = own(server)
    grown = {name for name in after if name.endswith("_total") and after[name] > before.get(name, 0)}
    assert {"rayscope_metrics_samples_total", "rayscope_metrics_written_samples_total", "rayscope_ingest_events_total"} <= grown
    assert after["rayscope_metrics_samples_total"] - before["rayscope_metrics_samples_total"] == 2
    text = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
    names = {name.removesuffix(suffix) for name in after for suffix in ("_bucket", "_count", "_sum") if name.endswith(suffix)} | set(after)
    assert [name for name in sorted(names) if not name.endswith(("_bucket", "_count", "_sum")) and f"`{name}`" not in text] == []


def own(server: Server) -> dict[str, float]:
    """The samples of the server's own page, added up by name."""
    found: dict[str, float] = {}
    for family in parser.text_string_to_metric_families(server.page("/metrics")[2].decode()):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def test_federation_shows_the_newest_sample_of_what_is_there(server: Server) -> None:
    """By family, with times; not what has ended, nor what is older than five minutes."""
    session, at = "session_federated", now_ms() // 1000 * 1000
    agent = AgentBodies(session)
    families = [("ray_h", "histogram", "A histogram.", ""), ("ray_c_total", "counter", "", ""), ("ray_old", "gauge", "", "")]
    found = {key("ray_h_bucket", le="+Inf"): 3.0, key("ray_h_count"): 3.0, key("ray_h_sum"): 1.5, key("ray_c_total"): 7.0, key("ray_gone"): 1.0}
    server.ship(agent.body((at - 600_000, {key("ray_old"): 1.0}), families=families))
    server.ship(agent.body((at - 10_000, found)))
    server.ship(agent.body((at - 5_000, {name: value + 1 for name, value in list(found.items())[:-1]}), stale=[key("ray_gone")]))
    target = {"instance": "10.0.0.1:8080", "job": "ray", "node": NODE, "session": session}

    def at_target(**labels: str) -> tuple[tuple[str, str], ...]:
        return tuple(sorted((target | labels).items()))

    assert server.federated(session) == {
        ("ray_h_bucket", at_target(le="+Inf")): (at - 5_000, 4.0),
        ("ray_h_count", at_target()): (at - 5_000, 4.0),
        ("ray_h_sum", at_target()): (at - 5_000, 2.5),
        ("ray_c_total", at_target()): (at - 5_000, 8.0),
    }
    _, _, body = server.page(f"/prometheus/{session}/federate?match[]=ray_h_sum&match[]=ray_c_total")
    assert [line for line in body.decode().splitlines() if line.startswith("#")] == [
        "# TYPE ray_c_total counter", "# HELP ray_h A histogram.", "# TYPE ray_h histogram",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "status", "words"),
    [
        ("", 400, "no match[]"),
        ("match[]=up%5B5m%5D", 400, "expected type vector selector"),
        ("match[]=up%7B", 400, "parse error"),
        ("match[]=%7B%7D", 400, "parse error"),
    ],
)
def test_federation_says_what_is_wrong(server: Server, question: str, status: int, words: str) -> None:
    """No selector, none that is one."""
    found, _, body = server.page(f"/federate?{question}")
    assert found == status
    assert words in json.loads(body)["message"]
    assert server.page("/federate/no_such_session?match[]=up")[0] == 404


def test_prometheus_scrapes_the_server_its_series_and_what_it_discovers(server: Server, tmp_path: Path) -> None:
    """Its own page, `/federate` with honoured labels and the times of the samples; and it finds Ray's endpoints by HTTP."""
    session, at = "session_scraped", now_ms()
    server.ship(AgentBodies(session).body((at, {key("up"): 1.0, key("ray_tasks", State="RUNNING"): 5.0})))
    config = f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: rayscope-server
  static_configs: [{{targets: ['127.0.0.1:{server.port}']}}]
- job_name: rayscope
  honor_labels: true
  metrics_path: /federate
  params: {{'match[]': ['{{session="{session}"}}']}}
  static_configs: [{{targets: ['127.0.0.1:{server.port}']}}]
- job_name: ray
  scrape_interval: 1h
  http_sd_configs: [{{url: '{server.url}/prometheus/sd?session={session}', refresh_interval: 1s}}]
"""
    prometheus = Prometheus(tmp_path / "prometheus", config).start()
    try:
        own = '{job="rayscope-server",__name__=~"rayscope_build_info|process_open_fds"}'
        until(lambda: len(prometheus.instant(own)) == 2, "our own page is scraped", WAIT_S)
        until(lambda: prometheus.instant('ray_tasks{job="ray"}') != [], "the series are federated", WAIT_S)
        ((labels, samples),) = prometheus.raw("ray_tasks").items()
        assert dict(labels) == {
            "__name__": "ray_tasks", "State": "RUNNING", "instance": "10.0.0.1:8080", "job": "ray", "node": NODE, "session": session,
        }  # fmt: skip
        assert samples == [(at, 5.0)]
        until(lambda: discovered(prometheus) != [], "Ray's endpoints are discovered", WAIT_S)
        assert discovered(prometheus) == [{"instance": "10.0.0.1:8080", "job": "ray", "node": NODE, "session": session}]
        assert [row for row in prometheus.instant("up") if row["metric"]["job"].startswith("rayscope") and row["value"][1] != "1"] == []
    finally:
        prometheus.stop()


def discovered(prometheus: Prometheus) -> list[Labels]:
    """The targets of the job `ray`."""
    targets = prometheus.ask("targets", state="active")["activeTargets"]
    return [target["labels"] for target in targets if target["scrapePool"] == "ray"]


def test_discovery_forgets_what_has_ended(server: Server) -> None:
    """A target whose `up` ended is no target."""
    session, at = "session_discovered", now_ms()
    agent = AgentBodies(session)
    server.ship(agent.body((at - 2000, {key("up"): 1.0}), instance="10.0.0.7:1"))
    server.ship(agent.body((at - 2000, {key("up"): 0.0}), instance="10.0.0.7:2"))
    expected = {"targets": ["10.0.0.7:1", "10.0.0.7:2"], "labels": {"job": "ray", "session": session, "node": NODE}}
    assert ask(f"{server.url}/prometheus/sd?session={session}") == (200, [expected])
    server.ship(agent.body((at - 1000, {}), instance="10.0.0.7:1", stale=[key("up")]))
    assert ask(f"{server.url}/prometheus/sd?session={session}") == (200, [expected | {"targets": ["10.0.0.7:2"]}])


# remote write in


def test_good_samples_are_kept_and_bad_ones_named(server: Server) -> None:
    """400 with the reasons and the first of them; what was good is there all the same; the newest sent again is no fault."""
    at = now_ms()
    good, odd = write("good", (at - 1000, 1.0), (at, float("nan")), site="a"), write("odd", (at, 1.0), big="x" * 5000)
    status, problem = posted(server, "session_mixed", odd, good, write("bad-name", (at, 1.0)), write("late", (at, 1.0), (at - 5, 2.0)))
    assert (status, problem["error"]) == (400, "PayloadError")
    for words in ("3 samples were refused", "1 for a bad metric name", "1 for out of order", "the first: ", "odd"):
        assert words in problem["message"], problem
    found = server.federated("session_mixed")
    assert {name: at for (name, _), (at, _) in found.items()} == {"good": at, "late": at}
    assert posted(server, "session_mixed", write("good", (at, 5.0), site="a")) == (204, b"")
    assert posted(server, "session_mixed", write("good", (at + 1, STALE), site="a")) == (204, b"")
    assert {name for name, _ in server.federated("session_mixed")} == {"late"}
    assert posted(server, "session_mixed", write("ahead", (at + 3_600_000, 1.0)))[0] == 400


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"garbage", dict(HEADERS), 400, "snappy"),
        (bytes(cramjam.snappy.compress_raw(b"\xff\xff\xff")), dict(HEADERS), 400, "WriteRequest"),
        (b"{}", {"Content-Type": "application/json"}, 415, "application/json"),
        (Encoder().request([]), {"Content-Type": "", "Content-Encoding": "snappy"}, 415, "snappy"),
        (Encoder().request([]), {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}, 415, "gzip"),
        (b" " * (MAX_BODY_BYTES + 1), dict(HEADERS), 413, "over the limit"),
        (bytes(cramjam.snappy.compress_raw(bytes(MAX_BODY_BYTES + 1))), dict(HEADERS), 413, "when unpacked"),
    ],
    ids=["garbage", "no protobuf", "JSON", "no type", "gzip", "too large", "a bomb"],
)
def test_bodies_that_cannot_be_read_are_refused(server: Server, body: bytes, headers: Labels, status: int, words: str) -> None:
    """With what is wrong; an empty body in snappy is fine."""
    found, problem = ask(f"{server.url}/api/v1/write", body, headers)
    assert found == status, problem
    assert words in problem["message"]


def test_samples_are_put_into_one_session_only(server: Server) -> None:
    """`all` and `latest` stand for others; without a name it is `external`."""
    assert posted(server, "all", write("m", (now_ms(), 1.0)))[0] == 400
    assert posted(server, "latest", write("m", (now_ms(), 1.0)))[0] == 400
    assert server.post("/api/v1/write", Encoder().request([write("of_nobody", (now_ms(), 1.0), session="external")]), **HEADERS) == (204, b"")
    assert [labels for (name, labels), _ in server.federated("external").items() if name == "of_nobody"] == [(("instance", ""), ("session", "external"))]


def test_what_prometheus_writes_is_kept_once_through_a_kill(tmp_path: Path) -> None:
    """The server is killed in the middle and started again: it has each sample that Prometheus has, once."""
    server = Server(tmp_path / "data")
    server.start()
    port = free_port()
    config = f"""
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
- job_name: self
  static_configs: [{{targets: ['127.0.0.1:{port}']}}]
  metric_relabel_configs: [{{source_labels: [__name__], regex: go_goroutines|go_memstats_alloc_bytes|prometheus_http_requests_total, action: keep}}]
remote_write:
- url: {server.url}/prometheus/from_prometheus/api/v1/write
  queue_config: {{batch_send_deadline: 100ms, max_backoff: 500ms}}
"""
    prometheus = Prometheus(tmp_path / "prometheus", config, port).start()
    try:
        until(lambda: written(server) > 50, "samples come in", WAIT_S)
        server.kill()
        server.start()
        until(lambda: written(server) > 50, "more come in", WAIT_S)
        last_ms = now_ms() - 1500
        until(lambda: newest(server) > last_ms + 1000, "all before that have come", WAIT_S)
        wanted = prometheus.raw('{job="self"}', last_ms)
    finally:
        prometheus.stop()
        server.stop()
    recording = MetricRecording(tmp_path / "data")
    try:
        found = recording.metrics.select("from_prometheus", [Matcher("job", "=", "self")], 0, last_ms, max_samples=10**7)
    finally:
        recording.close()
    assert joined(found) == wanted
    assert sum(map(len, wanted.values())) > 100


def written(server: Server) -> float:
    """How many samples the server has taken by remote write since it started."""
    return own(server).get("rayscope_metrics_written_samples_total", 0.0)


def newest(server: Server) -> int:
    """The time of the newest sample of the oldest series among those that go on: all before it has come."""
    found = server.federated("from_prometheus", '{__name__=~"go_goroutines|go_memstats_alloc_bytes"}')
    return min((at for at, _ in found.values()), default=0)


def joined(frames: list[Any]) -> dict[tuple[tuple[str, str], ...], list[tuple[int, float]]]:
    """Samples by labels but the session, in the order of their times, repeated ones too; without marks of an end, as Prometheus shows them."""
    found: dict[tuple[tuple[str, str], ...], list[tuple[int, float]]] = {}
    for frame in frames:
        for labels, values in zip(frame.labels, frame.values, strict=True):
            there = ~np.isnan(values)
            name = tuple(sorted((name, value) for name, value in labels.items() if name != "session"))
            found.setdefault(name, []).extend(zip(frame.times[there].tolist(), values[there].tolist(), strict=True))
    return {name: sorted(samples) for name, samples in found.items()}


# remote write out


def test_prometheus_has_everything_once_through_kills_of_both(tmp_path: Path) -> None:
    """The receiver is killed, and comes back; the server is killed, and comes back: no sample is missing, none is twice, ends are marked."""
    prometheus = Prometheus(tmp_path / "prometheus", "global: {}\n").start()
    server = Server(tmp_path / "data")
    server.start("--remote-write", f"{prometheus.url}/api/v1/write")
    agent, shipped = AgentBodies("session_sent"), []
    start_ms = now_ms() - 60_000

    def ship(count: int) -> None:
        for _ in range(count):
            at = start_ms + 100 * len(shipped)
            shipped.append(at)
            server.ship(agent.body((at, {key("ray_m", n=str(n)): float(at % 1000 + n) for n in range(20)})))

    try:
        ship(30)
        until(lambda: len(prometheus.raw("ray_m")) == 20, "the first samples arrive", WAIT_S)
        prometheus.kill()
        ship(30)
        until(lambda: exports(server)[0]["state"] == "waiting", "the server knows that nobody answers", WAIT_S)
        assert "waiting: Connection" in server.commands("server", "status").stdout
        server.kill()
        server.start()
        ship(30)
        prometheus.start()
        until(lambda: exports(server)[0]["samples"] > 0, "it goes on", WAIT_S)
        server.kill()
        server.start()
        ship(30)
        at = start_ms + 100 * len(shipped)
        server.ship(agent.body((at, {}), stale=[key("ray_m", n="7")]))
        wanted = {
            tuple(sorted({"__name__": "ray_m", "n": str(n), "instance": "10.0.0.1:8080", "job": "ray", "node": NODE, "session": "session_sent"}.items())): [
                (at, float(at % 1000 + n)) for at in shipped
            ]
            for n in range(20)
        }
        until(lambda: sum(map(len, prometheus.raw("ray_m").values())) >= 20 * len(shipped), "all samples arrive", WAIT_S)
        assert prometheus.raw("ray_m") == wanted
        until(lambda: len(prometheus.instant("ray_m", at + 50)) == 19, "the end of one is known", WAIT_S)
        until(lambda: exports(server)[0]["lag_s"] == 0.0, "nothing waits", WAIT_S)
        status = server.commands("server", "status").stdout
        assert f"sends to  {prometheus.url}/api/v1/write (remote-write)" in status
        assert all(len(line) <= 80 for line in status.splitlines() if not line.startswith("data"))
    finally:
        prometheus.stop()
        server.stop()


def exports(server: Server) -> list[dict[str, Any]]:
    """The states of the destinations."""
    return list(ask(f"{server.url}/api/v1/exports")[1]["exports"])


def test_destinations_are_kept_and_what_is_wrong_with_them_is_said(tmp_path: Path) -> None:
    """Given once they stay, readable by their owner only; `off` forgets them; a bad one is refused at the start."""
    server = Server(tmp_path / "data")
    done = server.commands("server", "start", "--remote-write", "prometheus:9090")
    assert (done.returncode, "not an address" in done.stderr, "hint: " in done.stderr) == (2, True, True)
    assert server.commands("server", "start", "--export-header", "X-A: b").returncode == 2
    away = f"http://user:secret@127.0.0.1:{free_port()}/api/v1/write"
    server.start("--remote-write", away, "--otlp-metrics", f"http://127.0.0.1:{free_port()}/v1/metrics", "--export-header", "X-Scope-OrgID: one")
    try:
        kept = tmp_path / "data" / "export.json"
        assert kept.stat().st_mode & 0o777 == 0o600
        assert "secret" not in json.dumps(exports(server))
        server.stop()
        server.start()
        assert [state["kind"] for state in exports(server)] == ["remote-write", "otlp"]
        server.stop()
        server.start("--remote-write", "off")
        assert [state["kind"] for state in exports(server)] == ["otlp"]
    finally:
        server.stop()


def test_what_is_said_of_metrics_is_kept(server: Server) -> None:
    """Types and help texts come by remote write, also without samples, and by OTLP; federation and the catalogue tell them."""
    at = now_ms()
    body = Encoder().request([], [Family("spoken_total", "counter", "It was said."), Family("bad name", "gauge")])
    assert server.post("/prometheus/session_said/api/v1/write", body, **HEADERS) == (204, b"")
    assert posted(server, "session_said", write("spoken_total", (at, 1.0)))[0] == 204
    assert server.post("/v1/metrics", otlp("session_said", "level", 1.0, at).SerializeToString(), **{"Content-Type": "application/x-protobuf"})[0] == 200
    lines = server.page("/federate/session_said?match[]=%7B__name__%3D~%22.%2B%22%7D")[2].decode().splitlines()
    assert [line for line in lines if line.startswith("#")] == ["# TYPE level_seconds gauge", "# HELP spoken_total It was said.", "# TYPE spoken_total counter"]


# OTLP


def otlp(session: str, name: str, value: float, at: int, count: int = 1) -> ExportMetricsServiceRequest:
    """A request with a gauge, and as many points that have no time but the first."""
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.add(key="ray.session").value.string_value = session
    resource.resource.attributes.add(key="service.name").value.string_value = "api"
    gauge = resource.scope_metrics.add().metrics.add(name=name, unit="s").gauge
    for number in range(count):
        gauge.data_points.add(time_unix_nano=0 if number else at * 1_000_000, as_double=value)
    return request


def test_otlp_is_taken_in_all_its_dresses(server: Server) -> None:
    """Protobuf and JSON, plain and in gzip; what was refused is told in the partial success."""
    at = now_ms()
    bodies = [
        (otlp("session_otlp", "one", 1.0, at).SerializeToString(), {"Content-Type": "application/x-protobuf"}),
        (gzip.compress(otlp("session_otlp", "two", 2.0, at).SerializeToString()), {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}),
    ]
    for body, headers in bodies:
        status, answer = server.post("/v1/metrics", body, **headers)
        assert (status, answer) == (200, b"")
    point = {"timeUnixNano": str(at * 1_000_000), "asInt": "3"}
    text = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "three", "gauge": {"dataPoints": [point]}}]}]}]}).encode()
    assert server.post("/v1/metrics", text, **{"Content-Type": "application/json", "X-Rayscope-Session": "session_otlp"}) == (200, {})
    status, answer = server.post("/v1/metrics", otlp("session_otlp", "four", 4.0, at, 3).SerializeToString(), **{"Content-Type": "application/x-protobuf"})
    partial = ExportMetricsServiceResponse.FromString(answer).partial_success
    assert (status, partial.rejected_data_points, "2 for no time" in partial.error_message) == (200, 2, True)
    found = {(name, dict(labels).get("job")): value for (name, labels), (_, value) in server.federated("session_otlp").items()}
    assert found == {("one_seconds", "api"): 1.0, ("two_seconds", "api"): 2.0, ("three", None): 3.0, ("four_seconds", "api"): 4.0}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"\xff\xff", {"Content-Type": "application/x-protobuf"}, 400),
        (b"{", {"Content-Type": "application/json"}, 400),
        (b"x", {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}, 400),
        (gzip.compress(bytes(MAX_BODY_BYTES + 1)), {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}, 413),
        (b"x", {"Content-Type": "text/plain"}, 415),
        (b"{}", {"Content-Type": "application/json", "X-Rayscope-Session": "all"}, 400),
    ],
    ids=["no protobuf", "no JSON", "no gzip", "a bomb", "text", "all sessions"],
)
def test_otlp_that_cannot_be_read_is_refused(server: Server, body: bytes, headers: Labels, status: int) -> None:
    """With a status message, as OTLP's errors are."""
    found, answer = server.post("/v1/metrics", body, **headers)
    assert found == status
    assert answer["message"] if isinstance(answer, dict) else answer[4:].decode(errors="replace")


def test_otlp_goes_round(server: Server, tmp_path: Path) -> None:
    """What one store sends, another has: names, labels, times, ends."""
    at = now_ms() - 5_000
    metrics = MemoryMetrics()
    labels = {"__name__": "ray_m_total", "job": "ray", "instance": "h:1", "node": "n1", "Name": "f"}
    metrics.put(labels, [(at, 1.0), (at + 1000, 2.0)], session="session_round")
    metrics.put(labels | {"Name": "g"}, [(at, 1.0), (at + 1000, None)], session="session_round")
    destination = Destination(kind="otlp", url=f"{server.url}/v1/metrics")
    sender = Sender(destination, metrics.tail, CursorFile(tmp_path, "otlp", destination.url), Otlp(metrics.families))
    try:
        until(lambda: sender.state().samples == 4, "it is sent", WAIT_S)
    finally:
        sender.close()
        metrics.close()
    found = server.federated("session_round")
    expected = {name: value for name, value in labels.items() if name != "__name__"} | {"session": "session_round", "otel_scope_name": "rayscope"}
    assert found == {("ray_m_total", tuple(sorted(expected.items()))): (at + 1000, 2.0)}
