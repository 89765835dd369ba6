"""Three seconds of counting, by a driver, a task and an actor; what each counted last is set a moment before the end."""

import os
import time

import ray
from ray.util.metrics import Counter, Gauge, Histogram


@ray.remote
def task(seconds):
    counter = Counter("demo_tasks", description="What the task counted.", tag_keys=("kind",))
    until = time.time() + seconds
    count = 0
    while time.time() < until:
        counter.inc(1, {"kind": "x"})
        count += 1
        time.sleep(0.01)
    return count


@ray.remote
class Actor:
    def __init__(self):
        self.counter = Counter("demo_actor", description="What the actor counted.")
        self.histogram = Histogram("demo_seconds", description="How long.", boundaries=[0.1, 1, 10])

    def work(self, seconds):
        until = time.time() + seconds
        count = 0
        while time.time() < until:
            self.counter.inc(2)
            self.histogram.observe(0.5)
            count += 2
            time.sleep(0.01)
        return count


ray.init(num_cpus=2)
driver = Counter("demo_driver", description="What the driver counted.")
level = Gauge("demo_level", description="A level.")
level.set(7)
actor = Actor.remote()
running = [task.remote(1.5), actor.work.remote(1.5)]
driver.inc(5)
counts = ray.get(running)
driver.inc(6)
if os.environ.get("COUNTED_TO"):
    with open(os.environ["COUNTED_TO"], "w") as file:
        file.write(" ".join(map(str, [*counts, 11])))
