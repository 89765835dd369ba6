"""From a page of metrics to a server that misbehaves: every scrape arrives once, with its labels, and what cannot be kept is counted."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from rayscope.agent.discovery import Place
from rayscope.agent.errors import BadOptions
from rayscope.agent.metrics.backlog import Backlog, Scrape
from rayscope.agent.metrics.exposition import Family
from rayscope.agent.metrics.readers import reads_samples
from rayscope.agent.metrics.samples import Sample
from rayscope.agent.metrics.table import SLACK_SERIES, Table
from rayscope.agent.metrics.target import Target
from rayscope.agent.node import NodeAgent
from rayscope.agent.options import scrape_interval
from rayscope.agent.wire import packb
from support.agents import NODE, Node, until, watch
from support.fake_server import FakeServer
from support.metrics_wire import is_stale, values

FAST_S = 0.05


class Page:
    """A target whose page is `text`; None: it answers 500."""

    def __init__(self) -> None:
        self.text: str | None = ""
        page = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                body = (page.text or "").encode()
                self.send_response(500 if page.text is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer().start()
    yield fake
    fake.stop()


@pytest.fixture
def page() -> Iterator[Page]:
    target = Page()
    yield target
    target.close()


@pytest.fixture
def place(tmp_path: Path, page: Page) -> Node:
    session = tmp_path / "session_1"
    (session / "logs").mkdir(parents=True)
    (session / "alive").touch()
    (session / f"metrics_export_port_{NODE}").write_text(str(page.port))
    return Node("session_1", str(session), NODE, 0, "", False, frozenset(), host="127.0.0.1")


def remove(place: Place, name: str) -> None:
    Path(place.session_dir, name).unlink()


def counter(page: Page, value: float) -> None:
    page.text = f'# HELP x_total Of x.\n# TYPE x_total counter\nx_total{{a="1",job="j"}} {value}\n'


def test_a_scrape_arrives_with_its_labels(place: Node, server: FakeServer, page: Page) -> None:
    """The target's, the session's and the node's beside the page's own; what the agent samples itself, too."""
    counter(page, 5)

    async def meanwhile(agent: NodeAgent) -> None:
        await until(lambda: bool(server.metrics.find("x_total")), "a scrape")
        await until(lambda: any(health.get("metrics") for health in server.healths), "health")

    agent = watch(place, server, meanwhile, every_s=FAST_S)
    instance = f"127.0.0.1:{page.port}"
    where = {"instance": instance, "job": "ray", "session": "session_1", "node": NODE}
    (key,) = server.metrics.find("x_total")
    assert dict(key) == {"__name__": "x_total", "a": "1", "exported_job": "j", **where}
    assert server.metrics.last("up", **where) == [1.0]
    assert server.metrics.last("scrape_samples_scraped", **where) == [1.0]
    assert server.metrics.families["x_total"] == ("counter", "Of x.", "")
    assert server.metrics.last("rayscope_node_memory_total_bytes", job="rayscope", instance="127.0.0.1")
    assert server.metrics.last("rayscope_process_resident_bytes", name="rayscope_agent")
    assert agent.metrics
    target = next(target for target in agent.metrics.health()["targets"] if target["job"] == "ray")
    assert target.items() >= {"instance": instance, "up": True, "samples": 1, "error": "", "rejected": {}}.items()


def test_what_ends_is_marked(place: Node, server: FakeServer, page: Page) -> None:
    """A series that is no longer there, all of a target that fails, and all of one that is gone; what comes back goes on."""
    counter(page, 1)

    def last(name: str) -> float:
        found = server.metrics.find(name, job="ray")
        return next(iter(found.values()))[-1][1] if found else 0.0

    async def meanwhile(agent: NodeAgent) -> None:
        await until(lambda: last("x_total") == 1, "x")
        page.text = "y 7\nbroken\n"
        await until(lambda: last("y") == 7, "y")
        assert is_stale(last("x_total"))
        await until(lambda: bool(server.metrics.last("rayscope_agent_rejected_lines_total", reason="no value, or more after it")), "what was rejected")
        page.text = None
        await until(lambda: last("up") == 0, "down")
        assert is_stale(last("y"))
        counter(page, 2)
        await until(lambda: last("x_total") == 2, "x again")
        remove(place, f"metrics_export_port_{NODE}")
        await until(lambda: is_stale(last("up")), "gone")

    watch(place, server, meanwhile, every_s=FAST_S)
    (found,) = server.metrics.find("x_total").values()
    assert is_stale(found[-1][1])
    assert [time for time, _ in found] == sorted({time for time, _ in found})


def test_a_server_that_comes_and_goes(place: Node, server: FakeServer, page: Page) -> None:
    """It dies, answers 503, loses answers, forgets the epoch, refuses a body: what it acknowledges is there once, in order, and the rest goes on."""
    counter(page, 0)
    seen = 0.0

    async def meanwhile(agent: NodeAgent) -> None:
        nonlocal seen
        for number in range(1, 9):
            counter(page, number)
            if number == 2:
                server.stop()
                await asyncio.sleep(0.3)
                server.start()
            with server.lock:
                server.metrics_answers = {3: [503], 5: [400], 7: [409]}.get(number, [])
                server.lose_answers = int(number == 4)
                if number == 6:
                    server.metrics.forget()
            await until(lambda number=number: server.metrics.last("x_total") == [number], f"x = {number}")  # type: ignore[misc]
            seen = number

    agent = watch(place, server, meanwhile, every_s=FAST_S)
    assert seen == 8
    (found,) = server.metrics.find("x_total").values()
    times = [time for time, _ in found]
    assert times == sorted(set(times))
    assert set(values(found)) >= set(range(1, 9))
    assert agent.metrics
    assert list(agent.metrics.shipper.backlog.dropped) == ["the server refuses it with 400: as told"]


def test_a_server_that_was_away_gets_what_was_scraped_meanwhile(place: Node, server: FakeServer, page: Page) -> None:
    """In the order in which it was."""
    counter(page, 0)

    async def meanwhile(agent: NodeAgent) -> None:
        await until(lambda: bool(server.metrics.last("x_total")), "a scrape")
        server.stop()
        assert agent.metrics
        for number in range(1, 20):
            counter(page, number)
            await agent.metrics.scrape_now()
        server.start()
        await until(lambda: server.metrics.last("x_total") == [19], "the last")

    watch(place, server, meanwhile, every_s=30.0)
    (found,) = server.metrics.find("x_total").values()
    assert list(dict.fromkeys(values(found))) == list(range(20))


def test_a_node_that_dies_ends_its_series(place: Node, server: FakeServer, page: Page) -> None:
    """After a last look."""
    counter(page, 1)

    async def meanwhile(agent: NodeAgent) -> None:
        await until(lambda: bool(server.metrics.last("x_total")), "a scrape")
        counter(page, 2)
        remove(place, "alive")

    watch(place, server, meanwhile, every_s=30.0, leave=False)
    (found,) = server.metrics.find("x_total").values()
    assert found[-2][1] == 2.0
    assert all(is_stale(samples[-1][1]) for samples in server.metrics.samples.values())


def test_an_agent_that_leaves_looks_once_more_and_ends_nothing(place: Node, server: FakeServer, page: Page) -> None:
    """The next one goes on with the same series."""
    counter(page, 1)

    async def meanwhile(agent: NodeAgent) -> None:
        await until(lambda: bool(server.metrics.last("x_total")), "a scrape")
        counter(page, 2)

    watch(place, server, meanwhile, every_s=30.0)
    assert server.metrics.last("x_total") == [2.0]
    assert not any(is_stale(samples[-1][1]) for samples in server.metrics.samples.values())


def test_an_end_comes_after_the_last_look_also_within_its_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two words at one time would be one: the server takes the first, and the series would go on."""
    monkeypatch.setattr("rayscope.agent.metrics.target.time.time_ns", lambda: 1_000_000_000)
    target = Target("127.0.0.1", "ray", reads_samples(_no_samples))
    target.join(Table())
    looks = [asyncio.run(target.scrape(1.0)), asyncio.run(target.scrape(1.0)), target.end()]
    assert [look.time_ms for look in looks] == [1000, 1001, 1002]
    assert looks[-1].wire()["stale"] == looks[0].wire()["ids"] != b""


