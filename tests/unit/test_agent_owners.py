"""Which log file is whose, before the younger raylet's socket is there, and beside another session."""

from __future__ import annotations

from pathlib import Path

import pytest

from rayscope.agent.discovery import Place
from rayscope.agent.owners import Owners

HEAD, SECOND = "1" * 56, "2" * 56


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A session's folder in which the head's socket alone is there."""
    for name in ("sockets", "logs"):
        (tmp_path / "session_a" / name).mkdir(parents=True)
    (tmp_path / "session_a" / "sockets" / "raylet").touch()
    return tmp_path / "session_a"


def place(session: Path, node_id: str, *, is_head: bool) -> Place:
    return Place(session.name, str(session), node_id, raylet_pid=0, raylet_socket="", is_head=is_head, own_names=frozenset())


def test_a_raylet_that_just_came_does_not_take_the_heads_files(session: Path) -> None:
    """Its socket may come later than its process."""
    head, second = place(session, HEAD, is_head=True), place(session, SECOND, is_head=False)
    assert Owners(second, lambda: [head, second])("job-driver-own.log") is False
    assert Owners(head, lambda: [head, second])("job-driver-own.log") is True


def test_another_session_beside_it_takes_nothing(session: Path, tmp_path: Path) -> None:
    """The files of a node alone in its session are its own."""
    other = tmp_path / "session_b"
    lone = place(session, SECOND, is_head=False)
    assert Owners(lone, lambda: [place(other, HEAD, is_head=True), lone])("job-driver-own.log") is True
