"""Which session a question is about, and how sessions get their numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.errors import Ambiguous, NotFound, PayloadError
from rayscope.ingest.sessions import Sessions
from rayscope.query.sessions import ALL, LATEST, resolve_session

KNOWN = [(3, "session_2026-11-03_c"), (2, "session_2026-11-02_b"), (1, "session_2026-11-0")]


@pytest.mark.parametrize("wanted", [LATEST, ""])
def test_the_latest_is_the_first(wanted: str) -> None:
    """Without a name, the newest session is meant."""
    assert resolve_session(KNOWN, wanted) == KNOWN[0]


def test_all_is_none() -> None:
    """All sessions are no single one, even where nothing is recorded."""
    assert resolve_session(KNOWN, ALL) is None
    assert resolve_session([], ALL) is None


def test_a_name_or_a_unique_prefix() -> None:
    """A whole name wins over longer names that begin with it; a prefix must fit one session."""
    assert resolve_session(KNOWN, "session_2026-11-0") == KNOWN[2]
    assert resolve_session(KNOWN, "session_2026-11-02") == KNOWN[1]
    with pytest.raises(Ambiguous, match="fits 3 sessions"):
        resolve_session(KNOWN, "session")


def test_what_is_not_there() -> None:
    """An unknown name and an empty store are NotFound, each with a hint."""
    for known, wanted in ((KNOWN, "other"), ([], LATEST)):
        with pytest.raises(NotFound) as caught:
            resolve_session(known, wanted)
        assert caught.value.hint


@given(st.dictionaries(st.text(min_size=1), st.integers(min_value=1, max_value=50)), st.lists(st.text(min_size=1), max_size=20))
def test_numbers_stay_and_are_unique(known: dict[str, int], names: list[str]) -> None:
    """A name keeps its number, and no new name gets one that was given out."""
    sessions = Sessions(known)
    given_out = {name: sessions.number(name) for name in names}
    assert all(sessions.number(name) == number for name, number in given_out.items())
    fresh = [number for name, number in given_out.items() if name not in known]
    assert len(set(fresh)) == len(fresh)
    assert not set(fresh) & set(known.values())


def test_a_session_without_a_name_is_refused() -> None:
    """Nothing can be kept for a session that has no name."""
    with pytest.raises(PayloadError):
        Sessions({}).number("")
