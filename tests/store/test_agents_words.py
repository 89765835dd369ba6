"""What an agent says of itself, as a sign that its cluster lives, or as none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rayscope.ingest import agents as words
from rayscope.ingest.agents import Agents
from rayscope.model.agent import AgentHealth
from support.logs import SESSION, LogRecording


@pytest.mark.parametrize("is_dead", [False, True])
def test_the_agent_of_a_dead_node_is_no_sign_of_life(is_dead: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may ship for long what an orphan of its node prints: the cluster is over all the same."""
    recording = LogRecording(tmp_path / "data")
    agents = Agents(recording.database, recording.committer, recording.ingest)
    agents.note_session(SESSION)
    before = word_ns(recording)
    monkeypatch.setattr(words, "_WORD_EVERY_NS", 0)
    said_ns = time.time_ns()
    agents.health(AgentHealth(session=SESSION, node_id="aa", agent_id="one", is_dead=is_dead))
    assert (word_ns(recording) > said_ns) == (not is_dead)
    assert word_ns(recording) >= before
    recording.close()


def word_ns(recording: LogRecording) -> int:
    """When the session was last heard of."""
    found: int = recording.database.read(lambda connection: connection.execute("SELECT word_ns FROM session WHERE session = ?", [SESSION]).fetchone()[0])
    return found
