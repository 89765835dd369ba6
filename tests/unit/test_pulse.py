"""Notices of changes: what a listener missed is told in one, of its own session or of all; what is forgotten counts as anything."""

from __future__ import annotations

import threading

import pytest

from rayscope.ingest.pulse import EVERY, Pulse
from rayscope.store import limits


def test_changes_since_a_number() -> None:
    """Added up by resource, of one session or of all."""
    pulse = Pulse()
    assert pulse.since(0, None) is None
    pulse.beat({"a": {"tasks": 2}, "b": {"tasks": 5}})
    pulse.beat({"a": {"tasks": 1, "actors": 1}})
    beat = pulse.since(0, "a")
    assert beat is not None
    assert (beat.rows, beat.seq, beat.sessions) == ({"tasks": 3, "actors": 1}, 3, ("a",))
    beat = pulse.since(0, None)
    assert beat is not None
    assert (beat.rows, set(beat.sessions)) == ({"tasks": 8, "actors": 1}, {"a", "b"})
    assert pulse.since(1, "b") is not None
    assert pulse.since(2, "b") is None
    assert pulse.since(3, None) is None


def test_a_change_of_every_session_is_everybodys() -> None:
    """As when a session ended by its silence."""
    pulse = Pulse()
    pulse.beat({EVERY: {EVERY: 0}})
    beat = pulse.since(0, "a")
    assert beat is not None
    assert beat.rows == {EVERY: 0}


@pytest.mark.parametrize("seq", [-1, 0, 10**9])
def test_what_is_forgotten_counts_as_anything(seq: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number from before the oldest change that is kept, or of another server."""
    monkeypatch.setattr("rayscope.ingest.pulse.PULSE_BEATS", 3)
    pulse = Pulse()
    for number in range(10):
        pulse.beat({"a": {"tasks": number}})
    beat = pulse.since(seq, "a")
    assert beat is not None
    assert (beat.rows, beat.seq) == ({EVERY: 0}, 10)
    assert pulse.since(10, "a") is None
    assert limits.PULSE_BEATS > 3


def test_listeners_hear_of_changes_and_of_the_end() -> None:
    """From whichever thread; not after they left."""
    pulse, heard = Pulse(), []
    with pulse.listening(lambda: heard.append(pulse.is_over)):
        thread = threading.Thread(target=pulse.beat, args=({"a": {"tasks": 1}},))
        thread.start()
        thread.join()
        pulse.end()
    pulse.beat({"a": {"tasks": 1}})
    assert heard == [False, True]
