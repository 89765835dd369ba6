"""Groups of works: when they are due, and what time their words have."""

from __future__ import annotations

import time

import pytest

from rayscope.ingest.groups import Group, Work


def test_a_word_has_the_time_of_its_arrival(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group that waited empty for hours does not date its first word back to when it was made."""
    group = Group(lambda _: 1)
    later = time.time_ns() + 3600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)
    group.add(Work(lambda _: None))
    assert group.changes.now_ns == later
