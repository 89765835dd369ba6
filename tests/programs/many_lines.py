"""Prints numbered lines from plain tasks, async actors and threaded actors; each line names the task that prints it."""

import asyncio
import sys

import ray

LINES = int(sys.argv[1])  # of each task and each call
TASKS, ACTORS, CALLS = 20, 5, 10


def me():
    context = ray.get_runtime_context()
    return f"{context.get_task_id()} {context.get_attempt_number() if hasattr(context, 'get_attempt_number') else 0}"


@ray.remote(num_cpus=0.1, max_retries=0)
def plain():
    name = me()
    for number in range(LINES):
        print(f"by {name} line {number}")


@ray.remote(num_cpus=0)
class Async:
    async def talk(self):
        name = me()
        for number in range(LINES):
            print(f"by {name} line {number}")
            if number % 10 == 0:
                await asyncio.sleep(0)


@ray.remote(num_cpus=0, max_concurrency=CALLS)
class Threaded:
    def talk(self):
        name = me()
        for number in range(LINES):
            print(f"by {name} line {number}")


ray.init(num_cpus=2, log_to_driver=False)
actors = [kind.remote() for kind in (Async, Threaded) for _ in range(ACTORS)]
calls = [actor.talk.remote() for actor in actors for _ in range(CALLS)]
ray.get([plain.remote() for _ in range(TASKS)] + calls)
print(f"printed {(TASKS + len(calls)) * LINES} lines")
