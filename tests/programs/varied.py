"""A program with a bit of everything, which ends at once after its last task, with exit code 3."""

import argparse
import os
import sys
import time

import ray
from ray.util import placement_group

parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int)
rows = parser.parse_args().rows


@ray.remote
def double(x):
    return 2 * x


@ray.remote(max_retries=2, retry_exceptions=True)
def flaky(path):
    with open(path, "a") as file:
        file.write(".")
    if os.path.getsize(path) < 2:
        raise ConnectionError("reset")
    return "fine"


@ray.remote
def broken():
    raise ValueError("bad row 17")


@ray.remote
def outer(x):
    return ray.get(double.remote(x))


@ray.remote
def napper():
    time.sleep(60)


@ray.remote
class Counter:
    def __init__(self):
        self.n = 0

    def add(self):
        self.n += 1
        return self.n


@ray.remote
class Mortal:
    def die(self):
        os._exit(1)


def fails(ref):
    try:
        ray.get(ref)
    except ray.exceptions.RayError:
        return True
    return False


ray.init(num_cpus=3, logging_level="ERROR")
print("to stdout", flush=True)
print("to stderr", file=sys.stderr, flush=True)
group = placement_group([{"CPU": 0.1}], name="corner")
ray.get(group.ready())
counter = Counter.options(name="the counter").remote()
nap = napper.options(num_cpus=0.1).remote()
assert fails(broken.remote())
assert fails(Mortal.remote().die.remote())
assert ray.get(flaky.remote(os.path.join(ray._private.worker._global_node.get_session_dir_path(), "tries"))) == "fine"
assert ray.get(outer.remote(4)) == 8
ray.get([double.remote(i) for i in range(rows)])
assert ray.get([counter.add.remote() for _ in range(rows // 3)])[-1] == rows // 3
sys.exit(3)
