"""One task, in a runtime env of the kind that is named."""

import sys

import ray

RUNTIME_ENVS = {"env_vars": {"env_vars": {"PYTHONPATH": "/somewhere/else"}}, "working_dir": {"working_dir": sys.argv[2]}}


@ray.remote
def task():
    import multiprocessing
    import os

    print(f"task={ray.get_runtime_context().get_task_id()} how=print n=0", flush=True)
    child = multiprocessing.get_context("fork").Process(target=print, args=("from a child",))
    child.start()
    child.join()
    return os.environ.get("PYTHONPATH")


ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, runtime_env=RUNTIME_ENVS.get(sys.argv[1]))
ray.get(task.remote())
print("logs:", ray._private.worker._global_node.get_logs_dir_path(), flush=True)
sys.stdin.read()
