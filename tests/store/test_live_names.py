"""The name of a line that is followed live, before any event has told of its task."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rayscope.query.logs.request import LogQuery
from support.logs import OUT, LogRecording, chunk


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[LogRecording]:
    recording = LogRecording(tmp_path)
    yield recording
    recording.close()


def test_a_live_line_has_the_name_that_ray_wrote_before_it(recording: LogRecording) -> None:
    """Across arrivals; an actor's is its class or repr."""
    follower = recording.logs.follow(LogQuery(), "0")
    first, second, third = b":job_id:01000000\nnobody\n:task_name:load\none\n", b"two\n:task_name:store\nthr", b"ee\n:actor_name:Trainer(7)\nfour\n"
    names: list[tuple[str, str | None]] = []
    for offset, data in ((0, first), (len(first), second), (len(first) + len(second), third)):
        recording.ship(chunk(OUT, offset, data))
        names += [(line.text, line.name) for line in follower.take().lines]
    assert names == [("nobody", None), ("one", "load"), ("two", "load"), ("three", "store"), ("four", "Trainer(7)")]
