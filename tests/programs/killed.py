"""A task that prints for ever."""

import sys
import time

import ray


@ray.remote(max_retries=0)
def forever():
    n = 0
    while True:
        print(f"task={ray.get_runtime_context().get_task_id()} how=print n={n}")
        n += 1
        time.sleep(0.001)


ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
work = forever.remote()
print("logs:", ray._private.worker._global_node.get_logs_dir_path(), flush=True)
sys.stdin.read()
