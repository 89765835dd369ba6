"""The agent's snapshots of the object table, against a Ray and a server that are functions."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayscope.agent.errors import ServerAway
from rayscope.agent.objects import INTERVAL_S, LARGEST_ANSWER, ObjectWatch, Where, body, host_share, interval_s, read_stats, targets
from rayscope.model.report import ObjectReport
from support.objects import put_id, reference

ANSWER = {
    "result": True,
    "msg": "",
    "data": {
        "result": {"total": 1, "num_after_truncation": 1, "num_filtered": 1, "result": [reference(put_id(1))], "warnings": [], "partial_failure_warning": None}
    },
}


class World:
    """A clock, a dashboard with a number of seconds that it takes, metrics, and a server."""

    def __init__(self, folder: Path, every_s: float = 30.0) -> None:
        self.now_s = 1000.0
        self.takes_s = 0.0
        self.used = 10
        self.spilled = 0
        self.free = 90
        self.is_away = False
        self.taken: list[ObjectReport] = []
        self.folder = folder
        (folder / "prom_metrics_service_discovery.json").write_text(json.dumps([{"labels": {}, "targets": ["10.0.0.1:1", "10.0.0.1:1"]}]))
        self.meminfo(50)
        self.watch = ObjectWatch(Where("session_1", "127.0.0.1:8265", str(folder)), self.fetch, self.tell, every_s, lambda: self.now_s, str(folder / "meminfo"))

    def meminfo(self, used: int) -> None:
        """How much of the host's memory is used, in percent."""
        (self.folder / "meminfo").write_text(f"MemTotal: 100 kB\nMemFree: 1 kB\nMemAvailable: {100 - used} kB\n")

    async def fetch(self, url: str, _timeout_s: float) -> bytes:
        """Ray."""
        if url.endswith("/metrics"):
            return metrics(self.used, self.free, self.spilled)
        if self.is_away:
            raise ServerAway("gone")
        self.now_s += self.takes_s
        return json.dumps(ANSWER).encode()

    async def tell(self, content: bytes) -> None:
        """The server."""
        self.taken.append(msgspec.json.decode(content, type=ObjectReport))

    def run(self, seconds: int) -> list[str]:
        """Step once a second; which snapshots were taken."""
        found = []
        for _ in range(seconds):
            kind = asyncio.run(self.watch.step())
            found += [kind] if kind else []
            self.now_s += 1
        return found


def metrics(used: int, free: int, spilled: int) -> bytes:
    """A page of metrics, as far as it matters."""
    lines = [
        "# HELP ray_object_store_memory x",
        'ray_object_store_memory{Location="MMAP_SHM",NodeAddress="10.0.0.1",ObjectState="SEALED"} 4.0',
        'ray_object_store_memory{Location="MMAP_SHM",NodeAddress="10.0.0.1",ObjectState="UNSEALED"} 1.5e+00',
        'ray_object_store_used_memory{NodeAddress="10.0.0.1"} ' + f"{used:e}",
        'ray_object_store_memory{Location="SPILLED",NodeAddress="10.0.0.1"} ' + str(spilled),
        'ray_object_store_available_memory{NodeAddress="10.0.0.1"} ' + str(free),
        "ray_other_thing 7",
    ]
    return "\n".join(lines).encode()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_snapshots_are_taken_at_intervals(world: World) -> None:
    """The first soon, then one each interval, with the object stores' figures."""
    assert world.run(70) == ["interval"] * 3
    assert world.taken[0].trigger == "interval"
    expected = {"metrics": "10.0.0.1:1", "ip": "10.0.0.1", "used_bytes": 10, "mapped_bytes": 5, "spilled_bytes": 0, "available_bytes": 90}
    assert world.taken[0].store_stats == [expected]
    assert world.taken[0].answer is not None


def test_zero_turns_periodic_ones_off(tmp_path: Path) -> None:
    """On demand one is still taken."""
    world = World(tmp_path, every_s=0)
    assert world.run(200) == []
    taken = asyncio.run(world.watch.take())
    assert taken["bytes"] > 0
    assert world.taken[0].trigger == "demand"


def test_a_slow_dashboard_is_asked_less(world: World) -> None:
    """A snapshot of 10 s puts the next one off to 200 s after it."""
    world.takes_s = 10
    assert len(world.run(190)) == 1
    assert len(world.run(60)) == 1


@pytest.mark.parametrize("cause", ["host", "store", "spilled"])
def test_one_is_taken_when_memory_runs_short(world: World, cause: str) -> None:
    """Once, however long it stays short, but not more often than each minute."""
    world.run(21)
    before = len(world.taken)
    if cause == "host":
        world.meminfo(95)
    elif cause == "store":
        world.used, world.free = 95, 5
    else:
        world.spilled = 5
    assert world.run(14).count("pressure") == 1
    assert [report.trigger for report in world.taken[before:]].count("pressure") == 1
    assert world.run(40).count("pressure") == 0


def test_a_dashboard_that_is_away_is_asked_again_later(world: World) -> None:
    """Not at once: it may be in trouble."""
    world.is_away = True
    world.run(5)
    with pytest.raises(ServerAway):
        world.run(1)
    assert world.run(25) == []
    world.is_away = False
    assert world.run(10) == ["interval"]


def test_an_answer_that_is_too_large_is_said_to_be_left_out() -> None:
    """Without its rows it still tells that one was taken."""
    report = msgspec.json.decode(body({"session": "s", "taken_ns": 1, "trigger": "end"}, b" " * (LARGEST_ANSWER + 1)), type=ObjectReport)
    assert report.truncated
    assert "over the limit" in report.warnings[0]


@pytest.mark.parametrize(("given", "seconds"), [("", INTERVAL_S), ("0", 0), ("5", 5), ("x", INTERVAL_S), ("-3", 0)])
def test_the_interval_is_configurable(given: str, seconds: float) -> None:
    """By the environment."""
    assert interval_s({"RAYSCOPE_OBJECTS_S": given}) == seconds


@given(st.binary())
def test_any_page_of_metrics_can_be_read(page: bytes) -> None:
    """Whatever answers there."""
    stats: dict[str, Any] = read_stats(b"ray_object_store_memory{" + page)
    assert isinstance(stats, dict)


def test_what_is_not_there_says_nothing(tmp_path: Path) -> None:
    """No list of targets, one that is no list, no meminfo."""
    assert targets(str(tmp_path)) == []
    (tmp_path / "prom_metrics_service_discovery.json").write_text('{"a": 1}')
    assert targets(str(tmp_path)) == []
    assert host_share(str(tmp_path / "none")) == 0.0
