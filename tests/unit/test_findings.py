"""Each rule of findings: series that it must name, with the evidence, and series that look like it and must not be."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.model.finding import Finding
from rayscope.query.findings import hot_node, idle_gpu, memory_growth, near_oom, oversubscription, spilling
from rayscope.query.findings.facts import Facts, Holder, Job, Running
from rayscope.query.findings.rules import NAMES, RULES, find_all
from rayscope.query.findings.series import Series, grid_of, join, on_grid, rates, spells
from rayscope.query.metrics.frames import ABSENT, STALE, Frame
from support.findings import HOUR_S, MIB, START_MS, A, B, C, D, facts, process, series

GIB = 1024 * MIB
ACTOR = "0123456789abcdef0123456789abcdef"


def only(found: Any) -> Finding:
    (one,) = list(found)
    assert isinstance(one, Finding)
    return one


# memory that grows

Memory = Callable[[float], float]


def leak(second: float) -> float:
    return 200 * MIB + second * MIB / 20


def noisy_leak(second: float) -> float:
    """With a collector that runs every two minutes and frees what is not leaked."""
    return leak(second) + (second % 120) * MIB + random.Random(second).random() * 5 * MIB


GROWING: dict[str, Memory] = {"a straight leak": leak, "one with garbage": noisy_leak, "one in steps": lambda second: 200 * MIB + (second // 60) * 4 * MIB}
NOT_GROWING: dict[str, Memory] = {
    "steady": lambda second: 500 * MIB + random.Random(second).random() * 20 * MIB,
    "a collector's sawtooth": lambda second: 200 * MIB + (second % 900) * MIB,
    "a sawtooth of half an hour": lambda second: 200 * MIB + (second % 1800) * MIB / 2,
    "a start that loads": lambda second: min(second, 50) * 40 * MIB,
    "a model loaded in the middle": lambda second: 200 * MIB + (2 * GIB if second > 1700 else 0),
    "a cache that fills and levels off": lambda second: 200 * MIB + GIB * (1 - math.exp(-second / 400)),
    "one that grew and stopped": lambda second: 200 * MIB + min(second, 2000) * MIB / 4,
    "one that shrinks": lambda second: 2 * GIB - second * MIB / 4,
    "a little": lambda second: 200 * MIB + second * MIB / 200,
    "little for its size": lambda second: 40 * GIB + second * MIB / 20,
}


def memory(values: Memory, seconds: float = HOUR_S, name: str = "rayscope_process_unique_bytes") -> Series:
    return series(name, values, seconds=seconds, pid="18", name="ray::Cache")


@pytest.mark.parametrize("name", GROWING)
def test_memory_that_grows_is_named(name: str) -> None:
    """With the actor whose it is, how fast, and from when on."""
    known = process(18, worker_id="w", actor_id=ACTOR, class_name="Cache", job_id="01000000")
    found = only(memory_growth.find(facts(memory(GROWING[name]), processes=known)))
    assert (found.about.kind, found.about.id) == ("actor", ACTOR)
    assert (found.actor_ids, found.job_ids, found.node_ids, found.until_ms) == ([ACTOR], ["01000000"], [A], None)
    assert "actor Cache (pid 18) on node head 10.0.0.1 keeps growing: " in found.title
    assert found.evidence[0].query == f'rayscope_process_unique_bytes{{node="{A}",pid="18"}}'
    assert len(found.evidence) == 2
    expected = 4 / 60 if "steps" in name else 1 / 20
    assert found.evidence[0].value == pytest.approx(expected * MIB, rel=0.15)


def test_growth_is_told_with_how_long_the_node_has_room() -> None:
    """Where its memory is known, and while it goes on."""
    room = [series("ray_node_mem_used", 30.0 * GIB), series("ray_node_mem_total", 33.0 * GIB)]
    found = only(memory_growth.find(facts(memory(leak), *room)))
    assert found.evidence[2].text == "at that rate the 3 GiB that are free on its node last 17.1 h"
    assert len(only(memory_growth.find(facts(memory(leak), *room, live=False))).evidence) == 2


@pytest.mark.parametrize("name", NOT_GROWING)
def test_memory_that_only_looks_like_growing_is_not(name: str) -> None:
    """Collectors, starts, loaded models, caches."""
    assert not list(memory_growth.find(facts(memory(NOT_GROWING[name]))))


def test_memory_is_not_judged_too_soon() -> None:
    """Ten minutes after a warm-up; then with whatever series there is."""
    assert not list(memory_growth.find(facts(memory(lambda second: second * MIB, 600), seconds=600)))
    found = only(memory_growth.find(facts(memory(lambda second: second * MIB, 800, "rayscope_process_resident_bytes"), seconds=800)))
    assert found.about.kind == "process"
    assert "Cache (pid 18)" in found.title


def test_a_worker_is_told_from_another_with_its_pid() -> None:
    """Two lives of one pid are two processes; a worker's titles are one process."""
    name = "rayscope_process_unique_bytes"
    lives = [series(name, leak, seconds=900, pid="18", worker_id="w1", name="ray::IDLE"), series(name, 300 * MIB, start_s=950, pid="18", worker_id="w2")]
    assert not list(memory_growth.find(facts(*lives)))
    titles = [
        series(name, leak, seconds=1800, pid="18", worker_id="w1", name="ray::IDLE"),
        series(name, leak, start_s=1805, pid="18", worker_id="w1", name="a"),
    ]
    found = only(memory_growth.find(facts(*titles)))
    assert "of a (pid 18)" in found.title
    assert found.since_ms == START_MS + 360_000


