"""Work in two halves; the second starts when a file appears, so that a watcher can see both. Ends with a failure if told so.

python followed.py FOLDER [fail]
"""

import sys
import time
from pathlib import Path

import ray

FOLDER = Path(sys.argv[1])
SHOULD_FAIL = sys.argv[2:] == ["fail"]


def wait_for(name):
    while not (FOLDER / name).exists():
        time.sleep(0.05)


@ray.remote
def step(number):
    print(f"\033[32mstep {number} was here\033[0m")
    return number


@ray.remote
def held(data, folder):
    while not Path(folder, "second").exists():
        time.sleep(0.05)
    return len(data)


ray.init(num_cpus=2)
kept = ray.put(bytes(3_000_000))
holder = held.remote(kept, str(FOLDER))
print("half:", sum(ray.get([step.remote(number) for number in range(5)])), flush=True)
wait_for("second")
print("all:", sum(ray.get([step.remote(number) for number in range(5, 12)])), ray.get(holder), flush=True)
wait_for("end")
if SHOULD_FAIL:
    raise RuntimeError("told to fail")
