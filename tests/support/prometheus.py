"""A real Prometheus, Debian's, over a folder of the test's own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from support.commands import until

WAIT_S = 120.0
HINT = "prometheus is missing; hint: apt-get install prometheus"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Prometheus:
    """Starts one with a configuration. `kill` it as a power cut would, `start` it again over what it has."""

    def __init__(self, folder: Path, config: str, port: int | None = None) -> None:
        assert shutil.which("prometheus"), HINT
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "prometheus.yml").write_text(config)

    def start(self) -> Prometheus:
        """Start, and wait until it answers."""
        command = ["prometheus", f"--config.file={self._folder}/prometheus.yml", f"--storage.tsdb.path={self._folder}/data"]
        command += [f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-remote-write-receiver", "--log.level=warn"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._is_ready, f"Prometheus is ready: {self.log}", WAIT_S)
        return self

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(WAIT_S)

    @property
    def log(self) -> str:
        """What it has said."""
        return (self._folder / "log").read_text()

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer of its API."""
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as answer:
            return json.loads(answer.read())["data"]

    def instant(self, query: str, at_ms: int | None = None) -> list[dict[str, Any]]:
        """The series of an instant query."""
        found: list[dict[str, Any]] = self.ask("query", query=query, **({} if at_ms is None else {"time": f"{at_ms / 1000:.3f}"}))["result"]
        return found

    def raw(self, selector: str, until_ms: int | None = None) -> dict[tuple[tuple[str, str], ...], list[tuple[int, float]]]:
        """All samples of the last hour, as they are stored, by labels."""
        found = self.instant(f"{selector}[1h]", until_ms)
        return {tuple(sorted(series["metric"].items())): [(round(float(at) * 1000), float(value)) for at, value in series["values"]] for series in found}

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False


def now_ms() -> int:
    """The time, as Prometheus has it."""
    return time.time_ns() // 1_000_000
