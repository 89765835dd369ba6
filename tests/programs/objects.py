"""Objects of all kinds: put, returned, lent to a running task, spilled, and left behind by a dead actor.

    python objects.py FOLDER INGEST_URL

Takes three snapshots as the agent does, and writes what Ray itself says at the end into the folder.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import numpy as np
import ray
from ray.util import state
from ray.util.state.api import StateApiClient

from rayscope.agent.objects import ObjectWatch, Where, fetch, teller

FOLDER, INGEST = Path(sys.argv[1]), sys.argv[2]
MB = 1_000_000


@ray.remote
class Keeper:
    def keep(self):
        self.kept = [ray.put(np.zeros(2 * MB, dtype=np.uint8)) for _ in range(2)]
        return self.kept


@ray.remote
def hold(array, path):
    Path(path, "holding").touch()
    while not Path(path, "done").exists():
        time.sleep(0.05)
    return len(array)


@ray.remote
def produce(size):
    return np.ones(size, dtype=np.uint8)


def wait_for(is_so, what):
    deadline = time.monotonic() + 90
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


ray.init(num_cpus=3, object_store_memory=120 * MB, include_dashboard=True)
node = ray._private.worker.global_worker.node
watch = ObjectWatch(Where(Path(node.get_session_dir_path()).name, node.webui_url, node.get_session_dir_path()), fetch, teller(INGEST))

first = ray.put(np.zeros(10 * MB, dtype=np.uint8))
asyncio.run(watch.take("demand"))

keeper = Keeper.remote()
borrowed = ray.get(keeper.keep.remote())
held = ray.get(borrowed)
returned = produce.remote(3 * MB)
lent = hold.remote(first, str(FOLDER))
wait_for(lambda: (FOLDER / "holding").exists(), "a task that holds its argument")
asyncio.run(watch.take("demand"))

del held
grown = [ray.put(np.zeros(30 * MB, dtype=np.uint8)) for _ in range(5)]  # more than the store holds: some are spilled
keeper_pid = next(actor.pid for actor in state.list_actors() if actor.class_name == "Keeper")
ray.kill(keeper)
wait_for(lambda: keeper_pid not in {row.pid for row in state.list_objects()}, "the actor's references to go")
wait_for(lambda: any(node.get("spilled_bytes", 0) > 0 for node in asyncio.run(watch._store_stats())), "the metrics to tell of spilling")
time.sleep(1.5)  # so that the death is older than the snapshot by more than any clock's grain
asyncio.run(watch.take("demand"))

client = StateApiClient()
live = {"objects": [row.asdict() for row in state.list_objects(limit=1000, detail=True)], "summary": state.summarize_objects()}
live["ids"] = {
    "first": first.hex(), "returned": returned.hex(), "borrowed": [ref.hex() for ref in borrowed], "grown": [ref.hex() for ref in grown],
    "produce": returned.task_id().hex(), "keeper_pid": keeper_pid,
}  # fmt: skip
(FOLDER / "live.json").write_text(json.dumps(live, default=str))
