"""A real Prometheus and Rayscope watch the same real Ray: the expressions of Ray's own Grafana dashboards say the same in both.

One Prometheus scrapes Ray's endpoints itself, as Rayscope's service discovery names them; one scrapes Rayscope's `/federate`; and when all is over one is
given Rayscope's samples by remote write. Of the last every answer is the same to the digit; of the others as far as looking at different moments allows.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import numpy as np
import pytest

from rayscope.model.metrics import Write
from rayscope.model.server import ServerInfo
from rayscope.query.metrics.frames import is_absent
from rayscope.server.auth import Guard
from rayscope.server.services import Services
from rayscope.wire.remote_write import HEADERS, Encoder
from support.commands import Commands, ask, until
from support.grafana import expressions
from support.prometheus import Prometheus

PROGRAM = Path(__file__).parents[1] / "programs" / "charted.py"
WAIT_S = 240.0
QUIET_S = 45
"""Ray reports every ten seconds: after so long nothing that was counted changes any more."""
SKEW_S = 20
"""How far apart two looks at the same number may be: Ray's interval, and those of two scrapers."""
LOOK_S, STEP_S = 25, 5
"""What is looked at, and how often in it."""
ROOM = 0.15
"""What the other's value may lie beyond the least and the most of ours within the skew: memory and processors never rest."""

CONFIG = """
global: {scrape_interval: 5s}
scrape_configs:
- job_name: found
  http_sd_configs: [{url: '%s/prometheus/sd?session=all', refresh_interval: 5s}]
"""
FEDERATED = """
global: {scrape_interval: 2s}
scrape_configs:
- job_name: federated
  honor_labels: true
  metrics_path: /federate
  params: {'match[]': ['{job="ray"}']}
  static_configs: [{targets: ['%s']}]
"""


class Watched:
    """What was asked of all, and what they said."""

    def __init__(self, folder: Path) -> None:
        self.commands = Commands(folder / "data")
        assert self.commands("server", "start", "--port", "0").returncode == 0
        self.url = self.commands.url
        self.exprs = expressions()
        self.scraping = Prometheus(folder / "scraping", CONFIG % self.url).start()
        self.federating = Prometheus(folder / "federating", FEDERATED % self.url.removeprefix("http://")).start()
        end = folder / "end"
        program = self.commands.start("run", "--cluster", "charted", str(PROGRAM), CHARTED_UNTIL=str(end))
        try:
            for prometheus in (self.scraping, self.federating):
                until(lambda each=prometheus: bool(each.instant('ray_tasks{State="FINISHED"} > 100')), f"all tasks are told: {prometheus.log}", WAIT_S)
            self.session = str(self.commands.rows("list", "sessions")[0]["session"])
            self.end_s = int(time.time()) + QUIET_S
            until(lambda: time.time() > self.end_s + SKEW_S, "some time has gone by", WAIT_S)
            assert program.poll() is None, "the program ended before it was told to"
            self.ours = [self.ask(query) for query in self.exprs]
            self.theirs = {
                "scrapes Ray itself": [self._asked(self.scraping, query) for query in self.exprs],
                "scrapes /federate": [self._asked(self.federating, query) for query in self.exprs],
            }
        finally:
            end.touch()
            _, said = program.communicate(timeout=WAIT_S)
            self.scraping.stop()
            self.federating.stop()
        assert program.returncode == 0, said
        self.whole = {query: self.ask(query, 300) for query in self.exprs}
        assert self.commands("server", "stop").returncode == 0

    def parameters(self, query: str, before_s: int = LOOK_S) -> dict[str, str]:
        return {"query": query, "start": str(self.end_s - before_s), "end": str(self.end_s), "step": str(STEP_S)}

    def ask(self, query: str, before_s: int = LOOK_S + SKEW_S) -> Any:
        """Rayscope's answer; with what was before, and comes after, for the skew."""
        asked = {**self.parameters(query, before_s), "end": str(self.end_s + SKEW_S)}
        status, answer = ask(f"{self.url}/prometheus/{self.session}/api/v1/query_range?{urlencode(asked)}")
        assert status in {200, 422}, answer
        return answer

    def _asked(self, prometheus: Prometheus, query: str) -> Any:
        status, answer = ask(f"{prometheus.url}/api/v1/query_range?{urlencode(self.parameters(query))}")
        assert status in {200, 422}, answer
        return answer


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    return Watched(tmp_path_factory.mktemp("watched"))


