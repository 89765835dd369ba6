"""A thread that the first task of a worker leaves behind prints while the second one runs in that worker."""

import queue
import sys
import threading

import ray


@ray.remote(num_cpus=1)
def task(number):
    if number == 0:
        sys.asked, sys.answered = queue.Queue(), queue.Queue()
        threading.Thread(target=answer, args=(sys.asked, sys.answered), daemon=True).start()
    print(f"before {number}")
    sys.asked.put(number)
    sys.answered.get()
    print(f"after {number}")


def answer(asked, answered):
    while True:
        print(f"stray answer to {asked.get()}")
        answered.put(None)


ray.init(num_cpus=1, log_to_driver=False)
ray.get(task.remote(0))
ray.get(task.remote(1))
