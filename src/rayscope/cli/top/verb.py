"""The verb `rayscope top`."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated, Final

from cyclopts import App, Parameter

from rayscope.cli.options import Where
from rayscope.cli.output.talk import tell_hint, tell_warning
from rayscope.cli.top.gather import gather
from rayscope.cli.top.plain import frame
from rayscope.cli.top.views import VIEWS
from rayscope.errors import UsageError
from rayscope.query.values import parse_duration

app = App(
    name="rayscope top",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Keys: 1-5 or Tab the views, s and S the order, / a filter, Enter details, p pause, ? help, q quit.

Examples:
  rayscope top
  rayscope top --view workers --interval 1s
  rayscope top --once
  rayscope top --session session_2026-11-23      how it was at its end""",
)

_WHERE: Final = Where()
_WIDTH: Final = 100
_LEAST_S: Final = 0.5
_PATIENCE_S: Final = 15.0
"""How long the live screen waits for an answer: whoever quits waits for one that is under way."""


@app.default
def top(
    *,
    view: Annotated[str | None, Parameter(help=f"The view to begin with, or the only one of --once: {', '.join(VIEWS)}.")] = None,
    interval: Annotated[str, Parameter(help="Time between two refreshes.")] = "2s",
    once: Annotated[bool, Parameter(negative=(), help="Print one frame as plain text.")] = False,
    where: Where = _WHERE,
) -> None:
    """Watch a cluster: nodes, workers, jobs, tasks and GPUs, with figures that live. Of a session that has ended its last moment is shown."""
    if view is not None and view not in VIEWS:
        raise UsageError(f"no view {view!r}", hint=f"there are {', '.join(VIEWS)}")
    if where.all_sessions or where.at:
        raise UsageError("top shows one session, as it is", hint="name one with --session")
    if once or not (sys.stdout.isatty() and sys.stdin.isatty()):
        _print_once(where, view)
        return
    _watch(where, view, _seconds(interval))


def _print_once(where: Where, view: str | None) -> None:
    with where.client() as client:
        snapshot = gather(client, where.session)
    width = shutil.get_terminal_size((_WIDTH, _WIDTH)).columns
    print("\n".join(frame(snapshot, width, view)))
    sys.stdout.flush()
    for note in snapshot.notes:
        tell_warning(note)
    if snapshot.findings:
        tell_hint(f"{snapshot.findings[0]}: `rayscope findings`")


def _watch(where: Where, view: str | None, interval_s: float) -> None:
    from rayscope.cli.top.screen import TopScreen  # Textual takes a while to load: only the live screen needs it

    with where.client(_PATIENCE_S) as client:
        gather(client, where.session)  # what is wrong with the question is said before a screen opens
        TopScreen(lambda: gather(client, where.session), interval_s, view or "nodes").run()


def _seconds(interval: str) -> float:
    seconds = parse_duration(interval if not interval.replace(".", "", 1).isdigit() else f"{interval}s") / 1e9
    if seconds < _LEAST_S:
        raise UsageError(f"--interval {interval} is shorter than {_LEAST_S} s")
    return seconds
