"""What of the workers' output is shown, and how."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final, Literal

from msgspec import Struct

from rayscope.model.loglevel import LEVELS

Mode = Literal["rayscope", "ray", "off"]

DEDUP_WINDOW_S: Final = 5.0
"""How long equal lines of several workers are gathered before their number is told: as long as Ray does."""


class RedirectOptions(Struct, frozen=True, kw_only=True):
    """``mode``: by Rayscope, by Ray itself, or not at all. ``level``: the least that is shown. ``sources``: patterns of task and actor names, all if none."""

    mode: Mode = "rayscope"
    dedup: bool = True
    level: str | None = None
    sources: tuple[str, ...] = ()
    window_s: float = DEDUP_WINDOW_S

    def wants(self, *, level: str | None, name: str | None) -> bool:
        """Whether a line is shown. One that names no level is below any that is asked for."""
        if self.level is not None and (level is None or LEVELS.get(level.upper(), 0) < LEVELS[self.level]):
            return False
        return not self.sources or any(fnmatchcase(name or "", pattern) for pattern in self.sources)


def dedup_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Ray's own switch counts where `--dedup` is not given."""
    return environment.get("RAY_DEDUP_LOGS", "1") != "0"
