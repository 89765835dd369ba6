"""What an agent does again and again beside shipping files: one line each. A job that fails says so and is tried again at its next time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Awaitable, Callable, NamedTuple

from rayscope.agent.errors import ServerAway
from rayscope.agent.health import post_health
from rayscope.agent.objects import watch_objects
from rayscope.agent.states import post_states
from rayscope.agent.talk import say

if TYPE_CHECKING:
    from rayscope.agent.node import NodeAgent


class Job(NamedTuple):
    """Work for an agent every so often. ``head_only``: what concerns the whole cluster is done by the head node's agent alone."""

    name: str
    interval_s: float
    work: Callable[[NodeAgent], Awaitable[None]]
    head_only: bool = False


JOBS = (
    Job("health", 5.0, post_health),
    Job("states", 5.0, post_states, head_only=True),
    Job("objects", 1.0, watch_objects, head_only=True),
)


def jobs_of(agent: NodeAgent) -> list[Job]:
    """Those of this agent's node."""
    return [job for job in JOBS if agent.place.is_head or not job.head_only]


async def keep_doing(agent: NodeAgent, job: Job) -> None:
    """Do it now, and again each interval, until cancelled. Bad luck of one job is no other's."""
    while True:
        try:
            await job.work(agent)
        except ServerAway:
            pass  # shipping says so, and waits for it
        except Exception as error:  # noqa: BLE001 whatever it is, the other work goes on
            say(f"{job.name}: {type(error).__name__}: {error}")
        await asyncio.sleep(job.interval_s)
