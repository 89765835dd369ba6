"""A sender against a receiver that answers as it is told: retries, refusals, and what is durable of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from rayscope.errors import UsageError
from rayscope.export.batches import halves, sample_count, writes_of
from rayscope.export.cursor import CursorFile
from rayscope.export.post import check_url, shown_url
from rayscope.export.protocol import Otlp, RemoteWrite
from rayscope.export.sender import Sender
from rayscope.export.verdict import Again, Answer, Refused, Taken, verdict
from rayscope.model.export import Destination
from rayscope.model.metrics import Write
from rayscope.query.metrics.frames import ABSENT, STALE, Frame
from rayscope.store.limits import EXPORT_RETRY_AFTER_S
from rayscope.wire.remote_write import decode
from support.commands import until
from support.metrics import START_MS, MemoryMetrics

Sample = tuple[str, int, float]


class Receiver:
    """Takes bodies. ``answers``: what each POST is told, then 204; a function of the samples may refuse some."""

    def __init__(self, *answers: tuple[int, dict[str, str]], refuses: Callable[[Sample], bool] = lambda _: False, body: bytes = b"") -> None:
        self.answers, self.refuses, self.body = list(answers), refuses, body
        self.taken: list[Sample] = []
        self.posts: list[tuple[float, dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = receiver.take(dict(self.headers), content)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                said = receiver.body if status < 300 else b"as told\nsecond line"
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 http.server's
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/write"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, headers: dict[str, str], content: bytes) -> tuple[int, dict[str, str]]:
        self.posts.append((time.monotonic(), headers, content))
        if self.answers:
            return self.answers.pop(0)
        if headers["Content-Encoding"] != "snappy":
            return 200, {}
        samples = [
            (write.labels["__name__"], at, value)
            for write in decode(content, 1 << 20).writes
            for at, value in zip(write.times.tolist(), write.values.tolist(), strict=True)
        ]
        if any(self.refuses(sample) for sample in samples):
            return 400, {}
        self.taken += samples
        return 204, {}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receivers() -> Iterator[list[Receiver]]:
    """Receivers that are closed at the end."""
    made: list[Receiver] = []
    yield made
    for receiver in made:
        receiver.close()


@pytest.fixture
def metrics() -> Iterator[MemoryMetrics]:
    """An empty store in memory."""
    metrics = MemoryMetrics()
    yield metrics
    metrics.close()


def sender(metrics: MemoryMetrics, receiver: Receiver, folder: Path, **headers: str) -> Sender:
    """One that writes to the receiver."""
    destination = Destination(kind="remote-write", url=receiver.url, headers=headers)
    return Sender(destination, metrics.tail, CursorFile(folder, "remote-write", receiver.url), RemoteWrite(metrics.families))


def put(metrics: MemoryMetrics, name: str, *samples: tuple[int, float | None]) -> None:
    """Samples at so many ms after the start."""
    metrics.put({"__name__": name}, [(START_MS + at, value) for at, value in samples])


def sent(receiver: Receiver) -> list[Sample]:
    """What the receiver has, times after the start."""
    return sorted((name, at - START_MS, value) for name, at, value in receiver.taken)


def test_everything_arrives_once_and_a_restart_goes_on(metrics: MemoryMetrics, receivers: list[Receiver], tmp_path: Path) -> None:
    """What came before the first start, what comes later, and what came while it was away."""
    receivers.append(receiver := Receiver())
    put(metrics, "a", (0, 1.0), (5, 2.0))
    first = sender(metrics, receiver, tmp_path)
    until(lambda: len(receiver.taken) == 2, "the first arrive")
    put(metrics, "a", (10, 3.0))
    until(lambda: len(receiver.taken) == 3, "the next arrives")
    until(lambda: first.state().lag_s == 0.0, "it knows that it has all")
    first.close()
    put(metrics, "a", (15, 4.0))
    again = sender(metrics, receiver, tmp_path)
    until(lambda: len(receiver.taken) == 4, "the last arrives")
    again.close()
    assert sent(receiver) == [("a", 0, 1.0), ("a", 5, 2.0), ("a", 10, 3.0), ("a", 15, 4.0)]
    assert (again.state().state, again.state().samples, again.state().dropped) == ("ok", 1, {})


def test_it_asks_again_until_it_is_taken(metrics: MemoryMetrics, receivers: list[Receiver], tmp_path: Path) -> None:
    """After 500, and after a 429 not before its Retry-After; with the headers that it was given."""
    receivers.append(receiver := Receiver((500, {}), (429, {"Retry-After": "0.5"}), (503, {})))
    put(metrics, "a", (0, 1.0))
    one = sender(metrics, receiver, tmp_path, Authorization="Bearer t")
    until(lambda: sent(receiver) == [("a", 0, 1.0)], "it arrives")
    one.close()
    times = [at for at, _, _ in receiver.posts]
    assert len(times) == 4
    assert times[2] - times[1] >= 0.5
    assert one.state().retries == 3
    headers = receiver.posts[0][1]
    assert (headers["Authorization"], headers["X-Prometheus-Remote-Write-Version"], headers["Content-Type"]) == ("Bearer t", "0.1.0", "application/x-protobuf")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that stops gives up soon."""
    monkeypatch.setattr("rayscope.export.sender.EXPORT_CLOSING_S", 0.3)


