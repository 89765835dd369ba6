"""Jobs on a real cluster: Ray's stock client against Rayscope's address, live and after the cluster is gone; following through kills."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import Commands, ask, until

RAY = [str(Path(sys.executable).parent / "ray")]
WAIT_S = 120

SECRET = "planted-in-a-log-5c1d77"
HELLO = f"""
import os, sys, time, ray
print("hello from the job", flush=True)
print("password={SECRET}", flush=True)
ray.init()
print(ray.get(ray.remote(lambda: "from a task").remote()), flush=True)
"""
TICKS = """
import sys, time
for number in range(int(sys.argv[1])):
    print(f"tick {number:04d}", flush=True)
    time.sleep(0.1)
"""


def ticks(shown: str) -> list[str]:
    """The lines of ticks.py, without what Ray itself writes before them."""
    return [line for line in shown.splitlines() if line.startswith("tick")]


def counted(number: int) -> list[str]:
    return [f"tick {at:04d}" for at in range(number)]


class Cluster:
    """A head node of its own, recorded by a server, its logs shipped by an agent."""

    def __init__(self, commands: Commands) -> None:
        self.commands = commands
        lines = [shlex.split(line)[1] for line in commands("env").stdout.splitlines() if line.startswith("export ")]
        self.environment = commands.environment(RAY_AUTH_MODE="token", **dict(line.split("=", 1) for line in lines))
        self.ray("start", "--head", "--port=6379", "--num-cpus=2", "--include-dashboard=true", "--disable-usage-stats")
        self.agent = self.start_agent()
        until(lambda: len(commands.rows("list", "sessions")) == 1, "the session is known", WAIT_S)
        self.session = commands.rows("list", "sessions")[0]["session"]

    @property
    def address(self) -> str:
        return f"{self.commands.url}/ray/{self.session}"

    def ray(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*RAY, *arguments], env=self.environment, capture_output=True, text=True, timeout=WAIT_S, check=False)

    def job(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of Ray's own, against Rayscope."""
        return self.ray("job", verb, "--address", self.address, *arguments)

    def start_agent(self) -> subprocess.Popen[str]:
        return self.commands.start("agent", "--all")

    def stop(self) -> None:
        self.ray("stop", "--force")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    commands = Commands(tmp_path_factory.mktemp("jobs"))
    started = commands("server", "start", "--port", "0", "--silence", "10s")
    assert started.returncode == 0, started.stderr
    cluster = Cluster(commands)
    yield cluster
    cluster.stop()
    cluster.agent.kill()
    commands("server", "stop")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    (folder / "hello.py").write_text(HELLO)
    (folder / "ticks.py").write_text(TICKS)
    return folder


