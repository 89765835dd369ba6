"""The agent that `rayscope run` starts for a cluster: a process that is watched, started again when it crashes, and waited for at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from rayscope.ray.environment import ingest_address
from rayscope.run.folder import ClusterFacts
from rayscope.run.server import Recording

AGAIN_S: Final = 1.0
"""How long after a crash it is started again."""

MOST_CRASHES: Final = 5
"""After so many it is left."""

_LEAVES: Final = b"this one leaves"
"""What an agent says last that finds another one on its node."""


class ClusterAgent:
    """Watches the nodes of one cluster that live on this host."""

    def __init__(self, facts: ClusterFacts, recording: Recording, log: Path, leave_s: float) -> None:
        self._facts = facts
        self._recording = recording
        self._log = log
        self._leave_s = leave_s
        self._crashes = 0
        self._again_s: float | None = None
        self._is_leaving = False
        self._was_early = False
        self._process: subprocess.Popen[bytes] | None = None
        self._start()

    @property
    def is_done(self) -> bool:
        """Whether nothing more comes of it."""
        return self._process is None

    def step(self, now_s: float) -> None:
        """See whether it is well."""
        if self._again_s is not None and now_s >= self._again_s:
            self._again_s = None
            self._start()
        if self._process is not None and (code := self._process.poll()) is not None:
            self._process = None
            if code == -signal.SIGTERM and self._is_leaving and not self._was_early:  # it was told to leave before it could listen
                self._was_early = True
                self._start()
            elif code and not self._is_another_there():
                self._on_crash(code, now_s)

    def leave(self) -> None:
        """Have it ship what is there, and end."""
        self._is_leaving = True
        if self._again_s is not None:
            self._again_s = None
            self._start()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Its time is up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._recording.miss_text(f"the last log lines of {self._facts.session_name}: the agent had not shipped them all in time")

    def _start(self) -> None:
        environment = os.environ | {"RAYSCOPE_INGEST": ingest_address(self._recording.info.url, self._recording.ingest_token)}
        command = [sys.executable, "-m", "rayscope.agent", "--session-dir", self._facts.log_dir, "--leave-within", f"{self._leave_s:g}"]
        if self._facts.dashboard:
            command += ["--dashboard", self._facts.dashboard]
        if self._is_leaving:
            command.append("--once")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True)

    def _on_crash(self, code: int, now_s: float) -> None:
        self._crashes += 1
        if self._crashes > MOST_CRASHES or self._is_leaving:
            self._recording.miss_text(f"log lines of {self._facts.session_name}: its agent ended with code {code}; see {self._log}")
        else:
            self._again_s = now_s + AGAIN_S

    def _is_another_there(self) -> bool:
        return _LEAVES in self._log.read_bytes()[-2000:]
