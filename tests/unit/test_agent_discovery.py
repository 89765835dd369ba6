"""Which nodes live here, where Ray's processes cannot be seen: by what lies in the session folders, as in a sidecar."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayscope.agent import processes
from rayscope.agent.discovery import Discovery

SESSION = "session_2026-11-24_10-00-00_000001_1"
NODE, OTHER = "ab" * 28, "cd" * 28


@pytest.fixture
def temp(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ray's folder, of a short name as sockets want it; without any process in sight."""
    monkeypatch.setattr(processes.ProcessTable.__init__, "__defaults__", (str(tmp_path_factory.mktemp("proc")),))
    return tmp_path_factory.mktemp("r")


@pytest.fixture
def raylet(temp: Path) -> Iterator[socket.socket]:
    """What answers at its socket, and what a head node leaves in the folder."""
    folder = temp / SESSION
    (folder / "sockets").mkdir(parents=True)
    (folder / f"metrics_export_port_{NODE}").write_text("1")
    (folder / f"gcs_server_port_{NODE}").write_text("2")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "sockets" / "raylet"))
        listening.listen()
        yield listening


def test_a_node_is_found_by_its_socket(temp: Path, raylet: socket.socket) -> None:
    """It lives as long as somebody answers."""
    (place,) = Discovery(str(temp)).places()
    assert (place.session, place.node_id, place.is_head, place.is_dead) == (SESSION, NODE, True, False)
    assert place.session_dir == str(temp / SESSION)
    assert place.is_alive()
    raylet.close()
    assert not place.is_alive()
    assert Discovery(str(temp)).places() == []


def test_what_is_named_counts(temp: Path, raylet: socket.socket) -> None:
    """A node, a session."""
    assert raylet.fileno() >= 0
    assert [place.node_id for place in Discovery(str(temp), node_id=NODE).places()] == [NODE]
    assert Discovery(str(temp), node_id=OTHER).places() == []
    assert [place.node_id for place in Discovery(session_dir=str(temp / SESSION)).places()] == [NODE]
    assert Discovery(session_dir=str(temp / "session_another")).places() == []


def test_one_who_answers_speaks_for_all(temp: Path, raylet: socket.socket) -> None:
    """With several nodes in a folder it cannot be told whose socket is whose."""
    (temp / SESSION / f"metrics_export_port_{OTHER}").write_text("3")
    found = Discovery(str(temp)).places()
    assert [(place.node_id, place.is_head) for place in found] == [(NODE, True), (OTHER, False)]
    raylet.close()
    assert not any(place.is_alive() for place in found)