def test_rays_own_client_submits_through_rayscope(cluster: Cluster, folder: Path) -> None:
    """Submit with a working directory, and tail to the end; list, status, logs."""
    env = json.dumps({"env_vars": {"SERVICE_TOKEN": SECRET}})
    done = cluster.job("submit", "--submission-id", "first", "--working-dir", str(folder), "--runtime-env-json", env, "--", sys.executable, "hello.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hello from the job" in done.stdout
    assert "Job 'first' succeeded" in done.stdout
    assert "SUCCEEDED" in cluster.job("list").stdout
    assert "succeeded" in cluster.job("status", "first").stdout
    logs = cluster.job("logs", "first")
    assert "from a task" in logs.stdout


def test_rays_own_client_stops_a_job(cluster: Cluster, folder: Path) -> None:
    """And the job is STOPPED for both."""
    cluster.job("submit", "--submission-id", "long", "--no-wait", "--working-dir", str(folder), "--", sys.executable, "ticks.py", "3000")
    until(lambda: "tick 0003" in cluster.job("logs", "long").stdout, "it prints", WAIT_S)
    stopped = cluster.job("stop", "long")
    assert "was stopped" in stopped.stdout, stopped.stdout + stopped.stderr
    until(lambda: "STOPPED" in cluster.commands("job", "status", "long").stdout, "it is stopped", WAIT_S)


def test_rayscope_submits_and_shows(cluster: Cluster, folder: Path) -> None:
    """Its output on stdout, its end on stderr, its exit code passed on."""
    good = cluster.commands("job", "submit", "--submission-id", "own", "--working-dir", str(folder), "--", sys.executable, "ticks.py", "5")
    assert good.returncode == 0, good.stderr
    assert ticks(good.stdout) == counted(5)
    assert "own  SUCCEEDED" in good.stderr
    bad = cluster.commands("job", "submit", "--submission-id", "bad", "--", sys.executable, "-c", "print('so'); raise SystemExit(7)")
    assert bad.returncode == 1
    assert "so" in bad.stdout
    assert "bad  FAILED, exit code 7" in bad.stderr


def test_following_survives_kills(cluster: Cluster, folder: Path) -> None:
    """Server and agent killed in between: every line is there once, and the offset goes on where it was."""
    commands = cluster.commands
    commands("job", "submit", "--submission-id", "kills", "--no-wait", "--working-dir", str(folder), "--", sys.executable, "ticks.py", "120")
    port = commands.url.rsplit(":", 1)[1]
    follower = commands.start("job", "logs", "kills", "--follow", RAYSCOPE_ADDRESS=commands.url)
    until(lambda: "tick 0010" in commands("job", "logs", "kills").stdout, "it prints", WAIT_S)
    cluster.agent.kill()
    os.kill(json.loads((commands.data / "server.json").read_text())["pid"], signal.SIGKILL)
    until(lambda: commands("server", "start", "--port", port, "--silence", "10s").returncode == 0, "the server is back", WAIT_S)
    cluster.agent = cluster.start_agent()
    stdout, stderr = follower.communicate(timeout=WAIT_S)
    assert ticks(stdout) == counted(120), stderr
    assert follower.returncode == 0, stderr
    assert commands("job", "logs", "kills").stdout == stdout
    assert commands("job", "logs", "kills", "--offset", "500").stdout == stdout[500:]


def raylets() -> set[int]:
    """The processes of nodes on this host."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if b"raylet/raylet\0" in command:
                found.add(int(folder.name))
    return found


def test_a_driver_whose_node_is_killed_is_not_said_to_have_finished(cluster: Cluster, folder: Path) -> None:
    """Its lines until then are there; the end is FAILED or LOST, with the reason, and no good exit code."""
    commands, before = cluster.commands, raylets()
    joined = cluster.ray("start", "--address=127.0.0.1:6379", "--num-cpus=1", '--resources={"second": 1}', "--disable-usage-stats")
    assert joined.returncode == 0, joined.stderr
    (second,) = raylets() - before
    submit = ["--submission-id", "doomed", "--no-wait", "--working-dir", str(folder), "--entrypoint-resources", '{"second": 0.5}']
    done = commands("job", "submit", *submit, "--", sys.executable, "ticks.py", "3000", RAY_AUTH_MODE="token")
    assert done.returncode == 0, done.stderr
    until(lambda: "tick 0005" in commands("job", "logs", "doomed").stdout, "it prints", WAIT_S)
    follower = commands.start("job", "logs", "doomed", "--follow")
    os.kill(second, signal.SIGKILL)
    stdout, stderr = follower.communicate(timeout=WAIT_S)
    assert ticks(stdout)[:5] == counted(5)
    assert follower.returncode == 1, stderr
    assert "doomed  FAILED" in stderr or "doomed  LOST" in stderr


def test_a_page_in_a_browser_cannot_submit(cluster: Cluster) -> None:
    """As it would send it: with where it comes from."""
    status, said = ask(f"{cluster.address}/api/jobs/", b'{"entrypoint": "true"}', {"Origin": "https://evil.example"})
    assert status == 401
    assert b"browser" in said


def test_a_cluster_that_is_gone_still_answers(cluster: Cluster) -> None:
    """Ray's own client, and Rayscope's; what cannot be done is said."""
    cluster.stop()
    until(lambda: cluster.commands.rows("list", "sessions")[0]["state"] == "ENDED", "the session has ended", WAIT_S)
    assert "from a task" in cluster.job("logs", "first").stdout
    assert "succeeded" in cluster.job("status", "first").stdout
    listed = cluster.job("list")
    assert all(name in listed.stdout for name in ("first", "long", "own", "bad", "kills")), listed.stdout + listed.stderr
    assert cluster.commands("job", "logs", "own").stdout.count("tick") == 5
    refused = cluster.job("submit", "--no-wait", "--", "true")
    assert refused.returncode != 0
    assert "is gone" in refused.stderr + refused.stdout
    said = cluster.commands("job", "stop", "first")
    assert (said.returncode, "not running" in said.stderr) == (0, True)


def test_no_planted_secret_is_on_the_servers_disk(cluster: Cluster) -> None:
    """Not of the runtime env, nor of the log: in no file of the data folder."""
    assert "password=" + "*" * len(SECRET) in cluster.commands("job", "logs", "first").stdout
    found = [path for path in cluster.commands.data.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert found == []
