"""Following a job's output: what is waited for, and what ends it. Against a client that answers by script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Self

import pytest

from rayscope import jobs
from rayscope.errors import NotFound, RayscopeError, ServerUnreachable, Unavailable
from rayscope.model.job import DriverOutput


class Clock:
    """Time that passes only where the follower sleeps."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Answers:
    """What the server says, one answer after the other; the last one again and again."""

    def __init__(self, *script: DriverOutput | RayscopeError) -> None:
        self.script = list(script)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def driver_output(self, *_: object) -> DriverOutput:
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, RayscopeError):
            raise answer
        return answer


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Iterator[DriverOutput]]:
    def started(*script: DriverOutput | RayscopeError) -> Iterator[DriverOutput]:
        monkeypatch.setattr(jobs, "time", Clock())
        monkeypatch.setattr(jobs, "Client", lambda *_: Answers(*script))
        return jobs.follow_job_logs("kills", address="http://127.0.0.1:1")

    return started


def output(data: bytes, offset: int, status: str) -> DriverOutput:
    return DriverOutput(
        session="s",
        job_id=None,
        submission_id="kills",
        stream="out",
        streams=["out"],
        status=status,
        message=None,
        exit_code=None,
        is_terminal=status != "RUNNING",
        lost_bytes=0,
        data=data,
        offset=offset,
        next_offset=offset + len(data),
        size=offset + len(data),
    )


UNKNOWN = NotFound("Job kills does not exist")
GONE = ServerUnreachable("no server")


def test_a_server_that_came_back_may_learn_of_the_job_later(follow: Callable[..., Iterator[DriverOutput]]) -> None:
    """Its cluster had not told it of the job when it was killed: the follower, who has seen the job, waits."""
    found = follow(
        output(b"one\n", 0, "RUNNING"), GONE, UNKNOWN, Unavailable("not yet"), UNKNOWN, output(b"two\n", 4, "SUCCEEDED"), output(b"", 8, "SUCCEEDED")
    )
    assert b"".join(part.data for part in found) == b"one\ntwo\n"


def test_a_job_that_stays_unknown_ends_in_the_error(follow: Callable[..., Iterator[DriverOutput]]) -> None:
    found = follow(output(b"one\n", 0, "RUNNING"), GONE, UNKNOWN)
    assert next(found).data == b"one\n"
    with pytest.raises(NotFound, match="does not exist"):
        next(found)


def test_a_job_that_was_never_seen_is_not_waited_for(follow: Callable[..., Iterator[DriverOutput]]) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        next(follow(UNKNOWN))
