"""Recording one program from its start to its last event."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from msgspec import Struct

from rayscope.ray.environment import export_environment
from rayscope.ray.secrets import use
from rayscope.run.cluster import Cluster
from rayscope.run.folder import RunFolder
from rayscope.run.program import Program
from rayscope.run.progress import Progress
from rayscope.run.recorder import Recorder
from rayscope.run.redirect.options import RedirectOptions
from rayscope.run.redirect.redirect import Redirect
from rayscope.run.redirect.wording import wording_for
from rayscope.run.screen import screens
from rayscope.run.server import Recording
from rayscope.run.shipping import Shipper
from rayscope.server.settings import read_policy

DRAIN_S: Final = 120.0
"""How long at most to wait for Ray to let its events out: 100,000 events, as many as Ray keeps, take 20 s."""


class Outcome(Struct, frozen=True):
    """How a run went. ``exit_code`` is None where ``signal`` ended the program."""

    exit_code: int | None
    signal: int | None
    seconds: float
    clusters: list[Cluster]
    kept: Path
    unshown: str | None = None
    """What of the workers' output did not come to the terminal, in words."""

    @property
    def shell_code(self) -> int:
        """The code that a shell would give."""
        return 128 + self.signal if self.signal else self.exit_code or 0


def record(
    command: Sequence[str],
    recording: Recording,
    *,
    name: str,
    cluster: str | None = None,
    drain_s: float = DRAIN_S,
    redirect: RedirectOptions = RedirectOptions(),  # noqa: B008 frozen
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run the command, with ``environment`` beside ours, and record every cluster that it starts. Raises NotFound or UsageError where it cannot be started."""
    kept = _new_folder(Path(recording.info.data) / "runs")
    words = Path(tempfile.mkdtemp(prefix="rayscope-run-"))
    out, err = screens()
    progress = Progress(err)
    shown = Redirect(redirect, recording, out, err, wording_for)
    use(read_policy(Path(recording.info.data)))
    started_s = time.monotonic()
    try:
        program = Program(command, _environment(recording, words, cluster, redirect) | dict(environment or {}), kept, (out, err))
        shipper = Shipper(recording.another_client(), recording.ingest_token, {"out": program.stdout, "err": program.stderr})
        recorder = Recorder(RunFolder(words), recording, name, drain_s, kept, progress, (shipper.begin, shown.follow))
        recorder.start()
        shipper.start()
        code = program.wait()
        recorder.finish()
        shipper.finish()
        unshown = shown.finish(drain_s, progress.wait_for, all_gone=all(cluster.is_gone for cluster in recorder.clusters.values()))
    finally:
        shutil.rmtree(words, ignore_errors=True)
    if shipper.error is not None:
        recording.miss(shipper.error)
    outcome = Outcome(code if code >= 0 else None, -code if code < 0 else None, time.monotonic() - started_s, list(recorder.clusters.values()), kept, unshown)
    _report(outcome, program.pid)
    return outcome


def _report(outcome: Outcome, pid: int) -> None:
    """Only the program itself is known to have ended with that code; a driver that it started may have had another."""
    for cluster in outcome.clusters:
        own = cluster.facts.pid == pid
        cluster.end(
            exit_code=outcome.exit_code if own else None,
            signal=outcome.signal if own else None,
            stdout_path=str(outcome.kept / "stdout.log"),
            stderr_path=str(outcome.kept / "stderr.log"),
        )


def _environment(recording: Recording, words: Path, cluster: str | None, redirect: RedirectOptions) -> dict[str, str]:
    hook = str(resources.files("rayscope.worker") / "hook")
    return {
        **os.environ,
        **export_environment(recording.info.url, recording.ingest_token, cluster),
        **_path_with(hook, os.environ),
        "RAYSCOPE_RUN_DIR": str(words),
        "RAYSCOPE_RUN_PID": str(os.getpid()),
        "RAYSCOPE_RUN_REDIRECT": redirect.mode,
    }


def _path_with(folder: str, environment: Mapping[str, str]) -> dict[str, str]:
    others = environment.get("PYTHONPATH")
    return {"PYTHONPATH": f"{folder}{os.pathsep}{others}" if others else folder}


def _new_folder(parent: Path) -> Path:
    folder = parent / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def command_of(program: str, arguments: Sequence[str]) -> list[str]:
    """The command line of `rayscope run PROGRAM ARGS`: a script and `-m MODULE` run in this Python, the rest is as given."""
    if program.endswith(".py") or program == "-m":
        return [sys.executable, program, *arguments]
    return [program, *arguments]
