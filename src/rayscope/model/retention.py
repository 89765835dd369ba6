"""How long, and up to what size, each kind of data is kept."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

KINDS: Final = ("states", "events", "logs", "metrics")
"""States: tasks, actors, jobs, nodes … of a session, forgotten whole. Events: what was reported beside them. Logs: lines.
Metrics: samples."""


class Retention(Struct, frozen=True, kw_only=True):
    """By kind: the age in ns, and the size in bytes, beyond which it is deleted. What is not named is kept for ever. ``text`` is as it was written."""

    text: str = ""
    ages_ns: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
