"""A small pipeline on Ray, as a newcomer would write it: nothing in it knows Rayscope.

    load ──► clean ──► score (a pool of actors) ──► rank      and a live counter, a flaky download, a bad row, a crash

and metrics of its own: rows scored, how long a shard takes, shards reported.

Run by `rayscope demo`, or by hand: `rayscope run program.py --fast`.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time

import ray
from ray.util import ActorPool, placement_group, remove_placement_group
from ray.util.metrics import Counter, Gauge, Histogram
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

FAST = "--fast" in sys.argv
PACE = 0.1 if FAST else 1.0
SHARDS, ROWS = (8, 25) if FAST else (24, 200)


@ray.remote
def load(shard: int) -> list[int]:
    """Stage 1, fan-out: one task a shard. Every sixth shard is ten times as slow as the others."""
    time.sleep((3.0 if shard % 6 == 5 else 0.3) * PACE)
    return [shard * ROWS + row for row in range(ROWS)]


@ray.remote
def clean(rows: list[int]) -> list[int]:
    """Stage 2: one task a shard, each after its load."""
    time.sleep(random.uniform(0.1, 0.5) * PACE)
    return [row for row in rows if row % 7]


@ray.remote
class Scorer:
    """Stage 3: a pool of actors, each with a model that takes a while to load."""

    def __init__(self) -> None:
        self.scored = Counter("demo_rows_scored", description="Rows that got a score.")
        self.took = Histogram("demo_scoring_seconds", description="How long a shard takes to score.", boundaries=[0.01, 0.03, 0.1, 0.3, 1, 3])
        time.sleep(0.5 * PACE)

    def score(self, rows: list[int]) -> float:
        start = time.time()
        time.sleep(0.2 * PACE)
        self.scored.inc(len(rows))
        self.took.observe(time.time() - start)
        return sum(row % 13 for row in rows) / len(rows)


@ray.remote
def rank(*scores: float) -> list[float]:
    """Stage 4, fan-in: one task that waits for all."""
    return sorted(scores, reverse=True)[:3]


@ray.remote
class Progress:
    """An async actor: many calls at once, all in one process."""

    def __init__(self) -> None:
        self.seen = 0
        self.reported = Gauge("demo_shards_reported", description="Shards reported so far, of %d." % SHARDS)

    async def report(self, shard: int) -> int:
        await asyncio.sleep(0.2 * PACE)
        self.seen += 1
        self.reported.set(self.seen)
        return self.seen


@ray.remote(max_retries=3, retry_exceptions=[ConnectionError])
def download(mirror: str) -> str:
    """Fails at its first two tries, then succeeds: three attempts of one task."""
    tries = f"{mirror}.tries"
    with open(tries, "a") as file:
        file.write(".")
    if os.path.getsize(tries) < 3:
        raise ConnectionError(f"{os.path.basename(mirror)}: connection reset by peer")
    return "a vocabulary"


@ray.remote
def parse(row: int) -> int:
    """Fails, for good, on one row."""
    if row == 17:
        raise ValueError(f"bad row {row}: expected a number, got 'n/a'")
    return row


@ray.remote(max_restarts=0)
class Cache:
    """An actor that dies: its process ends itself in the middle of a call."""

    def warm(self) -> str:
        return "warm"

    def overflow(self) -> None:
        os._exit(1)


@ray.remote(num_cpus=0.5)
def shuffle(part: int) -> int:
    """Runs in a placement group."""
    time.sleep(0.4 * PACE)
    return part


def main() -> None:
    ray.init(num_cpus=4, logging_level="ERROR")
    say("load, clean and score: %d shards, a pool of 3 actors" % SHARDS)
    progress = Progress.remote()
    cleaned = [clean.remote(load.remote(shard)) for shard in range(SHARDS)]
    pool = ActorPool([Scorer.remote() for _ in range(3)])
    scores = list(pool.map_unordered(lambda scorer, rows: scorer.score.remote(rows), cleaned))
    ray.get([progress.report.remote(shard) for shard in range(SHARDS)])
    say("best scores: %s" % ray.get(rank.remote(*scores)))

    say("a flaky download: %s" % ray.get(download.remote(os.path.join(os.environ.get("TMPDIR", "/tmp"), "vocabulary-%d" % os.getpid()))))
    say("parsing 40 rows: %s" % outcome([parse.remote(row) for row in range(40)]))
    cache = Cache.remote()
    say("the cache is %s" % ray.get(cache.warm.remote()))
    say("and then it dies: %s" % outcome([cache.overflow.remote()]))

    group = placement_group([{"CPU": 1}, {"CPU": 1}], strategy="PACK", name="shuffle")
    ray.get(group.ready())
    strategy = PlacementGroupSchedulingStrategy(placement_group=group)
    ray.get([shuffle.options(scheduling_strategy=strategy).remote(part) for part in range(12)])
    say("shuffled in a placement group")
    remove_placement_group(group)


def outcome(refs: list) -> str:
    """How many results there are, and the first error's first line."""
    errors = []
    for ref in refs:
        try:
            ray.get(ref)
        except ray.exceptions.RayError as error:
            errors.append(getattr(error, "cause", None) or error)
    first = str(errors[0]).strip().splitlines()[0] if errors else ""
    return "%d fine%s" % (len(refs) - len(errors), ", %d failed: %s" % (len(errors), first) if errors else "")


def say(text: str) -> None:
    print("  %s" % text, flush=True)


if __name__ == "__main__":
    main()
