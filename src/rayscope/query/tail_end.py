"""When following a job's output is over. Pure: times and sizes in, a judgement out."""

from __future__ import annotations

from typing import Final

QUIET_S: Final = 2.0
"""How long after its job's end a log must have brought nothing new to be taken for whole: agents ship five times a second."""

LINGER_S: Final = 10.0
"""A driver whose node was killed under it may print on for ever: what comes this long after its job's end is not waited for."""


class TailEnd:
    """Watches one tail."""

    def __init__(self, now_s: float) -> None:
        self._quiet_since_s = now_s
        self._ended_s: float | None = None
        self._goal = 0

    def hold(self, now_s: float) -> None:
        """Nobody could be asked until now: that it was quiet says nothing."""
        self._quiet_since_s = now_s

    def is_over(self, now_s: float, *, is_terminal: bool, came: int, offset: int, size: int) -> bool:
        """Whether all is there. ``came``: bytes of the latest answer; ``offset``: up to where the tail is, of ``size`` bytes."""
        if came:
            self._quiet_since_s = now_s
        if not is_terminal:
            self._ended_s = None
            return False
        if self._ended_s is None:
            self._ended_s, self._goal = now_s, size
        is_quiet = not came and now_s - self._quiet_since_s >= QUIET_S
        return is_quiet or (offset >= self._goal and now_s - self._ended_s >= LINGER_S)