def test_a_process_that_ended_was_growing_until_then() -> None:
    """It has an end where the series ends, also in a session that lives."""
    assert only(memory_growth.find(facts(memory(leak, 3000)))).until_ms == START_MS + 3_000_000


# a node near its limit


def node_memory(share: Callable[[float], float] | float, node: str = A) -> list[Series]:
    values = (lambda second: share(second) * 100 * GIB) if callable(share) else share * 100 * GIB
    return [series("ray_node_mem_used", values, node=node, ip="10.0.0.1"), series("ray_node_mem_total", 100 * GIB, node=node, ip="10.0.0.1")]


def running(workers: Collection[str], time_ms: int) -> dict[str, list[Running]]:
    return {worker: [Running(task_id="t1", name="train", job_id="02000000")] for worker in workers if worker == "w19" and time_ms > START_MS}


def test_a_node_near_its_limit_names_who_holds_most() -> None:
    """At the peak, the largest first, with the task that ran there."""
    held = [series("rayscope_process_unique_bytes", size * GIB, pid=pid, name="ray::IDLE") for pid, size in (("18", 10), ("19", 60), ("20", 1), ("21", 0.5))]
    held.append(series("rayscope_process_unique_bytes", 90 * GIB, pid="19", node=B, name="elsewhere"))
    known = process(19, worker_id="w19")
    found = only(near_oom.find(facts(*node_memory(lambda second: 0.97 if 1000 <= second <= 1100 else 0.5), *held, processes=known, running=running)))
    assert found.severity == "error"
    assert found.title == "node head 10.0.0.1 was at 97% of its memory; task train (pid 19) holds most: 60 GiB"
    assert (found.task_ids, found.job_ids) == (["t1"], ["02000000"])
    assert [one.text for one in found.evidence[1:]] == ["task train (pid 19) holds 60 GiB", "IDLE (pid 18) holds 10 GiB", "IDLE (pid 20) holds 1 GiB"]
    assert found.until_ms is not None
    assert START_MS + 1_090_000 <= found.until_ms <= START_MS + 1_160_000


def test_a_node_that_is_only_warm_or_for_a_blink_is_not_named() -> None:
    """Below the threshold, or for one look; one without a total; one that is not known at all."""
    assert not list(near_oom.find(facts(*node_memory(0.89))))
    assert not list(near_oom.find(facts(node_memory(0.99)[0])))
    blink = Series({"__name__": "ray_node_mem_used", "node": A}, np.array([START_MS], np.int64), np.array([99.0 * GIB]))
    late = Series({"__name__": "ray_node_mem_used", "node": A}, np.array([START_MS + 5000], np.int64), np.array([10.0 * GIB]))
    assert not list(near_oom.find(facts(blink, late, node_memory(0.1)[1])))
    assert not list(near_oom.find(facts()))