def points(answer: Any) -> dict[str, dict[int, float]]:
    """Values by time, by labels but those that only one of the two knows."""
    if answer["status"] != "success":
        return {}
    return {
        json.dumps({name: value for name, value in sorted(series["metric"].items()) if name not in {"session", "node"}}): {
            round(at): float(value) for at, value in series["values"]
        }
        for series in answer["data"]["result"]
    }


def fits(ours: dict[int, float], at: int, value: float, *, lingers: bool) -> bool:
    """Whether a value is among ours of about that time."""
    near = [mine for when, mine in ours.items() if abs(when - at) <= SKEW_S and not np.isnan(mine)]
    if np.isnan(value) or not near:
        return lingers or bool(np.isnan(value)) == (not near)
    room = ROOM * max(abs(value), *map(abs, near)) + 1e-9
    return min(near) - room <= value <= max(near) + room


def unlike(query: str, ours: Any, theirs: Any, end_s: int, *, lingers: bool) -> str | None:
    """What differs; None where nothing does. A series that ours has all the time is there, and what is there ours has at some time.

    ``lingers``: a series that has ended is there for the lookback, since a federated sample has a time of its own and no stale mark follows it.
    """
    mine, wanted = points(ours), points(theirs)
    if ours["status"] != theirs["status"]:
        return f"{query}\n    ours {str(ours)[:200]}\n    there {str(theirs)[:200]}"
    steady = {labels for labels, values in mine.items() if sum(at >= end_s - LOOK_S - SKEW_S for at in values) > (LOOK_S + 2 * SKEW_S) // STEP_S}
    missing, more = steady - wanted.keys(), wanted.keys() - mine.keys()
    if missing or more:
        return f"{query}\n    only ours {sorted(missing)[:3]}, only there {sorted(more)[:3]}"
    off = [(labels, at, value) for labels, values in wanted.items() for at, value in values.items() if not fits(mine[labels], at, value, lingers=lingers)]
    return f"{query}\n    {off[:2]}, ours {list(mine[off[0][0]].items())[:12]}" if off else None


@pytest.mark.parametrize("who", ["scrapes Ray itself", "scrapes /federate"])
def test_a_prometheus_that_watches_the_same_ray_says_the_same(watched: Watched, who: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of every expression: the same series, and values within what different moments make."""
    lingers = who == "scrapes /federate"
    ours = [watched.whole[query] for query in watched.exprs] if lingers else watched.ours
    asked = zip(watched.exprs, ours, watched.theirs[who], strict=True)
    found = [text for query, mine, other in asked if (text := unlike(query, mine, other, watched.end_s, lingers=lingers))]
    answered = sum(bool(points(answer)) for answer in watched.theirs[who])
    with capsys.disabled():
        print(f"\na Prometheus that {who}: {len(watched.exprs)} expressions, {answered} with an answer, {len(found)} that differ\n" + "\n".join(found))
    assert answered > 30
    assert len(found) <= answered // 20, "\n".join(found)


def test_a_prometheus_that_is_given_the_same_samples_says_the_same_to_the_digit(watched: Watched, tmp_path: Path) -> None:
    """Every expression over the whole session, with its beginnings and ends."""
    info = ServerInfo(pid=0, host="", port=0, url="", data=str(watched.commands.data), version="", started_ns=0)
    services = Services(watched.commands.data, Guard(loopback=True, token="", ingest_token=""), info, 600.0)
    prometheus = Prometheus(tmp_path / "given", "global: {}\n").start()
    try:
        for frame in services.metrics.select(watched.session, (), 0, 1 << 60):
            writes = [
                Write(labels, frame.times[there], row[there]) for labels, row, there in zip(frame.labels, frame.values, ~is_absent(frame.values), strict=True)
            ]
            with urlopen(Request(f"{prometheus.url}/api/v1/write", Encoder().request(writes), dict(HEADERS)), timeout=60) as answer:
                assert answer.status < 300
        found = []
        for query in watched.exprs:
            asked = {**watched.parameters(query, 300), "end": str(watched.end_s + SKEW_S)}
            _, theirs = ask(f"{prometheus.url}/api/v1/query_range?{urlencode(asked)}")
            mine, wanted = points(watched.whole[query]), points(theirs)
            same = mine.keys() == wanted.keys() and all(
                mine[labels].keys() == values.keys() and np.allclose(list(mine[labels].values()), list(values.values()), rtol=1e-9, equal_nan=True)
                for labels, values in wanted.items()
            )
            if not same:
                found.append(f"{query}\n    ours  {str(mine)[:400]}\n    there {str(wanted)[:400]}")
    finally:
        prometheus.stop()
        services.close()
    assert not found, "\n".join(found)
