"""A real Prometheus to measure beside: Debian's package, in a folder of its own, fed by remote write."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import cramjam
import msgspec
import numpy as np
from numpy.typing import NDArray

_SAMPLE_BYTES: Final = 18
_START_S: Final = 60.0
_OK: Final = range(200, 300)


class Prometheus:
    """One that runs. Times are ms."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self.process = process

    def write(self, labels: Sequence[Mapping[str, str]], times: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Samples of series (rows) at times (columns). Raises RuntimeError where it does not take them."""
        body = b"".join(_series(each, times, values[row]) for row, each in enumerate(labels))
        headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0"}
        self._connection.request("POST", "/api/v1/write", bytes(cramjam.snappy.compress_raw(body)), headers)
        self._read()

    def get(self, path: str, **query: Any) -> Any:
        """The `data` of an answer."""
        self._connection.request("GET", f"/api/v1/{path}?{urlencode(query)}")
        return msgspec.json.decode(self._read())["data"]

    def _read(self) -> bytes:
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status not in _OK:
            raise RuntimeError(f"prometheus: {answer.status} {body[:300]!r}")
        return body


@contextmanager
def running_prometheus(*options: str) -> Iterator[Prometheus]:
    """Start one, and stop it. Raises FileNotFoundError with a hint where there is none."""
    if shutil.which("prometheus") is None:
        raise FileNotFoundError("no prometheus. hint: apt-get install prometheus")
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        listener.close()
        config = Path(folder) / "prometheus.yml"
        config.write_text("global: {}\n")
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"]
        more = ["--web.enable-remote-write-receiver", "--query.max-samples=500000000", "--log.level=error", *options]
        process = subprocess.Popen([*command, *more])
        try:
            _wait_until_ready(port)
            yield Prometheus(port, process)
        finally:
            process.terminate()
            process.wait(_START_S)


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/-/ready")
            if connection.getresponse().status in _OK:
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _series(labels: Mapping[str, str], times: NDArray[np.int64], values: NDArray[np.float64]) -> bytes:
    """A TimeSeries of remote write's protobuf, as a field of the request."""
    named = b"".join(_field(0x0A, _field(0x0A, name.encode()) + _field(0x12, value.encode())) for name, value in sorted(labels.items()))
    return _field(0x0A, named + _samples(times, values))


def _samples(times: NDArray[np.int64], values: NDArray[np.float64]) -> bytes:
    """All samples have the same length: a double, and a time of 42 bits."""
    rows = np.empty((len(times), _SAMPLE_BYTES), np.uint8)
    rows[:, 0:3] = (0x12, _SAMPLE_BYTES - 2, 0x09)
    rows[:, 3:11] = values.astype("<f8").view(np.uint8).reshape(-1, 8)
    rows[:, 11] = 0x10
    for place in range(6):
        rows[:, 12 + place] = (times >> (7 * place)) & 0x7F | (0x80 if place < 5 else 0)
    return rows.tobytes()


def _field(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
