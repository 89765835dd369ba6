"""The child process of a run: started, given the signals that come, waited for."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from rayscope.errors import NotFound, UsageError
from rayscope.run.capture import Capture
from rayscope.run.screen import Screen

_PASSED_ON: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class Program:
    """One program, running. Create it in the main thread: it takes over the signals until `wait` returns."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], kept: Path, screens: tuple[Screen, Screen]) -> None:
        """Start it; its output is also kept in ``kept``/stdout.log and stderr.log. Raises NotFound, UsageError."""
        self.stdout, self.stderr = Capture(1, kept / "stdout.log", screens[0]), Capture(2, kept / "stderr.log", screens[1])
        self._old: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}
        try:
            self._process = subprocess.Popen(command, env=environment, stdout=self.stdout.writer, stderr=self.stderr.writer)
        except FileNotFoundError as error:
            raise NotFound(f"no such program: {command[0]!r}", hint="give a script (.py), or a command after `--`") from error
        except PermissionError as error:
            raise UsageError(f"cannot run {command[0]!r}: {error.strerror}", hint="is it executable? `rayscope run -- python FILE` runs any script") from error
        self._take_signals()
        self.stdout.start()
        self.stderr.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait(self) -> int:
        """Its exit code, minus the signal's number if a signal ended it."""
        try:
            code = self._process.wait()
        finally:
            self._give_back_signals()
        self.stdout.close()
        self.stderr.close()
        return code

    def _take_signals(self) -> None:
        for number in _PASSED_ON:
            self._old[number] = signal.signal(number, self._pass_on)
        self._old[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, self._resize)

    def _give_back_signals(self) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        """What a terminal sends (Ctrl-C) goes to all of its foreground processes: the program has had it already."""
        if number in {signal.SIGINT, signal.SIGQUIT} and _is_in_foreground():
            return
        self._process.send_signal(number)

    def _resize(self, _number: int, _frame: FrameType | None) -> None:
        self.stdout.resize()
        self.stderr.resize()


def _is_in_foreground() -> bool:
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
