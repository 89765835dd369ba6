"""`rayscope run`: a program, recorded."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from rayscope.address import default_data
from rayscope.cli.output.closing import closing_line, missing_lines
from rayscope.cli.output.talk import tell, tell_warning
from rayscope.errors import NotFound, UsageError
from rayscope.query.values import parse_duration
from rayscope.ray.environment import CALL_SITES
from rayscope.run.record import DRAIN_S, command_of, record
from rayscope.run.redirect.options import Mode, RedirectOptions, dedup_wanted
from rayscope.run.server import find_or_start

app = App(
    name="rayscope run",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope run train.py --epochs 3
  rayscope run -m package.main
  rayscope run --redirect-level warning --redirect-source 'Trainer*' train.py
  rayscope run -- bash -c 'ray start --head && python train.py; ray stop'

The program's exit code is passed on; 128 + N if signal N ended it.""",
)

_SECOND = 1_000_000_000


@app.default
def run(  # noqa: PLR0913 each is an option
    program: Annotated[str, Parameter(help="A Python script, -m for a module, or, after --, any command.", allow_leading_hyphen=True)],
    /,
    *arguments: Annotated[str, Parameter(help="Its arguments, passed on as they are.", allow_leading_hyphen=True)],
    data: Annotated[Path | None, Parameter(help="The data folder; else RAYSCOPE_DATA, or ~/.local/share/rayscope.")] = None,
    cluster: Annotated[str | None, Parameter(help="A name for the cluster: runs of one name form its history.")] = None,
    call_sites: Annotated[bool, Parameter(negative=(), help="Have Ray note where each object reference is made, for `list objects` and `memory`.")] = False,
    drain: Annotated[str, Parameter(help="How long at most to wait at the end until Ray has let all its events out.")] = f"{DRAIN_S:.0f}s",
    redirect: Annotated[Mode, Parameter(help="Who shows the workers' output here: Rayscope, Ray itself, or nobody (off).")] = "rayscope",
    no_redirect: Annotated[bool, Parameter(name="--no-redirect", negative=(), help="The same as --redirect=off.")] = False,
    dedup: Annotated[Literal["on", "off"] | None, Parameter(help="Whether equal lines of several workers are shown once, with their number.")] = None,
    redirect_level: Annotated[str | None, Parameter(help="Show the workers' lines of this level and above only.")] = None,
    redirect_source: Annotated[tuple[str, ...], Parameter(negative=(), help="Show these tasks and actors only: names, or patterns with *. Repeatable.")] = (),
) -> int:
    """Run a program unchanged and record what its Ray does, to the last event. A server is started if none runs."""
    command = command_of(program, arguments)
    if program.endswith(".py") and not Path(program).is_file():
        raise NotFound(f"no such script: {program!r}", hint="give a path relative to this folder")
    drain_s = parse_duration(drain) / _SECOND
    if drain_s < 0:
        raise UsageError(f"--drain {drain} is negative")
    options = RedirectOptions(
        mode="off" if no_redirect else redirect,
        dedup=dedup_wanted() if dedup is None else dedup == "on",
        level=_level(redirect_level),
        sources=redirect_source,
    )
    _warn_of_address()
    recording = find_or_start(data or default_data())
    if recording.started:
        tell(f"rayscope: started a server at {recording.info.url}, data in {recording.info.data}")
    name = shlex.join([program, *arguments])
    environment = CALL_SITES if call_sites else None
    outcome = record(command, recording, name=name, cluster=cluster, drain_s=drain_s, environment=environment, redirect=options)
    for line in missing_lines(outcome, recording):
        tell_warning(line)
    tell(closing_line(shlex.join([Path(program).name, *arguments]), outcome, recording))  # the folder, however long, says nothing new
    return outcome.shell_code


def _level(given: str | None) -> str | None:
    if given is None:
        return None
    from rayscope.query.logs.match import read_level  # numpy is slow to import
    from rayscope.ray.log_lines import LEVELS

    return LEVELS[read_level(given)]


def _warn_of_address() -> None:
    if address := os.environ.get("RAY_ADDRESS"):
        tell_warning(
            f"RAY_ADDRESS={address}: the program joins a cluster that runs already. Recorded for certain: its output, its exit code, "
            "placement groups and runtime envs. Tasks, actors, nodes and workers are recorded only if that cluster was started with "
            "the environment that `rayscope env` prints."
        )
