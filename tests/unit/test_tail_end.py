"""When following a job's output is over."""

from __future__ import annotations

from rayscope.query.tail_end import LINGER_S, QUIET_S, TailEnd


def test_a_running_job_is_followed_however_quiet() -> None:
    """Silence is no end."""
    end = TailEnd(0.0)
    assert not end.is_over(10**6, is_terminal=False, came=0, offset=5, size=5)


def test_an_ended_job_must_be_quiet_for_a_while() -> None:
    """Its last lines may be under way."""
    end = TailEnd(0.0)
    assert not end.is_over(100.0, is_terminal=True, came=3, offset=8, size=8)
    assert not end.is_over(100.0 + QUIET_S / 2, is_terminal=True, came=0, offset=8, size=8)
    assert end.is_over(100.0 + QUIET_S, is_terminal=True, came=0, offset=8, size=8)


def test_a_driver_that_prints_on_is_left() -> None:
    """Its node was killed under it: what was there at the end is read, and a little more."""
    end = TailEnd(0.0)
    assert not end.is_over(1.0, is_terminal=True, came=1, offset=10, size=1000)
    assert not end.is_over(1.0 + LINGER_S, is_terminal=True, came=1, offset=999, size=2000)
    assert end.is_over(2.0 + LINGER_S, is_terminal=True, came=1, offset=1000, size=2001)


def test_a_server_that_was_away_was_not_quiet() -> None:
    """Nor was its job."""
    end = TailEnd(0.0)
    end.hold(50.0)
    assert not end.is_over(50.5, is_terminal=True, came=0, offset=1, size=1)


def test_a_job_that_runs_again_has_not_ended() -> None:
    """A later word may take an end back."""
    end = TailEnd(0.0)
    end.is_over(1.0, is_terminal=True, came=1, offset=1, size=1)
    end.is_over(2.0, is_terminal=False, came=1, offset=2, size=2)
    assert not end.is_over(2.0 + LINGER_S, is_terminal=True, came=1, offset=3, size=3)