@pytest.mark.usefixtures("hasty")
def test_a_receiver_that_is_away_is_waited_for(metrics: MemoryMetrics, receivers: list[Receiver], tmp_path: Path) -> None:
    """Its state says so, with the reason and how far behind it is; a stop does not wait for it for long."""
    receivers.append(receiver := Receiver())
    receiver.close()
    put(metrics, "a", (0, 1.0))
    one = sender(metrics, receiver, tmp_path)
    until(lambda: one.state().retries > 1, "it asks again")
    state = one.state()
    assert (state.state, state.samples) == ("waiting", 0)
    assert "Connection refused" in str(state.error)
    assert state.lag_s > 0
    begun = time.monotonic()
    one.close()
    assert time.monotonic() - begun < 20
    assert CursorFile(tmp_path, "remote-write", receiver.url).value == 0


def test_bad_samples_stop_no_good_ones(metrics: MemoryMetrics, receivers: list[Receiver], tmp_path: Path) -> None:
    """A body that is refused is sent in parts until what is bad stands alone; that is counted, and not sent again."""
    receivers.append(receiver := Receiver(refuses=lambda sample: sample[0] == "m3" and sample[1] == START_MS + 5))
    for name in range(8):
        put(metrics, f"m{name}", (0, 0.0), (5, 5.0), (10, 10.0))
    one = sender(metrics, receiver, tmp_path)
    until(lambda: one.state().samples == 23, "the good ones arrive")
    one.close()
    assert sent(receiver) == sorted((f"m{name}", at, float(at)) for name in range(8) for at in (0, 5, 10) if (name, at) != (3, 5))
    assert one.state().dropped == {"HTTP 400": 1}


def test_a_refusal_of_everything_is_not_asked_for_ever(metrics: MemoryMetrics, receivers: list[Receiver], tmp_path: Path) -> None:
    """401 is not divided; 400 only so often; both are counted and left."""
    receivers.append(receiver := Receiver((401, {}), refuses=lambda _: True))
    put(metrics, "a", (0, 1.0))
    one = sender(metrics, receiver, tmp_path)
    until(lambda: one.state().dropped == {"HTTP 401": 1}, "it is dropped")
    for name in range(500):
        put(metrics, f"m{name}", (0, 1.0))
    until(lambda: one.state().dropped.get("HTTP 400") == 500, "all are dropped")
    one.close()
    assert len(receiver.posts) < 400


def test_otlp_counts_what_a_partial_success_refuses(metrics: MemoryMetrics, receivers: list[Receiver], tmp_path: Path) -> None:
    """As OTLP's receivers tell it: with 200."""
    answer = ExportMetricsServiceResponse()
    answer.partial_success.rejected_data_points = 2
    answer.partial_success.error_message = "no room"
    receivers.append(receiver := Receiver(body=answer.SerializeToString()))
    put(metrics, "a", (0, 1.0), (5, 1.0), (10, 1.0))
    destination = Destination(kind="otlp", url=receiver.url)
    one = Sender(destination, metrics.tail, CursorFile(tmp_path, "otlp", receiver.url), Otlp(metrics.families))
    until(lambda: one.state().samples == 1, "it arrives")
    one.close()
    assert one.state().dropped == {"partial success": 2}
    assert receiver.posts[0][1]["Content-Encoding"] == "gzip"


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Answer(204), Taken()),
        (Answer(200, b"whatever"), Taken()),
        (Answer(500, b"boom\nmore"), Again("HTTP 500: boom")),
        (Answer(503, retry_after="7"), Again("HTTP 503", 7.0)),
        (Answer(429, retry_after="1e9"), Again("HTTP 429", EXPORT_RETRY_AFTER_S)),
        (Answer(429, retry_after="nonsense"), Again("HTTP 429")),
        (Answer(429, retry_after="nan"), Again("HTTP 429")),
        (Answer(429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"), Again("HTTP 429", 0.0)),
        (Answer(400, b"out of order sample\n"), Refused("HTTP 400", "out of order sample", True)),
        (Answer(413), Refused("HTTP 413", "", True)),
        (Answer(401, b"no\x1b[31m"), Refused("HTTP 401", "no.[31m", False)),
        (Answer(301, location="https://there/"), Again("HTTP 301: it is elsewhere: https://there/")),
    ],
)
def test_answers_mean_what_the_protocols_say(answer: Answer, meaning: Taken | Again | Refused) -> None:
    """5xx and 429 are asked again, any other refusal never."""
    assert verdict(answer) == meaning


