"""A stream of exported events as Ray 2.60 sends them: the same fields, order, sizes and mixture, the same for the same seed.

Owners report definitions and ends, executors RUNNING and profiles, each about once a second; so the events of one attempt lie
some batches apart. Held against a recording by `python -m benchmarks.stream --against DIR` (see `benchmarks.record`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import count, islice
from pathlib import Path
from typing import Final

from benchmarks import wire
from benchmarks.figures import Figure, options, show
from benchmarks.world import SECOND, Plan, Shape, make_world, retry, ticks

BATCH: Final = 1000
"""Events in one POST of Ray's exporter."""


def events(shape: Shape) -> Iterator[str]:
    """Every event as JSON text, in the order in which an exporter sends them: nothing is told before it happened."""
    world = make_world(shape)
    yield from wire.cluster_events(world)
    waiting: list[tuple[int, int, Plan]] = []
    retries: list[Plan] = []
    submitting = ticks(world)
    for second in count(1):
        plans = [*next(submitting, []), *retries]
        now_ns = shape.start_ns + second * SECOND
        merged = {at for at, plan in enumerate(plans) if plan.ended_ns < now_ns and world.random.random() < shape.merged}
        yield from wire.owner_events(world, plans, merged, ended := _pop_ended(waiting, now_ns))
        yield from wire.executor_events(world, plans, [*ended, *(plans[at] for at in sorted(merged))])
        for at, plan in enumerate(plans):
            if at not in merged:
                heappush(waiting, (plan.ended_ns, second * shape.rate * 2 + at, plan))
        retries = [retry(world, plan) for plan in ended if plan.error and plan.number == 0 and world.random.random() < shape.retried]
        if second * shape.rate >= shape.attempts and not waiting and not retries:
            return


def _pop_ended(waiting: list[tuple[int, int, Plan]], now_ns: int) -> list[Plan]:
    """Those that ended before a time."""
    ended: list[Plan] = []
    while waiting and waiting[0][0] < now_ns:
        ended.append(heappop(waiting)[2])
    return ended


def bodies(shape: Shape, size: int = BATCH) -> Iterator[bytes]:
    """The same as bodies of POSTs."""
    stream = events(shape)
    while batch := list(islice(stream, size)):
        yield f"[{', '.join(batch)}]".encode()


def describe(texts: Iterable[str]) -> list[Figure]:
    """Events and bytes an attempt, and the share of each event type."""
    kinds: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for text in texts:
        kind = text.split('"eventType": "', 1)[1].split('"', 1)[0]
        kinds[kind] += 1
        sizes[kind] += len(text)
    attempts = kinds["TASK_DEFINITION_EVENT"] + kinds["ACTOR_TASK_DEFINITION_EVENT"]
    told = {kind: count for kind, count in kinds.items() if "TASK" in kind}
    return [
        Figure(name="attempts", value=attempts, unit=""),
        Figure(name="events an attempt", value=sum(told.values()) / attempts, unit=""),
        Figure(name="bytes an attempt", value=sum(sizes[kind] for kind in told) / attempts, unit="B"),
        *(Figure(name=f"{kind.removesuffix('_EVENT').lower()} size", value=sizes[kind] / count, unit="B") for kind, count in sorted(told.items())),
    ]


def recorded_events(folder: Path) -> Iterator[str]:
    """The events of a recording, each as JSON text in Ray's own form."""
    for path in sorted(folder.glob("*.json")):
        yield from (json.dumps(event) for event in json.loads(path.read_bytes()))


def main() -> None:
    """Describe the stream, and a recording beside it; or write the stream as files of bodies."""
    parser = options(__doc__)
    parser.add_argument("--attempts", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="a folder to write the bodies to")
    parser.add_argument("--against", type=Path, help="a folder of a recording to describe, too")
    given = parser.parse_args()
    shape = Shape(attempts=given.attempts, seed=given.seed)
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        for at, body in enumerate(bodies(shape)):
            (given.out / f"{at:06d}.json").write_bytes(body)
    if given.against:
        show(f"recorded in {given.against}", describe(recorded_events(given.against)))
    show("generated", describe(events(shape)), given.json)


if __name__ == "__main__":
    main()
