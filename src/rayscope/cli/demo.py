"""`rayscope demo`: an example, recorded, and then looked at with its cluster gone."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from importlib import resources
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from rayscope.address import default_data
from rayscope.cli.main import run as run_command_line
from rayscope.cli.output.closing import closing_line, missing_lines
from rayscope.cli.output.colour import paint
from rayscope.cli.output.talk import tell, tell_warning
from rayscope.errors import RayscopeError
from rayscope.run.record import Outcome, command_of, record
from rayscope.run.server import Recording, find_or_start

app = App(
    name="rayscope demo",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope demo
  rayscope demo --fast""",
)

_ENVIRONMENT: Final = {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAY_raylet_start_wait_time_s": "150"}
"""Under `uv run` Ray builds an environment anew for each worker, from a copy of the folder that one stands in: the demo's need nothing of that.
And a busy laptop may take longer to start a Ray than the 30 s for which Ray waits."""

_QUESTIONS: Final = (
    ("What ran, and how did it end?", ["summary", "tasks"]),
    ("What failed, and why?", ["list", "tasks", "-f", "state=FAILED", "-c", "task_id,name,attempt_number,error_type,error_message"]),
    ("Which tasks were the slowest?", ["list", "tasks", "--sort", "-duration_ns", "-n", "4", "-c", "name,state,duration_ns,start_ns,worker_pid"]),
    ("Which actors died, and of what?", ["list", "actors", "-c", "class_name,state,pid,death_reason,death_message"]),
    ("What did the program count itself?", ["metrics", "list", "--source", "user"]),
    ("What was reserved?", ["list", "placement-groups", "-c", "name,state,created_ns,ready_ns,removed_ns"]),
)


@app.default
def demo(
    *,
    fast: Annotated[bool, Parameter(negative=(), help="A tenth of the waiting.")] = False,
    data: Annotated[Path | None, Parameter(help="The data folder; else RAYSCOPE_DATA, or ~/.local/share/rayscope.")] = None,
) -> int:
    """Run a small pipeline on Ray (about half a minute), record it, and answer questions about it after its cluster is gone.

    The server stays up, with its page open to look at.
    """
    _check_ray()
    folder = data or default_data()
    recording = find_or_start(folder)
    tell(f"rayscope: the server answers at {recording.info.url}; running the example:\n")
    script = str(resources.files("rayscope.demo") / "program.py")
    outcome = record(command_of(script, ["--fast"] if fast else []), recording, name="demo/program.py", cluster="demo", environment=_ENVIRONMENT)
    for line in missing_lines(outcome, recording):
        tell_warning(line)
    tell(f"\n{closing_line('the example', outcome, recording)}")
    if outcome.shell_code:
        return outcome.shell_code
    _answer(outcome, recording)
    _tell_how_on(outcome, recording, data)
    return 0


def _check_ray() -> None:
    if importlib.util.find_spec("ray") is None:
        raise RayscopeError("Ray is not installed in this environment", hint="pip install 'rayscope[ray]', or `uv run rayscope demo` in a checkout")


def _answer(outcome: Outcome, recording: Recording) -> None:
    """The cluster is gone by now: what follows comes from the record."""
    tell("The cluster is gone. Its record answers:")
    session = outcome.clusters[0].facts.session_name
    for question, command in _QUESTIONS:
        tell(f"\n{paint(question, 'bold', sys.stderr)}\n$ rayscope {shlex.join(command)}\n")
        run_command_line([*command, "--session", session, "--address", recording.info.url])


def _tell_how_on(outcome: Outcome, recording: Recording, data: Path | None) -> None:
    option = f" --data {shlex.quote(str(data))}" if data else ""
    session = outcome.clusters[0].facts.session_name
    tell(
        f"\nLook further:\n"
        f"  open  {recording.info.url}/s/{session}\n"
        f"  rayscope list tasks --at {_middle(recording, session)}    how things stood in the middle of the run\n"
        f"  rayscope get task ID                     everything known of one task\n"
        f"  rayscope metrics query 'sum by (State) (ray_tasks)' --range 5m    a chart; the page has more, and its findings\n"
        f"  rayscope top                             nodes, workers, jobs and tasks, of a cluster that lives on a live screen\n"
        f"  rayscope run your_script.py              record a program of your own\n"
        f"Stop the server with:  rayscope server stop{option}\n"
        f"Its data stays in {recording.info.data}"
    )


def _middle(recording: Recording, session: str) -> str:
    """A time in the middle of the run, in whole epoch seconds."""
    row = recording.client.get("sessions", session)[0]
    return str((row["started_ns"] + (row["ended_ns"] or row["started_ns"])) // 2_000_000_000)
