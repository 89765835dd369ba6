"""Prints numbered lines from tasks; in the middle it kills the agent that watches it, as an operating system short of memory would."""

import glob
import os
import signal
import time

import ray

ray.init(num_cpus=2, log_to_driver=False)


@ray.remote
def count(name, first, last):
    for number in range(first, last):
        print(f"{name} counted {number}")


session = ray._private.worker._global_node.get_session_dir_path()
ray.get([count.remote(name, 0, 500) for name in ("a", "b")])
deadline = time.monotonic() + 60
while not glob.glob(f"{session}/rayscope-agent-*.lock") and time.monotonic() < deadline:
    time.sleep(0.05)
with open(glob.glob(f"{session}/rayscope-agent-*.lock")[0]) as lock:
    os.kill(int(lock.read().split()[1]), signal.SIGKILL)
ray.get([count.remote(name, 500, 1000) for name in ("a", "b")])
