"""`rayscope env`: the environment that makes a cluster record itself here."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from cyclopts import App, Parameter

from rayscope.address import DEFAULT_HOST, DEFAULT_PORT, default_data
from rayscope.cli.output.talk import tell_hint, tell_warning
from rayscope.ray.environment import export_environment
from rayscope.server import lifecycle
from rayscope.server.tokens import is_loopback

app = App(
    name="rayscope env",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  eval "$(rayscope env)"; ray start --head
  rayscope env --url http://rayscope.internal:8465 --cluster prod --format k8s""",
)


@app.default
def env(
    *,
    url: Annotated[str | None, Parameter(help="The server's address as the cluster's nodes reach it.")] = None,
    cluster: Annotated[str | None, Parameter(help="A name for the cluster: its sessions form its history.")] = None,
    format: Annotated[Literal["shell", "fish", "dotenv", "json", "k8s"], Parameter(help="How to print it.")] = "shell",  # noqa: A002 the option's name
    hooks: Annotated[str | None, Parameter(help="The folder of the workers' hooks on the nodes, or off; else this installation's, for this machine.")] = None,
    call_sites: Annotated[bool, Parameter(negative=(), help="Have Ray note where each object reference is made, for `list objects` and `memory`.")] = False,
    data: Annotated[Path | None, Parameter(help="The server's data folder; else RAYSCOPE_DATA, or ~/.local/share/rayscope.")] = None,
) -> None:
    """Print the environment for `ray start`, a pod or a driver, so that its cluster is recorded by this server.

    It holds the ingest token: whoever has it can add events, but read nothing.
    """
    folder = data or default_data()
    running = lifecycle.status(folder)
    folder.mkdir(parents=True, exist_ok=True)
    address = url or (running.url if running else f"http://{DEFAULT_HOST}:{DEFAULT_PORT}")
    is_here = is_loopback(urlsplit(address).hostname or "")
    folder_of_hooks = _hooks(hooks, is_here=is_here)
    variables = export_environment(address, lifecycle.read_ingest_token(folder), cluster, call_sites=call_sites)
    print(_FORMATS[format](variables | ({"PYTHONPATH": folder_of_hooks} if folder_of_hooks else {})))
    if running is None:
        tell_warning("no server runs on that folder yet")
        tell_hint("start it with `rayscope server start`; Ray's exporter tries until it answers")
    if folder_of_hooks is None and hooks is None:
        tell_hint(f"lines of concurrent actors name no task without the workers' hooks: copy {_own_hooks().parent} to the nodes, and give --hooks FOLDER/hook")
    if is_here:
        tell_hint(f"{address} can be reached from this machine only; for other nodes run `rayscope server --host 0.0.0.0` and give --url")


def _hooks(given: str | None, *, is_here: bool) -> str | None:
    """The folder to put on PYTHONPATH; None: none, or it cannot be known where other machines have it."""
    if given == "off" or os.environ.get("RAYSCOPE_HOOKS") == "off":
        return None
    return given or (str(_own_hooks()) if is_here else None)


def _own_hooks() -> Path:
    return Path(str(resources.files("rayscope.worker") / "hook"))


def _shell(variables: Mapping[str, str]) -> str:
    """What is on PYTHONPATH already stays on it."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join(line + '"${PYTHONPATH:+:$PYTHONPATH}"' if line.startswith("export PYTHONPATH=") else line for line in lines)


def _fish(variables: Mapping[str, str]) -> str:
    lines = [f"set -gx {name} {shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join(f"{line} $PYTHONPATH" if line.startswith("set -gx PYTHONPATH ") else line for line in lines)


def _dotenv(variables: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in variables.items())


def _json(variables: Mapping[str, str]) -> str:
    return json.dumps(dict(variables), indent=2)


def _k8s(variables: Mapping[str, str]) -> str:
    return "\n".join(["env:", *(f"- name: {name}\n  value: {json.dumps(value)}" for name, value in variables.items())])


_FORMATS: Final[dict[str, Callable[[Mapping[str, str]], str]]] = {"shell": _shell, "fish": _fish, "dotenv": _dotenv, "json": _json, "k8s": _k8s}