def test_a_node_at_90_percent_is_a_warning_that_goes_on() -> None:
    """And needs no process to be said."""
    found = only(near_oom.find(facts(*node_memory(0.91))))
    assert (found.severity, found.until_ms, found.task_ids) == ("warning", None, [])


# spilling


def spilled(values: Callable[[float], float] | float, node: str = A) -> Series:
    return series("ray_object_store_memory", values, node=node, Location="SPILLED", ObjectState="")


def test_spilling_is_named_with_how_full_the_store_was() -> None:
    """And the job, where only one ran."""
    store = [
        spilled(lambda second: 0 if second < 600 else min(second - 600, 1000) * MIB),
        series("ray_object_store_memory", 1.9 * GIB, Location="MMAP_SHM", ObjectState="SEALED"),
        series("ray_resources", 0.1 * GIB, Name="object_store_memory", State="AVAILABLE"),
        series("ray_resources", 1.9 * GIB, Name="object_store_memory", State="USED"),
    ]
    job = Job(job_id="01000000", name="shuffle.py", start_ms=START_MS)
    found = only(spilling.find(facts(*store, jobs=[job])))
    assert found.title == "the object store of node head 10.0.0.1 was full: 1000 MiB of objects went to disk"
    assert found.evidence[1].text == "the store itself held up to 1.9 GiB of 2 GiB"
    assert found.job_ids == ["01000000"]
    assert found.since_ms == START_MS + 605_000
    other = Job(job_id="02000000", name="other.py", start_ms=START_MS)
    assert only(spilling.find(facts(*store, jobs=[job, other]))).job_ids == []


def test_what_lay_on_disk_at_the_first_look_was_spilled_by_a_session_that_began_then() -> None:
    """Of one that began before what is looked at it is not known when."""
    was = spilled(500.0 * MIB)
    assert only(spilling.find(facts(was, is_whole=True))).since_ms == START_MS
    assert not list(spilling.find(facts(was)))


@pytest.mark.parametrize("values", [0.0, lambda second: 5 * MIB if second > 100 else 0, lambda second: 500 * MIB if second < 100 else 0])
def test_what_is_no_spilling(values: Callable[[float], float] | float) -> None:
    """Nothing, next to nothing, and what was there before and only went away."""
    assert not list(spilling.find(facts(spilled(values))))


# idle GPUs


def gpus(*utilization: Callable[[float], float] | float, used: Callable[[float], float] | float | None, node: str = A) -> list[Series]:
    cards = [series("ray_node_gpus_utilization", values, node=node, GpuIndex=str(at)) for at, values in enumerate(utilization)]
    if used is None:
        return cards
    count = len(utilization)
    free = (lambda second: count - used(second)) if callable(used) else count - used
    return [*cards, *(series("ray_resources", values, node=node, Name="GPU", State=state) for values, state in ((used, "USED"), (free, "AVAILABLE")))]


def test_idle_gpus_under_a_job_are_named_with_their_holders() -> None:
    """Two are held, one works: one of those held does nothing."""
    holders = [
        Holder(kind="actor", id=ACTOR, name="Trainer", node_id=A, job_id="01000000", start_ms=START_MS - 1),
        Holder(kind="actor", id="late", name="Late", node_id=A, job_id="01000000", start_ms=START_MS + 999_999),
        Holder(kind="task", id="t", name="elsewhere", node_id=B, job_id="02000000", start_ms=START_MS - 1),
    ]
    found = only(idle_gpu.find(facts(*gpus(90.0, 0.0, 0.0, 0.0, used=2.0), holders=holders)))
    sampled = [series("rayscope_gpu_utilization_ratio", values, gpu=str(at)) for at, values in enumerate((0.9, 0.0, 0.0, 0.0))]
    same = only(idle_gpu.find(facts(*sampled, *gpus(0.0, 0.0, 0.0, 0.0, used=2.0), holders=holders)))
    assert same.title == found.title
    assert found.title == "1 of 4 GPUs on node head 10.0.0.1 is held and idle; held by actor Trainer"
    assert (found.actor_ids, found.job_ids, found.task_ids) == ([ACTOR], ["01000000"], [])


