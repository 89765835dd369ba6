"""Tasks and an async actor that print numbered lines; half of them after a file has appeared."""

import asyncio
import os
import sys
import time

import ray


@ray.remote
def task_foo(k, go):
    for n in range(1000):
        print(f"foo {k} line {n}")
        if n == 499:
            while not os.path.exists(go):
                time.sleep(0.05)
    print(f"foo {k} to stderr", file=sys.stderr)
    print("the same in all")


@ray.remote
class Speaker:
    def __repr__(self):
        return "Speaker(7)"

    async def speak(self, k):
        for n in range(100):
            print(f"speaker {k} line {n}")
            await asyncio.sleep(0.001)


ray.init(num_cpus=3, include_dashboard=False)
work = [task_foo.remote(k, sys.argv[1]) for k in range(2)]
speaker = Speaker.remote()
ray.get([speaker.speak.remote(k) for k in range(5)])
print("the speaker has spoken", flush=True)
ray.get(work)
print("the program's last line", flush=True)
