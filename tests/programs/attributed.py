"""Prints lines that say which task they are of, in every way that a task has; then waits for its stdin to end."""

import asyncio
import logging
import os
import subprocess
import sys
import threading
import time

import ray

LINES = int(os.environ.get("LINES_EACH", "20"))


def me():
    return ray.get_runtime_context().get_task_id()


def say(n, how="print", task=None):
    task = task or me()
    text = f"task={task} how={how} n={n}"
    if how == "print":
        print(text)
    elif how == "parts":
        print("task=", end="")
        print(task, end=" ")
        print(f"how={how}", f"n={n}")
    elif how == "err":
        print(text, file=sys.stderr)
    elif how == "logging":
        logging.getLogger("user").warning(text)
    elif how == "native":
        os.write(1, text.encode() + b"\n")
    elif how == "child":
        subprocess.run(["echo", text], check=True)
    elif how == "long":
        print(text, "x" * 100_000)


PYTHON = ("print", "parts", "err", "logging")
ALL = (*PYTHON, "native", "child", "long")


@ray.remote
def plain(k):
    for n in range(LINES):
        say(n, ALL[n % len(ALL)])
    print(f"task={me()} how=end n=0", end="")
    return me()


@ray.remote
def threads():
    task = me()
    mine = [threading.Thread(target=lambda k=k: [say(n, "parts", task) for n in range(LINES)]) for k in range(3)]
    [thread.start() for thread in mine]
    [thread.join() for thread in mine]


@ray.remote
def generate():
    for n in range(LINES):
        say(n, "parts")
        yield n


@ray.remote(max_retries=2, retry_exceptions=True)
def retried(folder):
    say(0)
    open(os.path.join(folder, f"{os.getpid()}-{time.time_ns()}"), "w").close()
    print(f"task={me()} how=attempt n={len(os.listdir(folder)) - 1}")
    if len(os.listdir(folder)) < 3:
        raise ValueError("again")


@ray.remote
def with_children():
    """A child that outlives its task."""
    subprocess.Popen(["sh", "-c", "sleep 1; printf '\\norphan\\n'"])
    say(0)


@ray.remote
class Sync:
    def __init__(self):
        say(0)

    def method(self, k):
        for n in range(LINES):
            say(n, ALL[n % len(ALL)])


@ray.remote
class Async:
    def __init__(self):
        say(0)

    async def method(self, k):
        for n in range(LINES):
            say(n, PYTHON[n % len(PYTHON)])
            await asyncio.sleep(0.001 * (k % 3))
            print(f"task={me()} ", end="")
            await asyncio.sleep(0.001)
            print(f"how=torn n={n}")
        await asyncio.to_thread(say, 0, "parts", me())

    async def generate(self):
        for n in range(LINES):
            say(n, "parts")
            await asyncio.sleep(0.001)
            yield n

    def sync(self):
        say(0)


@ray.remote(max_concurrency=4)
class Threaded:
    def __init__(self):
        say(0)

    def method(self, k):
        for n in range(LINES):
            say(n, PYTHON[n % len(PYTHON)])
            print(f"task={me()} ", end="")
            time.sleep(0.0005)
            print(f"how=torn n={n}")


@ray.remote(concurrency_groups={"io": 2})
class Grouped:
    @ray.method(concurrency_group="io")
    def io(self):
        for n in range(LINES):
            say(n, "parts")
            time.sleep(0.0005)

    def main(self):
        for n in range(LINES):
            say(n, "parts")
            time.sleep(0.0005)


def run(folder):
    ray.init(num_cpus=6, include_dashboard=False, log_to_driver=False)
    work = [plain.remote(k) for k in range(20)]
    work += [threads.remote(), retried.remote(folder), with_children.remote()]
    actors = [Async.remote() for _ in range(int(os.environ.get("ASYNC_ACTORS", "2")))]
    work += [actor.method.remote(k) for actor in actors for k in range(10)]
    work += [actor.sync.remote() for actor in actors]
    for actor in actors:
        [ray.get(ref) for ref in actor.generate.remote()]
    [ray.get(ref) for ref in generate.remote()]
    ray.get(work)
    more = [Threaded.options(num_cpus=0).remote() for _ in range(int(os.environ.get("THREADED_ACTORS", "2")))]
    sync, grouped = Sync.options(num_cpus=0).remote(), Grouped.options(num_cpus=0).remote()
    work = [actor.method.remote(k) for actor in more for k in range(8)] + [sync.method.remote(k) for k in range(3)]
    work += [grouped.io.remote() for _ in range(3)] + [grouped.main.remote() for _ in range(3)]
    ray.get(work)
    print("logs:", ray._private.worker._global_node.get_logs_dir_path(), flush=True)
    sys.stdin.read()


run(sys.argv[1])