@pytest.mark.parametrize(
    "cards",
    [
        gpus(0.0, 0.0, used=0.0),
        gpus(90.0, 0.0, used=1.0),
        gpus(0.0, used=0.5),
        gpus(8.0, used=1.0),
        gpus(lambda second: 100.0 if second % 240 < 60 else 0.0, used=1.0),
        gpus(0.0, used=lambda second: 1.0 if second % 300 < 200 else 0.0),
        gpus(0.0, used=None),
        [],
    ],
    ids=["nobody holds one", "the held one works", "half of one", "it works a little", "it works now and then", "held now and then", "not known", "no GPU"],
)
def test_gpus_that_may_rightly_be_idle(cards: list[Series]) -> None:
    """Not held, not for long, or not known."""
    assert not list(idle_gpu.find(facts(*cards)))


# cores


def cpu(
    busy: Callable[[float], float] | float, *, cores: float = 8, asked: float | None = None, load: float | None = None, host: float = 8, node: str = A
) -> list[Series]:
    found = [series("ray_node_cpu_utilization", busy, node=node), series("ray_node_cpu_count", cores, node=node)]
    if asked is not None:
        found.append(series("ray_resources", asked, node=node, Name="CPU", State="USED"))
    if load is not None:
        found += [series("rayscope_node_load1", load, node=node), series("rayscope_node_cpus", host, node=node)]
    return found


def test_more_cpus_promised_than_there_are() -> None:
    """By a num_cpus that is larger than the machine."""
    found = only(oversubscription.find(facts(*cpu(99.0, asked=32.0, load=30.0))))
    assert found.title == "node head 10.0.0.1 has more to do than its 8 cores can: tasks were promised 32 CPUs"
    assert "do not give it a larger num_cpus" in found.advice


def test_more_threads_than_were_asked_for() -> None:
    """With the processes that use most, at the end of it."""
    used = series("rayscope_process_cpu_seconds_total", lambda second: 6.5 * second, pid="18", name="ray::train")
    found = only(oversubscription.find(facts(*cpu(99.0, asked=2.0, load=24.0), used)))
    assert "24.0 threads want to run" in found.title
    assert "num_cpus=" in found.advice
    assert found.evidence[-1].text == "train (pid 18) uses 6.5 cores"


@pytest.mark.parametrize(
    "figures",
    [
        cpu(99.0, asked=8.0, load=9.0),
        cpu(30.0, asked=32.0, load=2.0),
        cpu(99.0),
        cpu(lambda second: 99.0 if second < 40 else 10.0, asked=32.0),
        cpu(99.0, cores=8, load=11.9),
        cpu(99.0, cores=2, asked=2.0, load=30.0, host=64),
    ],
    ids=["just busy", "promised but idle", "nothing but busy", "for a moment", "a little over", "a container on a busy host"],
)
def test_cores_that_are_rightly_busy(figures: list[Series]) -> None:
    """A node whose every core works for tasks that asked for it is as it should be."""
    assert not list(oversubscription.find(facts(*figures)))


def busy(**nodes: Callable[[float], float] | float) -> list[Series]:
    ids = {"a": A, "b": B, "c": C, "d": D}
    return [series("ray_node_cpu_utilization", values, node=ids[name]) for name, values in nodes.items()]


def test_a_hot_node_is_named() -> None:
    """One works, the others wait."""
    found = only(hot_node.find(facts(*busy(a=20.0, b=97.0, c=10.0, d=15.0))))
    assert found.about.id == B
    assert found.title == "node 10.0.0.2 works at 97 % while half of its 3 peers are below 15 %"


