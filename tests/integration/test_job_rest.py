"""Ray's Jobs REST with a made-up dashboard behind it: what is passed on, with which headers, and what the store answers when it is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest
from ray.job_submission import JobStatus, JobSubmissionClient

from rayscope.client import Client
from rayscope.jobs import follow_job_logs, get_job_logs, stop_job
from rayscope.model.report import RunReport, StateSnapshot
from support.commands import Commands, ask, until

SESSION = "session_of_jobs"
LOG = b"first line\npassword=hunter22 here\nlast line\n"


class Dashboard(ThreadingHTTPServer):
    """Remembers what it was asked, and knows one job."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.status = "RUNNING"
        self.log = "live line\n"
        Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def job(self) -> dict[str, Any]:
        return {"type": "SUBMISSION", "job_id": "02000000", "submission_id": "live", "status": self.status, "entrypoint": "python live.py", "message": "-"}


class Handler(BaseHTTPRequestHandler):
    server: Dashboard

    def do_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        answers: dict[tuple[str, str], Any] = {
            ("GET", "/api/version"): {"session_name": SESSION},
            ("POST", "/api/jobs/"): {"submission_id": "live", "job_id": "live"},
            ("GET", "/api/jobs/"): [self.server.job()],
            ("GET", "/api/jobs/live"): self.server.job(),
            ("POST", "/api/jobs/live/stop"): {"stopped": True},
            ("DELETE", "/api/jobs/live"): {"deleted": True},
            ("GET", "/api/jobs/live/logs"): {"logs": self.server.log},
            ("PUT", "/api/packages/gcs/_ray_pkg_1.zip"): {},
        }
        found = answers.get((self.command, self.path))
        content = json.dumps(found).encode() if found is not None else b"no such job"
        self.send_response(200 if found is not None else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_any  # noqa: N815 as the base class has it

    def log_message(self, *_: object) -> None:
        pass


class World:
    """A server that knows a session of which a run reported the dashboard; one job has ended, and its log was shipped."""

    def __init__(self, commands: Commands, dashboard: Dashboard) -> None:
        self.commands = commands
        self.dashboard = dashboard
        self.token = (commands.data / "ingest-token").read_text().strip()
        self.client = Client(commands.url)
        self.client.post_run(self.token, RunReport(session=SESSION, job_id="01000000", dashboard=dashboard.address, started_ns=1))
        ended = {
            "submission_id": "gone",
            "job_id": "01000000",
            "status": "FAILED",
            "entrypoint": "python gone.py",
            "message": "it broke",
            "driver_exit_code": 3,
        }
        ended |= {"start_time": 1_795_000_000_000, "end_time": 1_795_000_009_000, "metadata": {"who": "me"}, "runtime_env": {"pip": ["x"]}}
        self.client.post_states(self.token, StateSnapshot(session=SESSION, taken_ns=2, submissions=[ended]))
        chunk = {"file": "1-1-1", "path": "job-driver-gone.log", "offset": 0, "data": LOG, "observed_ns": 3, "ended": True}
        self.client.post_chunks(self.token, msgspec.msgpack.encode({"session": SESSION, "node_id": "n", "agent_id": "a", "chunks": [chunk]}))

    def end(self) -> None:
        self.dashboard.shutdown()
        self.dashboard.server_close()
        self.client.post_run(self.token, RunReport(session=SESSION, job_id="01000000", ended_ns=5, cluster_ended=True))

    @property
    def ray(self) -> JobSubmissionClient:
        return JobSubmissionClient(f"{self.commands.url}/ray/latest", headers={"Authorization": "Bearer of-ray"})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    commands = Commands(tmp_path / "data")
    started = commands("server", "start", "--port", "0")
    assert started.returncode == 0, started.stderr
    yield World(commands, Dashboard())
    commands("server", "stop")


def test_calls_about_a_living_cluster_are_passed_on(world: World) -> None:
    """All of the client's, with its own authorization, and the body as it is."""
    ray = world.ray
    assert ray.submit_job(entrypoint="python live.py", metadata={"a": "b"}) == "live"
    assert [job.submission_id for job in ray.list_jobs()] == ["live"]
    assert ray.get_job_status("live") == JobStatus.RUNNING
    assert ray.get_job_logs("live") == "live line\n"
    assert ray.stop_job("live")
    assert ray.delete_job("live")
    assert ask(f"{world.commands.url}/ray/latest/api/packages/gcs/_ray_pkg_1.zip", None)[0] == 404
    posted = next(asked for asked in world.dashboard.asked if asked[:2] == ("POST", "/api/jobs/"))
    assert posted[2]["authorization"] == "Bearer of-ray"
    assert json.loads(posted[3])["metadata"] == {"a": "b"}


def test_rayscopes_own_token_is_not_passed_on(world: World) -> None:
    """It is nobody's business but this server's."""
    token = (world.commands.data / "token").read_text().strip()
    ask(f"{world.commands.url}/ray/latest/api/jobs/live", None, {"Authorization": f"Bearer {token}"})
    assert all(token not in str(asked) for asked in world.dashboard.asked)


def test_a_tail_ends_with_its_job(world: World) -> None:
    """What is printed comes, and the stream ends when the job has."""

    async def tail() -> str:
        text = ""
        async for part in world.ray.tail_job_logs("live"):
            text += part
            if "live line" in text:
                world.dashboard.log = "live line\nthe last one\n"
                world.dashboard.status = "SUCCEEDED"
        return text

    assert asyncio.run(asyncio.wait_for(tail(), 60)) == "live line\nthe last one\n"


def test_the_store_answers_about_a_cluster_that_is_gone(world: World) -> None:
    """In Ray's shapes; what cannot be done says so."""
    world.end()
    ray = world.ray
    (job,) = ray.list_jobs()
    assert (job.submission_id, job.status, job.message, job.driver_exit_code) == ("gone", JobStatus.FAILED, "it broke", 3)
    assert (job.start_time, job.end_time, job.metadata) == (1_795_000_000_000, 1_795_000_009_000, {"who": "me"})
    assert ray.get_job_info("gone").entrypoint == "python gone.py"
    assert ray.get_job_logs("gone") == "first line\npassword=******** here\nlast line\n"
    for call in (lambda: ray.submit_job(entrypoint="true"), lambda: ray.stop_job("gone"), lambda: ray.delete_job("gone")):
        with pytest.raises(RuntimeError, match=r"410.*is gone"):
            call()
    with pytest.raises(RuntimeError, match="404"):
        ray.get_job_info("nobody")


def test_rayscopes_own_words_on_a_job(world: World) -> None:
    """logs, status, stop: on stdout what was printed, on stderr how it went, and the exit code says it."""
    commands = world.commands
    shown = commands("job", "logs", "gone")
    assert (shown.returncode, shown.stdout.encode()) == (0, LOG.replace(b"hunter22", b"********"))
    followed = commands("job", "logs", "gone", "--follow", "--offset", "-10")
    assert (followed.returncode, followed.stdout) == (1, "last line\n")
    assert "gone  FAILED, exit code 3: it broke" in followed.stderr
    status = commands("job", "status", "gone")
    assert (status.returncode, status.stdout) == (1, "gone  FAILED, exit code 3: it broke\n")
    assert commands("job", "status", "nobody").returncode == 4
    world.client.post_run(world.token, RunReport(session="session_that_is_newer", job_id="01000000", started_ns=10**18 * 2))
    assert commands("job", "logs", "gone").stdout == shown.stdout  # of the only session that has it
    assert "not running" in commands("job", "stop", "gone").stderr
    assert commands.rows("job", "list", "--session", SESSION)[0]["submission_id"] == "gone"


def test_following_goes_on_when_the_server_comes_back(world: World) -> None:
    """At the byte where it was, once."""
    commands = world.commands
    port = commands.url.rsplit(":", 1)[1]
    follower = commands.start("job", "logs", "live", "--follow", RAYSCOPE_ADDRESS=commands.url)
    assert follower.stdout is not None
    assert follower.stdout.readline() == "live line\n"
    commands("server", "stop")
    assert commands("server", "start", "--port", port).returncode == 0
    world.dashboard.log += "after it came back\n"
    world.dashboard.status = "SUCCEEDED"
    stdout, stderr = follower.communicate(timeout=60)
    assert stdout == "after it came back\n", stderr
    assert follower.returncode == 0
    assert "SUCCEEDED" in stderr


def test_a_job_that_was_lost_is_never_said_to_have_finished(world: World) -> None:
    """A driver whose cluster vanished without a word: LOST, with the reason, and no good exit code."""
    world.client.post_states(
        world.token,
        StateSnapshot(session=SESSION, taken_ns=9, submissions=[{"submission_id": "lost", "status": "RUNNING", "entrypoint": "x", "start_time": 4}]),
    )
    world.end()
    followed = world.commands("job", "logs", "lost", "--follow")
    assert followed.returncode == 1
    assert "lost  LOST" in followed.stderr
    assert world.ray.get_job_status("lost") == JobStatus.FAILED


def test_the_python_functions(world: World) -> None:
    """The same from Python."""
    url = world.commands.url
    assert get_job_logs("gone", address=url).startswith("first line\n")
    assert [found.next_offset for found in follow_job_logs("gone", offset=len(LOG) - 10, address=url)] == [len(LOG), len(LOG)]
    assert stop_job("live", address=url)
    until(lambda: ("POST", "/api/jobs/live/stop") in [asked[:2] for asked in world.dashboard.asked], "it was asked")


def test_storage_is_shown_and_a_session_deleted(world: World) -> None:
    """Not while it lives; and not unasked."""
    commands = world.commands
    live = commands("storage", "delete", SESSION, "--yes")
    assert (live.returncode, "lives" in live.stderr) == (2, True)
    world.end()
    shown = commands("storage")
    assert SESSION in shown.stdout
    assert "retention: everything is kept" in shown.stdout
    assert json.loads(commands("storage", "--format", "json").stdout)["sessions"][0]["logs_bytes"] >= 0
    assert commands("storage", "delete", SESSION).returncode == 2
    done = commands("storage", "delete", SESSION, "--yes")
    assert (done.returncode, f"deleted {SESSION}" in done.stderr) == (0, True)
    assert commands.rows("list", "sessions") == []
