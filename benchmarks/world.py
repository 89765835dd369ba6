"""What happens in a generated session: its ids, and its attempts with their times, the same for the same seed. How it is told is wire.py's."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from random import Random
from time import gmtime, strftime
from typing import Final

from msgspec import Struct

SECOND: Final = 1_000_000_000
"""In nanoseconds: how often owners and executors report."""
_EPOCH: Final = 1_795_000_000 * SECOND

_ACTOR_TASKS: Final = 0.13
"""Which part of attempts are methods of actors."""


class Shape(Struct, frozen=True, kw_only=True):
    """What the stream is of. ``rate``: attempts submitted in one second of its own time. ``part``: which slice of a session's ids."""

    attempts: int
    seed: int = 1
    session: str = ""
    jobs: int = 4
    workers: int = 16
    functions: int = 200
    actors: int = 8
    failed: float = 0.02
    retried: float = 0.25
    merged: float = 0.3
    rate: int = 2000
    start_ns: int = _EPOCH

    @property
    def session_name(self) -> str:
        """Ray's name of the session."""
        return self.session or strftime("session_%Y-%m-%d_%H-%M-%S", gmtime(self.start_ns // SECOND)) + f"_{self.seed:06d}_7694"


class Plan(Struct, frozen=True, gc=False):
    """One attempt before it is told as events. Times are UTC ns. ``error``: the value of the exception, empty if it succeeds."""

    task: bytes
    number: int
    job: int
    actor: int
    function: int
    worker: int
    created_ns: int
    submitted_ns: int
    running_ns: int
    ended_ns: int
    error: str


class World(Struct):
    """The ids that the whole stream shares, as base64, and the randomness of the rest."""

    shape: Shape
    random: Random
    node: str
    workers: list[bytes]
    actors: list[bytes]

    def event_id(self) -> str:
        """A fresh one."""
        return base64(self.random.randbytes(28))


def make_world(shape: Shape) -> World:
    """The ids of a shape."""
    random = Random(shape.seed)
    workers = [random.randbytes(28) for _ in range(shape.workers)]
    actors = [random.randbytes(12) + job_id(at % shape.jobs) for at in range(shape.actors)]
    return World(shape, random, base64(random.randbytes(28)), workers, actors)


def job_id(job: int) -> bytes:
    """The id of the job with that index."""
    return (job + 1).to_bytes(4, "little")


def base64(raw: bytes) -> str:
    """An id on the wire."""
    return b64encode(raw).decode()


def timestamp(ns: int) -> str:
    """A time on the wire."""
    return f"{_second(ns // SECOND)}.{ns % SECOND:09d}Z"


@lru_cache(maxsize=4096)
def _second(at: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(at))


def ticks(world: World) -> Iterator[list[Plan]]:
    """What is submitted in each second."""
    shape = world.shape
    for first in range(0, shape.attempts, shape.rate):
        yield [_plan(world, at) for at in range(first, min(first + shape.rate, shape.attempts))]


def _plan(world: World, at: int) -> Plan:
    shape, random = world.shape, world.random
    actor = random.randrange(shape.actors) if shape.actors and random.random() < _ACTOR_TASKS else -1
    job = actor % shape.jobs if actor >= 0 else int(shape.jobs * random.random() ** 2)
    function = int(shape.functions * random.random() ** 3)
    tail = world.actors[actor] if actor >= 0 else b"\xff" * 12 + job_id(job)
    created = shape.start_ns + at * SECOND // shape.rate
    return _timed(world, Plan(random.randbytes(8) + tail, 0, job, actor, function, random.randrange(shape.workers), created, 0, 0, 0, ""))


def retry(world: World, plan: Plan) -> Plan:
    """The attempt that follows a failed one, a second later."""
    return _timed(world, Plan(plan.task, plan.number + 1, plan.job, plan.actor, plan.function, plan.worker, plan.ended_ns + SECOND, 0, 0, 0, ""))


def _timed(world: World, plan: Plan) -> Plan:
    """With its times, and whether it fails. A function's median duration follows from its number: 1 ms to 4 s, ten times that now and then."""
    random = world.random
    submitted = plan.created_ns + int(random.expovariate(1) * 20_000_000)
    running = submitted + 500_000 + random.getrandbits(19)
    ended = running + int(1_000_000 * (1 + plan.function**2 / 10) * random.lognormvariate(0, 0.8))
    error = f"bad value {random.getrandbits(20)}" if random.random() < world.shape.failed else ""
    return Plan(plan.task, plan.number, plan.job, plan.actor, plan.function, plan.worker, plan.created_ns, submitted, running, ended, error)
