"""Some work of tasks, actors and a user's own metrics; then quiet, until a file appears."""

import os
import time

import ray
from ray.util.metrics import Counter, Histogram


@ray.remote
def task(number):
    time.sleep(0.05)
    if number % 50 == 7:
        raise ValueError(number)
    return bytes(300_000)


@ray.remote
class Actor:
    def __init__(self):
        self.counter = Counter("demo_actor", description="What the actor counted.", tag_keys=("kind",))
        self.histogram = Histogram("demo_seconds", description="How long.", boundaries=[0.1, 1, 10])

    def work(self, number):
        self.counter.inc(number + 1, {"kind": str(number % 3)})
        self.histogram.observe(number / 10)
        return number


ray.init(num_cpus=2)
actor = Actor.remote()
tasks = [task.options(max_retries=0).remote(number) for number in range(150)]
ray.get([actor.work.remote(number) for number in range(60)])
ray.wait(tasks, num_returns=len(tasks), timeout=60)
held = [ray.put(bytes(1_000_000)) for _ in range(5)]
while not os.path.exists(os.environ["CHARTED_UNTIL"]):
    time.sleep(0.2)
