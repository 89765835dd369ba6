"""The one line that says what a run waits for, on stderr: in place in a terminal, now and then elsewhere."""

from __future__ import annotations

import time
from typing import Final

from rayscope.run.screen import Screen

_PATIENCE_S: Final = 3.5
_EVERY_S: Final = {True: 0.2, False: 5.0}


class Progress:
    """Says nothing for the first seconds: most clusters are drained by then."""

    def __init__(self, screen: Screen) -> None:
        """``screen``: what stands behind stderr."""
        self._screen = screen
        self._terminal = screen.is_terminal
        self._since_s: float | None = None
        self._said_s = 0.0
        self._is_shown = False

    def show(self, waiting: int, now_s: float, draining: bool) -> None:  # noqa: FBT001 one call, by name of its variable
        """``waiting`` events are still in Ray."""
        if not draining:
            self._since_s = None
            self.clear()
            return
        what = f"{waiting:,} events to come" if waiting else "waiting for the last reports"
        self._show(f"letting Ray's events out before the cluster goes: {what}", now_s)

    def show_shipping(self, now_s: float) -> None:
        """The last log lines are still under way."""
        self._show("waiting until the agent has shipped the last log lines", now_s)

    def _show(self, what: str, now_s: float) -> None:
        self._since_s = self._since_s or now_s
        if now_s - self._since_s >= _PATIENCE_S and now_s - self._said_s >= _EVERY_S[self._terminal]:
            self._said_s = now_s
            self._write(f"{what} ({now_s - self._since_s:.0f} s)")

    def say(self, text: str) -> None:
        """A line that stays."""
        self.clear()
        self._screen.lines(f"rayscope: {text}\n".encode())

    def wait_for(self, text: str) -> None:
        """Something else that is waited for; empty: no more."""
        now_s = time.monotonic()
        if not text:
            self.clear()
        elif now_s - self._said_s >= _EVERY_S[self._terminal]:
            self._said_s = now_s
            self._write(text)

    def clear(self) -> None:
        """Take the line away."""
        if self._is_shown:
            self._screen.status("")
        self._is_shown = False

    def _write(self, text: str) -> None:
        if self._terminal:
            self._screen.status(f"rayscope: {text}")
        else:
            self._screen.lines(f"rayscope: {text}\n".encode())
        self._is_shown = True
