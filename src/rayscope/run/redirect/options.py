"""What of the workers' output is shown, and how."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final, Literal

from msgspec import Struct

Mode = Literal["rayscope", "ray", "off"]

DEDUP_WINDOW_S: Final = 5.0
"""How long equal lines of several workers are gathered before their number is told: as long as Ray does."""


class RedirectOptions(Struct, frozen=True, kw_only=True):
    """``mode``: by Rayscope, by Ray itself, or not at all. ``level``: the least that is shown, as the server spells it.

    ``sources``: patterns of task and actor names, all if none.
    """

    mode: Mode = "rayscope"
    dedup: bool = True
    level: str | None = None
    sources: tuple[str, ...] = ()
    window_s: float = DEDUP_WINDOW_S

    def wants(self, name: str | None) -> bool:
        """Whether the lines of a task or actor of that name are shown. The server looks at levels."""
        return not self.sources or any(fnmatchcase(name or "", pattern) for pattern in self.sources)


def dedup_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Ray's own switch counts where `--dedup` is not given."""
    return environment.get("RAY_DEDUP_LOGS", "1") != "0"