async def _no_samples() -> list[Sample]:
    return []


def test_off(place: Node, server: FakeServer) -> None:
    """Nothing is scraped."""
    watch(place, server, lambda _: until(lambda: bool(server.healths), "health"), every_s=0)
    assert not server.metrics.bodies


def scrape(number: int, size: int = 1, since_s: float = 1e12) -> Scrape:
    return Scrape(0, number, b"\0" * 4 * size, b"\0" * 8 * size, b"", number, since_s)


def test_a_backlog_is_bounded() -> None:
    """In bytes and in age: the oldest goes, counted with its reason."""
    backlog = Backlog(most_bytes=10_000, most_s=60.0)
    for number in range(100):
        backlog.put(scrape(number, 100))
    assert len(backlog) == 10
    assert backlog.size <= 10_000
    assert backlog.dropped == {"no room while the server is away": 90}
    assert backlog.take_losses() == [{"path": "metrics", "bytes": 90_000, "reason": "90 scrapes: no room while the server is away"}]
    assert backlog.take_losses() == []
    assert [found.time_ms for found in backlog.next(95)] == [90, 91, 92, 93, 94]
    sent = backlog.next(200)
    backlog.acknowledge(sent)
    assert (len(backlog), backlog.size) == (0, 0)
    backlog.put(scrape(1, since_s=-math.inf))
    backlog.put(scrape(2))
    assert len(backlog) == 1
    assert backlog.dropped["older than 1 minutes"] == 1


