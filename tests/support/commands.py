"""The command line as a user has it: real processes, their output, in a pipe or in a terminal of 80 columns."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

RAYSCOPE = [sys.executable, "-m", "rayscope"]
WAIT_S = 120.0


class Commands:
    """Rayscope's commands over one data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def environment(self, **more: str) -> dict[str, str]:
        """Ours, with the data folder, and nothing of a Ray or a Rayscope around it."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("RAYSCOPE_", "RAY_"))}
        # Under `uv run pytest` Ray would build an environment anew for each worker; and a busy machine takes longer to start a Ray than Ray expects.
        rays = {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAY_raylet_start_wait_time_s": "150"}
        return ours | {"RAYSCOPE_DATA": str(self.data), "NO_COLOR": "1"} | rays | more

    def __call__(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one to its end."""
        return subprocess.run([*RAYSCOPE, *arguments], env=self.environment(**more), capture_output=True, text=True, timeout=WAIT_S, check=False)

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Start one; the caller ends it."""
        return subprocess.Popen(
            [*RAYSCOPE, *arguments], env=self.environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_hear_interrupts
        )

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """What a command prints with ``--format json``."""
        done = self(*arguments, "--format", "json")
        assert done.returncode == 0, done.stderr
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return rows

    def in_terminal(self, *arguments: str, columns: int = 80, answers: Mapping[str, str] | None = None, **more: str) -> str:
        """All that one shows in a terminal of that width, without its colours. ``answers``: what is typed when a text has been shown."""
        reader, writer = pty.openpty()
        termios.tcsetwinsize(writer, (40, columns))
        process = subprocess.Popen(
            [*RAYSCOPE, *arguments], env=self.environment(TERM="xterm", **more), stdin=writer, stdout=writer, stderr=writer, preexec_fn=_own_terminal
        )
        os.close(writer)
        shown, waiting = b"", dict(answers or {})
        while chunk := _read(reader):
            shown += chunk
            for text in [text for text in waiting if text.encode() in shown]:
                os.write(reader, waiting.pop(text).encode())
        os.close(reader)
        process.wait(WAIT_S)
        return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode().replace("\r\n", "\n"))

    @property
    def url(self) -> str:
        """The running server's address."""
        return str(json.loads((self.data / "server.json").read_text())["url"])

    @property
    def ingest_url(self) -> str:
        """Where Ray's exporter posts."""
        return f"{self.url}/ingest/{(self.data / 'ingest-token').read_text().strip()}/ray/events"


def _hear_interrupts() -> None:
    """Whoever runs these tests in the background of a shell made them ignore SIGINT, and all that they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _own_terminal() -> None:
    """Make the terminal that is stdin the controlling one, so that Ctrl-C in it is a signal."""
    _hear_interrupts()
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 65536)
    except OSError:  # the terminal's last writer is gone
        return b""


def ask(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """One HTTP exchange: the status, and the JSON of the answer."""
    request = urllib.request.Request(url, body, dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, content = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, content = error.code, error.read()
    return status, json.loads(content) if content.startswith((b"{", b"[")) else content


def until(is_so: Callable[[], bool], what: str, wait_s: float = 30.0) -> None:
    """Wait for something, and fail with its name if it does not come."""
    deadline = time.monotonic() + wait_s
    while not is_so():
        assert time.monotonic() < deadline, f"not within {wait_s:.0f} s: {what}"
        time.sleep(0.02)
