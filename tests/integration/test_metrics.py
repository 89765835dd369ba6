"""The metrics of a real Ray: what the agents of a run ship, as it stands in the store when all is over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rayscope.client import Client
from rayscope.errors import NotFound
from rayscope.model.metrics import Labels, Matcher
from rayscope.model.server import ServerInfo
from rayscope.query.metrics.frames import is_absent, is_stale
from rayscope.server import lifecycle
from rayscope.server.auth import Guard
from rayscope.server.services import Services
from support.commands import Commands

PROGRAMS = Path(__file__).parents[1] / "programs"
FAR_MS = 1 << 60


class Counted:
    """A run of three seconds, its store opened after it."""

    def __init__(self, folder: Path) -> None:
        commands = Commands(folder / "data")
        told = folder / "counted"
        began_s = time.monotonic()
        ran = commands("run", "--cluster", "counted", str(PROGRAMS / "counted.py"), COUNTED_TO=str(told))
        self.seconds = time.monotonic() - began_s
        assert ran.returncode == 0, ran.stderr
        self.said = ran.stderr
        self.counts = dict(zip(("tasks", "actor", "driver"), map(int, told.read_text().split()), strict=True))
        self.workers = {row["worker_id"]: row for row in commands.rows("list", "workers")}
        self.session = str(commands.rows("list", "sessions")[0]["session"])
        self.node = str(commands.rows("list", "nodes")[0]["node_id"])
        running = lifecycle.status(commands.data)
        assert running
        client = Client(running.url, lifecycle.read_token(commands.data))
        self.targets = client.metric_targets(self.session)
        with pytest.raises(NotFound, match=r"no agent of .* is connected"):
            client.scrape_metrics(self.session)
        assert commands("server", "stop").returncode == 0
        info = ServerInfo(pid=0, host="", port=0, url="", data=str(commands.data), version="", started_ns=0)
        self.services = Services(commands.data, Guard(loopback=True, token="", ingest_token=""), info, 600.0)

    def find(self, name: str, /, **labels: str) -> list[tuple[Labels, list[float]]]:
        """Series of a name that have these labels, with their samples."""
        matchers = [Matcher("__name__", "=", name), *(Matcher(key, "=", value) for key, value in labels.items())]
        frames = self.services.metrics.select(self.session, matchers, 0, FAR_MS)
        rows = [(labels, frame.values[number]) for frame in frames for number, labels in enumerate(frame.labels)]
        return [(labels, [float(value) for value in row[~is_absent(row)]]) for labels, row in rows]

    def last(self, name: str, /, **labels: str) -> list[float]:
        """The last values of each, before its end."""
        return [next(value for value in reversed(values) if not is_stale(np.array(value))) for _, values in self.find(name, **labels)]


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    run = Counted(tmp_path_factory.mktemp("counted"))
    yield run
    run.services.close()


@pytest.mark.parametrize("who", ["tasks", "actor", "driver"])
def test_a_short_jobs_counters_have_their_last_values(counted: Counted, who: str) -> None:
    """Of a task, an actor and the driver, to the last count before the end."""
    assert counted.last(f"ray_demo_{who}_total", job="ray") == [counted.counts[who]]


def test_a_users_metric_has_its_labels_and_description(counted: Counted) -> None:
    """Ray's labels, the user's own, and where it came from."""
    ((labels, _),) = counted.find("ray_demo_tasks_total")
    assert labels["kind"] == "x"
    assert labels["SessionName"] == labels["session"] == counted.session
    assert labels["node"] == counted.node
    assert labels["instance"].rpartition(":")[2].isdigit()
    (family,) = counted.services.metrics.families(counted.session, "ray_demo_tasks_total")
    assert (family.type, family.help) == ("counter", "What the task counted.")
    assert counted.last("ray_demo_level") == [7.0]
    assert counted.last("ray_demo_seconds_count") == [counted.counts["actor"] / 2]
    assert counted.last("ray_demo_seconds_bucket", le="+Inf") == [counted.counts["actor"] / 2]


def test_rays_own_metrics_of_the_node(counted: Counted) -> None:
    """Of the node's own page, the autoscaler's and the dashboard's."""
    assert counted.last("ray_node_mem_total")
    up = {labels["instance"]: values for labels, values in counted.find("up", job="ray")}
    assert len(up) >= 1
    assert all(1.0 in values for values in up.values()), up


def test_workers_are_sampled(counted: Counted) -> None:
    """With the id that Ray gives them, by the name of what they run."""
    found = {labels["name"]: labels for labels, _ in counted.find("rayscope_process_resident_bytes", kind="worker")}
    assert found["Actor"]["worker_id"] in counted.workers
    assert {"raylet", "gcs_server", "dashboard_agent", "rayscope_agent"} <= {
        labels["name"] for labels, _ in counted.find("rayscope_process_resident_bytes", kind="system")
    }
    assert counted.find("rayscope_process_resident_bytes", kind="driver")
    (used,) = counted.last("rayscope_process_cpu_seconds_total", name="raylet")
    assert used > 0
    assert max(counted.last("rayscope_process_unique_bytes", kind="worker")) > 5_000_000  # they are counted in turns


def test_the_host_is_sampled(counted: Counted) -> None:
    """Under the node's address, beside Ray's own."""
    ((labels, values),) = counted.find("rayscope_node_memory_total_bytes")
    assert (labels["job"], labels["node"]) == ("rayscope", counted.node)
    assert values[0] > 1e8


def test_all_series_end_with_their_node(counted: Counted) -> None:
    """Each has its mark, so that nothing goes on after the cluster is gone."""
    ends = [values[-1] for name in ("up", "ray_node_mem_total", "ray_demo_tasks_total", "rayscope_node_cpus") for _, values in counted.find(name)]
    assert ends
    assert all(bool(is_stale(np.array(value))) for value in ends)


def test_targets_are_told(counted: Counted) -> None:
    """Each with what it gave; nothing of Ray's pages is rejected."""
    (node,) = counted.targets.nodes
    assert node.node_id == counted.node
    assert {target.job for target in node.targets} == {"ray", "rayscope"}
    assert [target.rejected for target in node.targets if target.rejected] == []
    assert node.sent_samples > 500
    assert (node.waiting, node.dropped) == (0, {})


def test_nothing_is_missing(counted: Counted) -> None:
    """The run does not say that something was lost, and nothing was refused."""
    assert "metrics" not in counted.said
    budget = counted.services.metrics.budget(counted.session)
    assert (budget.dropped_series, budget.dropped_samples) == (0, 0)