def test_a_table_sends_definitions_once() -> None:
    """What was acknowledged is not sent again, until the epoch is renewed; a scrape waits for the definitions of its series."""
    table = Table()
    define = table.definer(table.target({"instance": "i", "job": "j"}))
    assert [define("a", {}), define("b", {"x": "1"}), define("a", {})] == [0, 1, 0]
    table.add_families([Family("a", "gauge", "", ""), Family("a", "gauge", "", "")])
    news = table.news()
    assert (len(news.targets), len(news.families), len(news.series), news.to) == (1, 1, 2, 2)
    epoch = table.epoch
    table.acknowledge(news)
    define("c", {})
    table.add_families([Family("a", "counter", "", "")])
    news = table.news()
    assert (news.targets, news.families, news.series) == ([], [packb(["a", "counter", "", ""])], [packb([2, 0, "c", {}])])
    table.acknowledge(table.news())
    assert not any(table.news()[:3])
    assert table.seq == 2
    table.renew()
    assert table.epoch != epoch
    assert (table.seq, len(table.news().series), len(table.news().families), len(table.news().targets)) == (0, 3, 1, 1)


def test_definitions_go_in_bodies_of_a_bounded_size() -> None:
    """Series by the ten thousands in several of them."""
    table = Table()
    define = table.definer(table.target({"instance": "i", "job": "j"}))
    for number in range(10_000):
        define("name", {"label": f"{number:0100}"})
    sent = 0
    while sent < 10_000:
        news = table.news()
        assert sum(map(len, news.series)) < 600_000
        sent = news.to
        table.acknowledge(news)
    assert table.seq > 1


def test_series_that_come_and_go_do_not_pile_up(place: Node, server: FakeServer, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once their numbers are many more than the living, a new epoch begins, and what lives goes on."""
    counter(page, 1)
    monkeypatch.setattr("rayscope.agent.metrics.collector.SLACK_SERIES", 500)
    monkeypatch.setattr("rayscope.agent.metrics.collector.LOOK_S", 0.1)

    async def meanwhile(agent: NodeAgent) -> None:
        await until(lambda: bool(server.metrics.last("x_total")), "a scrape")
        assert agent.metrics
        table = agent.metrics.shipper.table
        define = table.definer(0)
        for number in range(1000):
            define("gone", {"n": str(number)})
        await until(lambda: bool(agent.metrics and agent.metrics.shipper.table is not table), "a new table")
        counter(page, 2)
        await until(lambda: server.metrics.last("x_total") == [2.0], "the counter goes on")

    watch(place, server, meanwhile, every_s=0.5)


def test_series_that_pile_up_while_the_server_is_away(place: Node, server: FakeServer, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits is given up for them, counted, and the next scrape arrives."""
    counter(page, 1)
    monkeypatch.setattr("rayscope.agent.metrics.collector.MOST_SLACK_SERIES", SLACK_SERIES)

    async def meanwhile(agent: NodeAgent) -> None:
        await until(lambda: bool(server.metrics.last("x_total")), "a scrape")
        server.stop()
        assert agent.metrics
        shipper = agent.metrics.shipper
        define = shipper.table.definer(0)
        for number in range(SLACK_SERIES + 1000):
            define("gone", {"n": str(number)})
        await until(lambda: bool(shipper.backlog.dropped), "what waits is given up")
        counter(page, 2)
        server.start()
        await until(lambda: server.metrics.last("x_total") == [2.0], "the counter goes on")

    agent = watch(place, server, meanwhile, every_s=0.5)
    assert agent.metrics
    assert list(agent.metrics.shipper.backlog.dropped) == ["too many series came and went while the server was away"]


def test_the_scrapes_of_a_round_go_in_one_body(place: Node, server: FakeServer, page: Page) -> None:
    """A server hears hundreds of nodes."""
    counter(page, 1)

    async def meanwhile(agent: NodeAgent) -> None:
        await until(lambda: all(len(found) > 3 for found in server.metrics.find("up").values()) and len(server.metrics.find("up")) == 2, "rounds")

    watch(place, server, meanwhile, every_s=1.0)
    scrapes = sum(len(found) for found in server.metrics.find("up").values())
    assert server.metrics.bodies <= scrapes * 0.75


def test_arrays_are_little_endian() -> None:
    """As the wire has them."""
    assert array("I", [1]).itemsize == 4
    assert array("d", [1]).itemsize == 8


@pytest.mark.parametrize(("given", "environment", "seconds"), [(None, "", 5.0), (None, "2.5", 2.5), (0.0, "2", 0.0), (1.0, "x", 1.0), (None, "0", 0.0)])
def test_the_interval(given: float | None, environment: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option goes before the environment."""
    monkeypatch.setenv("RAYSCOPE_SCRAPE_S", environment)
    assert scrape_interval(given) == seconds


@pytest.mark.parametrize(
    ("given", "environment", "word"), [(0.1, "", "every 0.1 s; give 0.5 to 3600, or 0"), (-1.0, "", "every -1 s"), (None, "soon", "'soon'")]
)
def test_no_interval(given: float | None, environment: str, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what is possible."""
    monkeypatch.setenv("RAYSCOPE_SCRAPE_S", environment)
    with pytest.raises(BadOptions, match=word):
        scrape_interval(given)