@pytest.mark.parametrize(
    "nodes",
    [
        busy(a=97.0, b=10.0),
        busy(a=97.0, b=90.0, c=85.0),
        busy(a=97.0, b=60.0, c=50.0, d=10.0),
        busy(a=70.0, b=10.0, c=10.0),
        busy(a=lambda second: 97.0 if second % 300 < 90 else 10.0, b=10.0, c=10.0),
    ],
    ids=["too few to compare", "all busy", "the middle is busy", "not busy enough", "for a minute now and then"],
)
def test_nodes_that_are_not_hot(nodes: list[Series]) -> None:
    """What has no peers to be compared with, or is like them."""
    assert not list(hot_node.find(facts(*nodes)))


# all of them


def test_the_worst_comes_first_and_every_kind_has_its_page() -> None:
    """Errors before warnings; what a finding points to is there."""
    found = find_all(facts(*node_memory(0.97), *cpu(99.0, asked=32.0), spilled(lambda second: second * MIB), memory(leak)))
    assert found[0].kind == "node-near-oom"
    assert {one.kind for one in found} == {"node-near-oom", "cpu-oversubscription", "object-store-spilling", "memory-growth"}
    assert len({one.id for one in found}) == len(found)
    text = (Path(__file__).parents[2] / "docs" / "findings.md").read_text()
    assert all(f"\n## {kind}\n" in text for kind in RULES)
    assert all(f"`{name}`" in text for name in NAMES)


def test_nothing_is_found_in_nothing() -> None:
    """Facts without series, and with series of no use."""
    assert find_all(facts()) == []
    assert find_all(facts(series("ray_node_mem_used", 5.0, node=""), series("ray_object_store_memory", 9e9))) == []


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.lists(st.floats(), max_size=40)), max_size=12))
def test_no_series_breaks_a_rule(drawn: list[tuple[str, list[float]]]) -> None:
    """Whatever its values: not numbers, infinite, negative, empty."""
    labels = {"node": A, "pid": "1", "GpuIndex": "0", "Name": "GPU", "State": "USED", "Location": "SPILLED"}
    frames = [
        Frame([{"__name__": name, **labels}], START_MS + np.arange(len(values), dtype=np.int64) * 60_000, np.array([values], dtype=np.float64))
        for name, values in drawn
    ]
    by_name: dict[str, list[Series]] = {}
    for one in join(frames):
        by_name.setdefault(one.labels["__name__"], []).append(one)
    with np.errstate(all="ignore"):
        find_all(Facts(session="s", from_ms=START_MS, to_ms=START_MS + 3_600_000, is_live=True, series=by_name))


# what they stand on


def test_frames_join_to_series() -> None:
    """One series in two frames is one; what is no sample is none; a time that is there twice counts once, as last told."""
    first = Frame([{"__name__": "x"}], np.array([1, 2, 3], np.int64), np.array([[1.0, ABSENT, STALE]]))
    second = Frame([{"__name__": "x"}, {"__name__": "y"}], np.array([1, 4], np.int64), np.array([[9.0, 4.0], [ABSENT, ABSENT]]))
    (one,) = join([first, second])
    assert (one.labels, one.times.tolist(), one.values.tolist()) == ({"__name__": "x"}, [1, 4], [9.0, 4.0])


def test_rates_start_over_at_a_reset() -> None:
    """A counter that falls began anew."""
    one = Series({}, np.array([0, 1000, 3000, 4000], np.int64), np.array([5.0, 7.0, 3.0, 3.0]))
    assert rates(one).values.tolist() == [2.0, 1.5, 0.0]


def test_values_on_a_grid_do_not_outlive_their_time() -> None:
    """A value counts for so many seconds, and nothing counts before the first."""
    one = Series({}, np.array([10_000, 20_000], np.int64), np.array([1.0, 2.0]))
    found = on_grid(one, grid_of(0, 60_000, 10), 20)
    assert found.tolist() == pytest.approx([math.nan, 1.0, 2.0, 2.0, 2.0, math.nan, math.nan], nan_ok=True)


def test_spells_bridge_short_gaps_only() -> None:
    """Two stretches with a gap between that is no gap, and one too short to count."""
    grid = grid_of(0, 100_000, 10)
    so = np.array([1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0], dtype=bool)
    assert [(spell.since_ms, spell.until_ms) for spell in spells(grid, so, 20, 20)] == [(0, 30_000)]
