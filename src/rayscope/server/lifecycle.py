"""Starting and stopping the server: in the foreground, in the background, and knowing whether one runs."""

from __future__ import annotations

import fcntl
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

import msgspec

from rayscope import __version__
from rayscope.address import DEFAULT_HOST, DEFAULT_PORT
from rayscope.errors import DataFolderInUse, PortInUse, RayscopeError, ServerStartError
from rayscope.model.server import ServerInfo
from rayscope.ray.secrets import use
from rayscope.server.settings import Settings, read_destinations, read_metric_series, read_policy, read_retention
from rayscope.server.tokens import is_loopback, read_or_make_token
from rayscope.store.limits import SILENCE_S

if TYPE_CHECKING:
    import uvicorn


_AS_THEY_WERE: Final = Settings()


def serve(data: Path, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT, silence_s: float = SILENCE_S, settings: Settings = _AS_THEY_WERE) -> None:
    """Serve in the foreground until a signal. Raises PortInUse, DataFolderInUse, DataFolderTooNew, UsageError."""
    data = _prepare_folder(data)
    with _holding(data), _listening(host, port) as listener:
        settings.keep(data)
        _run(data, host, listener, silence_s)


def start_background(
    data: Path,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    timeout_s: float = 15,
    silence_s: float = SILENCE_S,
    settings: Settings = _AS_THEY_WERE,
) -> ServerInfo:
    """Start a server that outlives this process, unless one runs on this folder already. Returns when it answers. Raises ServerStartError, UsageError."""
    data = data.absolute()
    if (running := status(data)) is not None:
        return running
    _prepare_folder(data)
    settings.keep(data)
    command = [sys.executable, "-m", "rayscope", "server", "--data", str(data), "--host", host, "--port", str(port), "--silence", f"{silence_s}s"]
    with (data / "server.log").open("ab") as log:
        start = log.tell()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=_clean_environment())
    return _wait_until_ready(data, process, start, timeout_s)


def stop(data: Path, timeout_s: float = 30) -> bool:
    """Stop the server of a folder and wait until it is gone. False where none runs."""
    running = status(data)
    if running is None:
        return False
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if not _holds_lock(data):
            return True
        time.sleep(0.05)
    raise RayscopeError(f"the server (pid {running.pid}) did not stop within {timeout_s:.0f} s", hint=f"see {data / 'server.log'}")


def status(data: Path) -> ServerInfo | None:
    """The server that runs on a folder, if it is there and ready."""
    if not _holds_lock(data):
        return None
    try:
        return msgspec.json.decode((data / "server.json").read_bytes(), type=ServerInfo)
    except (OSError, msgspec.DecodeError):
        return None


def read_ingest_token(data: Path) -> str:
    """The token in the ingest address of a folder's server."""
    return read_or_make_token(data / "ingest-token")


def read_token(data: Path) -> str:
    """The token that questions need when the folder's server listens off loopback."""
    return read_or_make_token(data / "token")


def _run(data: Path, host: str, listener: socket.socket, silence_s: float) -> None:
    import uvicorn

    from rayscope.server.app import make_app
    from rayscope.server.auth import Guard
    from rayscope.server.services import Services

    port = listener.getsockname()[1]
    info = ServerInfo(pid=os.getpid(), host=host, port=port, url=_url(host, port), data=str(data), version=__version__, started_ns=time.time_ns())
    guard = Guard(loopback=is_loopback(host), token=read_token(data), ingest_token=read_ingest_token(data))
    use(read_policy(data))
    services = Services(data, guard, info, silence_s, read_retention(data), read_metric_series(data), read_destinations(data))
    _tune_interpreter()
    config = uvicorn.Config(make_app(services), log_level="warning", access_log=False, http="httptools", ws="wsproto", timeout_graceful_shutdown=10)
    server = _make_server(config, services.end_streams)
    (data / "server.json").write_bytes(msgspec.json.encode(info))
    print(f"rayscope server {__version__}  {info.url}  data in {data}", file=sys.stderr, flush=True)
    _end_quietly()
    try:
        server.run(sockets=[listener])
    finally:
        with suppress(FileNotFoundError):
            (data / "server.json").unlink()
        gc.unfreeze()  # what is frozen is not torn down at exit, of which DuckDB's module complains at length


def _make_server(config: uvicorn.Config, on_stop: Callable[[], None]) -> uvicorn.Server:
    """A server that tells those who listen when it is asked to stop: a page that listens would hold it until its patience ends."""
    import uvicorn

    class Telling(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            on_stop()
            super().handle_exit(sig, frame)

    return Telling(config)


def _end_quietly() -> None:
    """After an orderly stop uvicorn raises the signal that asked for it once more; that must not cut our own tidying short."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)


def _tune_interpreter() -> None:
    """Decoding makes a hundred thousand short-lived objects a second: looking for cycles among them takes a third of its time.

    A question takes the interpreter's lock some ten times, and beside busy ingest waits for each of them as long as the switch interval.
    """
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
    sys.setswitchinterval(_SWITCH_S)


_SWITCH_S = 0.001


def _prepare_folder(data: Path) -> Path:
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServerStartError(f"cannot make the data folder {data}: {error.strerror}", hint="give another with --data") from error
    if not os.access(data, os.W_OK):
        raise ServerStartError(f"cannot write to the data folder {data}", hint="give another with --data")
    return data.absolute()


@contextmanager
def _holding(data: Path) -> Iterator[None]:
    """Hold the folder's lock. The kernel lets it go with the process, however that ends."""
    with (data / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataFolderInUse(
                f"another server holds the data folder {data}{_who(data)}", hint="`rayscope server stop` ends it; --data gives another folder"
            ) from None
        (data / "server.json").unlink(missing_ok=True)  # of a server that was killed: until ours is there, nobody may be taken for us
        yield


def _who(data: Path) -> str:
    try:
        info = json.loads((data / "server.json").read_text())
    except (OSError, ValueError):
        return ""
    return f": pid {info['pid']} at {info['url']}"


def _holds_lock(data: Path) -> bool:
    """Whether some process holds the folder's lock."""
    try:
        with (data / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(512)
        except OSError as error:
            raise PortInUse(f"cannot listen on {host}:{port}: {error.strerror}", hint="give another port with --port, or --port 0 for any") from error
        yield listener


def _url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 compared, not bound
    return f"http://{shown}:{port}"


def _clean_environment() -> dict[str, str]:
    """A server started by `rayscope run` is no part of the run: it must not record itself."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RAYSCOPE_RUN")}


def _wait_until_ready(data: Path, process: subprocess.Popen[bytes], log_start: int, timeout_s: float) -> ServerInfo:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if (info := status(data)) is not None and _answers(info.url):
            return info
        if process.poll() is not None:
            raise _start_error(data, log_start, f"exited with code {process.returncode}")
        time.sleep(0.02)
    raise _start_error(data, log_start, f"did not answer within {timeout_s:.0f} s")


def _start_error(data: Path, log_start: int, what: str) -> ServerStartError:
    said = (data / "server.log").read_bytes()[log_start:].decode(errors="replace").strip().splitlines()
    errors = [line.removeprefix("error: ") for line in said if line.startswith("error: ")]
    hints = [line.removeprefix("hint: ") for line in said if line.startswith("hint: ")]
    return ServerStartError(f"the server {what}: {(errors or said or ['no word'])[-1]}", hint=(hints or [f"see {data / 'server.log'}"])[-1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v1/health", timeout=1):  # noqa: S310 our own address
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
