"""A program on a cluster that runs already: a task that prints, one that fails, an actor that stays until it is told to go."""

import sys

import ray

ray.init(address="auto", log_to_driver=False)


@ray.remote
def shout(word):
    print(f"shouted {word}")


@ray.remote
def fail():
    raise ValueError("as planned")


@ray.remote(num_cpus=0)
class Keeper:
    def keep(self):
        return 1


keeper = Keeper.options(name="keeper").remote()
ray.get(keeper.keep.remote())
ray.get([shout.remote(number) for number in range(5)])
try:
    ray.get(fail.remote())
except ValueError:
    pass
print("ready", flush=True)
sys.stdin.read()
