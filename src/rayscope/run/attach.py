"""Attaching agents to a running cluster, by a driver in a Python that has the cluster's Ray: `rayscope.agent.cluster` as a script."""

from __future__ import annotations

import base64
import importlib.util
import io
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from importlib import resources
from typing import Any, Final

import msgspec
from msgspec import Struct

from rayscope.errors import NotFound, RayscopeError, ServerUnreachable

_WAIT_S: Final = 180.0
_CONNECT_S: Final = 5.0
_MARK: Final = "rayscope:"
_MAIN: Final = "from rayscope.agent.main import main\nmain()\n"


class AttachedNode(Struct, frozen=True, kw_only=True):
    """A node with what its agent said last."""

    node_id: str
    pid: int
    said: str
    address: str | None = None

    @property
    def is_well(self) -> bool:
        """Whether its agent runs, and gets through."""
        return bool(self.pid) and "trying again" not in self.said


class Attached(Struct, frozen=True, kw_only=True):
    """What attaching came to."""

    nodes: list[AttachedNode]
    was_there: bool = False


class Detached(Struct, frozen=True, kw_only=True):
    """What detaching came to. ``killed``: nodes whose agents had to be killed."""

    nodes: int
    killed: list[str] = []
    was_there: bool = False


def attach(python: str, address: str, ingest: str, scrape_s: float) -> Attached:
    """Put agents on every node, which scrape every ``scrape_s``. Raises RayscopeError with what Ray says."""
    order = {
        "do": "attach",
        "address": address,
        "ingest": ingest,
        "code": base64.b64encode(agent_zip()).decode(),
        "options": ["--scrape-interval", f"{scrape_s:g}"],
    }
    return msgspec.convert(_order(python, order), Attached)


def detach(python: str, address: str) -> Detached:
    """Take them away. Raises RayscopeError with what Ray says."""
    return msgspec.convert(_order(python, {"do": "detach", "address": address}), Detached)


def agent_zip() -> bytes:
    """The agent as one file that any Python of 3.9 or later runs."""
    package = resources.files("rayscope")
    files = {"__main__.py": _MAIN.encode(), "rayscope/__init__.py": (package / "__init__.py").read_bytes()}
    for folder in ("agent", "agent/metrics"):
        for entry in sorted((package / folder).iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith(".py"):
                files[f"rayscope/{folder}/{entry.name}"] = entry.read_bytes()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def find_python(given: str | None) -> str:
    """A Python that has Ray. Raises NotFound."""
    if given:
        if shutil.which(given) is None:
            raise NotFound(f"no such program: {given!r}", hint="--python takes the path of a Python interpreter that has Ray")
        return given
    if importlib.util.find_spec("ray") is not None:
        return sys.executable
    for name in ("python3", "python"):
        path = shutil.which(name)
        if path and subprocess.run([path, "-c", "import ray"], capture_output=True, check=False).returncode == 0:
            return path
    raise NotFound("no Ray is installed here", hint="give --python, an interpreter that has Ray of the cluster's version")


def _order(python: str, order: dict[str, Any]) -> dict[str, Any]:
    """What the driver says. Ray takes its token to a cluster that it found itself, but not to one that is named: where that fails, it is told to."""
    _check_reachable(order["address"])
    word = _drive(python, order, {})
    if "ConnectionError" in str(word.get("message")) and "RAY_AUTH_MODE" not in os.environ:
        word = _drive(python, order, {"RAY_AUTH_MODE": "token"})
    if "error" in word:
        raise _error(word, python, order["address"])
    return word


def _drive(python: str, order: dict[str, Any], more: dict[str, str]) -> dict[str, Any]:
    with resources.as_file(resources.files("rayscope") / "agent" / "cluster.py") as script:
        environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"} | {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"} | more
        try:
            ran = subprocess.run([python, str(script)], input=msgspec.json.encode(order), capture_output=True, timeout=_WAIT_S, env=environment, check=False)
        except subprocess.TimeoutExpired as error:
            raise RayscopeError(f"the cluster at {order['address']} did not answer within {_WAIT_S:.0f} s", hint="is the address right, and alive?") from error
    lines = [line for line in ran.stdout.decode("utf-8", "replace").splitlines() if line.startswith(_MARK)]
    if not lines:
        raise RayscopeError(f"the driver of {order['do']} ended with code {ran.returncode}: {_last_line(ran.stderr)}")
    word: dict[str, Any] = msgspec.json.decode(lines[-1].removeprefix(_MARK))
    return word


def _check_reachable(address: str) -> None:
    """Ray itself tries for minutes. Raises ServerUnreachable."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except OSError as error:
        raise ServerUnreachable(f"nobody answers at {address}: {error}", hint="--address is that of the cluster's GCS: `ray start --head` prints it") from error


def _error(word: dict[str, Any], python: str, address: str) -> RayscopeError:
    message = str(word["message"]).strip()
    if word["error"] == "no_ray":
        return NotFound(f"{python} has no Ray ({message})", hint="give --python, an interpreter that has Ray of the cluster's version")
    if "ersion mismatch" in message:
        return RayscopeError(f"the cluster at {address} runs another version: {message}", hint="give --python, an interpreter that has that version")
    return RayscopeError(f"Ray {word.get('ray')} cannot do it at {address}: {message}", hint="see that the cluster runs, and that `ray status` finds it")


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
