"""A cluster of two raylets on one host, which obeys the words that it reads: `print N`, `kill`, `end`."""

import os
import signal
import sys

import ray
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "resources": {"first": 100}})
second = cluster.add_node(num_cpus=1, resources={"second": 100})
ray.init(address=cluster.address, log_to_driver=False)


@ray.remote(num_cpus=0)
class Talker:
    def say(self, where, first, count):
        for number in range(first, first + count):
            print(f"{where} line {number}")
        return ray.get_runtime_context().get_node_id()


first_talker = Talker.options(resources={"first": 1}).remote()
second_talker = Talker.options(resources={"second": 1}).remote()
nodes = ray.get([first_talker.say.remote("first", 0, 1), second_talker.say.remote("second", 0, 1)])
print(ray._private.worker._global_node.get_session_dir_path(), *nodes, flush=True)

said = 1
for word in sys.stdin:
    command, *arguments = word.split()
    if command == "print":
        count = int(arguments[0])
        ray.get([first_talker.say.remote("first", said, count), second_talker.say.remote("second", said, count)])
        said += count
    elif command == "kill":
        ray.get(second_talker.say.remote("second", said, 500))
        os.kill(second.all_processes["raylet"][0].process.pid, signal.SIGKILL)
    elif command == "end":
        break
    print("done", flush=True)
ray.shutdown()
cluster.shutdown()