@pytest.mark.parametrize(("status", "meaning"), [(500, Refused), (501, Refused), (502, Again), (503, Again), (504, Again), (429, Again), (404, Refused)])
def test_otlp_asks_again_where_its_specification_says_so(status: int, meaning: type) -> None:
    """A 500 is final there."""
    assert isinstance(verdict(Answer(status), Otlp.is_again), meaning)


@pytest.mark.usefixtures("hasty")
def test_a_receiver_that_hangs_does_not_hold_a_stop(metrics: MemoryMetrics, tmp_path: Path) -> None:
    """It takes the connection, and never answers: some seconds after the stop the sender is gone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        put(metrics, "a", (0, 1.0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        one = Sender(Destination(kind="remote-write", url=url), metrics.tail, CursorFile(tmp_path, "remote-write", url), RemoteWrite(metrics.families))
        accepted, _ = listener.accept()
        begun = time.monotonic()
        one.close()
        accepted.close()
    assert time.monotonic() - begun < 20


def test_frames_become_series_with_their_own_samples() -> None:
    """Without those that are absent; the mark of an end is one."""
    values = np.array([[1.0, ABSENT, STALE], [ABSENT, ABSENT, ABSENT], [4.0, 5.0, 6.0]])
    writes = writes_of([Frame([{"__name__": name} for name in "abc"], np.array([1, 2, 3]), values)])
    assert [(one.labels["__name__"], one.times.tolist()) for one in writes] == [("a", [1, 3]), ("c", [1, 2, 3])]
    assert writes[0].values.view(np.uint64)[1] == 0x7FF0000000000002


def test_halves_are_older_and_newer_then_by_series() -> None:
    """Until a single sample is left."""
    writes = [Write({"__name__": name}, np.array([1, 2]), np.array([1.0, 2.0])) for name in "ab"]
    older, newer = halves(writes) or ([], [])
    assert [one.times.tolist() for one in older] == [[1], [1]]
    assert [one.times.tolist() for one in newer] == [[2], [2]]
    first, second = halves(older) or ([], [])
    assert [one.labels["__name__"] for one in (*first, *second)] == ["a", "b"]
    assert halves(first) is None
    assert sample_count(writes) == 4


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://host/x", "http://", "http://host:port/x", "http://a b/x", "file:///etc/passwd"])
def test_what_is_no_address_is_refused(url: str) -> None:
    """With a hint."""
    with pytest.raises(UsageError, match="not an address"):
        check_url(url)


def test_cursors_are_kept_by_destination_and_without_passwords(tmp_path: Path) -> None:
    """Each has its own; one that cannot be read is said, not taken for a new one."""
    url = "http://user:secret@host/write?key=hidden"
    CursorFile(tmp_path, "remote-write", url).save(5)
    assert [
        CursorFile(tmp_path, "remote-write", url).value,
        CursorFile(tmp_path, "otlp", url).value,
        CursorFile(tmp_path, "remote-write", "http://b/").value,
    ] == [5, 0, 0]
    (kept,) = tmp_path.iterdir()
    assert "secret" not in kept.read_text()
    assert "hidden" not in kept.read_text()
    kept.write_text("{")
    with pytest.raises(UsageError, match="cannot read"):
        CursorFile(tmp_path, "remote-write", url)


def test_an_address_is_shown_without_secrets() -> None:
    """User, password and query."""
    assert shown_url("https://user:pass@host:1/api/v1/write?key=secret") == "https://host:1/api/v1/write"
