"""Ships scrapes into a store of metrics with flushes, merges and thinning all the time, and prints each time that is durable, until it is killed."""

import sys
import threading
import time
from pathlib import Path

from support.metrics import AgentBodies, MetricRecording, key

folder, begin_ms = Path(sys.argv[1]), int(sys.argv[2])
recording, agent = MetricRecording(folder), AgentBodies(epoch=f"epoch-{begin_ms}")


def tidy():
    while True:
        time.sleep(0.01)
        recording.ingest.flush()
        recording.ingest.upkeep.tidy(int(time.time() * 1000), 1.0)


threading.Thread(target=tidy, daemon=True).start()
for at in range(1_000_000):
    recording.ship(agent.body((begin_ms + at, {key("x", n=str(at % 50 + number)): float(at) for number in range(20)})))
    print(begin_ms + at, flush=True)
