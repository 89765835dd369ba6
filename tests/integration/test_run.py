"""`rayscope run` on real Ray programs: nothing lost, nothing changed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.commands import Commands, until

PROGRAMS = Path(__file__).parents[1] / "programs"
ROWS = 300


def test_exit_code_and_output_are_the_programs_own(varied: subprocess.CompletedProcess[str]) -> None:
    """The program's exit code is passed on, and what it wrote comes out where it wrote it."""
    assert varied.returncode == 3
    assert "to stdout\n" in varied.stdout
    assert "to stderr\n" in varied.stderr
    assert "to stderr" not in varied.stdout


def test_last_line_says_what_ran_and_how_it_ended(varied: subprocess.CompletedProcess[str], rayscope: Commands, session: str) -> None:
    """One line: what ran, how it ended, how many failed, and the page to open."""
    last = varied.stderr.strip().splitlines()[-1]
    assert last.startswith("rayscope: varied.py --rows 300 ")
    assert "failed with code 3" in last
    assert last.endswith(f"{rayscope.url}/s/{session}")


def test_every_attempt_is_there(rayscope: Commands, session: str) -> None:
    """A program that exits at once after its last task is recorded whole: the counts equal its own."""
    groups = {group["name"]: group for group in rayscope.rows("summary", "tasks", "--session", session)}
    assert groups["double"]["state_counts"] == {"FINISHED": ROWS + 1}
    assert groups["Counter.add"]["state_counts"] == {"FINISHED": ROWS // 3}
    assert groups["broken"]["state_counts"] == {"FAILED": 1}
    assert groups["Mortal.die"]["state_counts"] == {"FAILED": 1}
    assert groups["flaky"]["state_counts"] == {"FINISHED": 1}
    assert groups["flaky"]["retries"] == 1


def test_every_attempt_has_its_times(rayscope: Commands, session: str) -> None:
    """Not only the owner's word on each attempt arrived, but also its executor's."""
    rows = rayscope.rows("list", "tasks", "--session", session, "-f", "name=double", "--limit", "0", "--detail")
    assert len(rows) == ROWS + 1
    assert all(row["creation_ns"] <= row["start_ns"] <= row["end_ns"] for row in rows)
    assert all(row["worker_id"] and row["node_id"] and row["worker_pid"] for row in rows)
    assert {span["name"] for row in rows for span in row["profile_events"]} >= {"task:execute", "task::double"}


def test_what_was_left_open_is_closed(rayscope: Commands, session: str) -> None:
    """A task that was running when its program ended does not run for ever."""

    def naps() -> list[dict[str, object]]:
        return rayscope.rows("list", "tasks", "--session", session, "-f", "name=napper", "--detail")

    until(lambda: naps()[0]["state"] != "RUNNING", "the nap is closed")
    assert naps()[0]["state"] == "FAILED"
    assert naps()[0]["error_type"] in {"WORKER_DIED", "TASK_CANCELLED"}
    states = {row["state"] for row in rayscope.rows("list", "tasks", "--session", session, "--limit", "0")}
    assert states <= {"FINISHED", "FAILED"}


def test_what_the_event_feed_lacks_is_there(rayscope: Commands, session: str) -> None:
    """Placement groups come from snapshots of Ray's state API."""
    groups = rayscope.rows("list", "placement-groups", "--session", session, "--detail")
    assert [group["name"] for group in groups] == ["corner"]
    assert groups[0]["created_ns"] <= groups[0]["ready_ns"]


def test_job_and_session_know_how_it_ended(rayscope: Commands, session: str) -> None:
    """The job has the exit code, the session is over with its reason, and nothing was left behind in Ray."""
    (job,) = rayscope.rows("list", "jobs", "--session", session, "--detail")
    assert (job["status"], job["driver_exit_code"]) == ("FAILED", 3)
    assert "varied.py" in job["entrypoint"]
    (row,) = rayscope.rows("get", "session", session)
    assert row["state"] == "ENDED"
    assert (row["exit_code"], row["undrained"], row["dropped"], row["quarantined"]) == (3, 0, 0, 0)
    assert row["ray_version"]


def test_driver_output_is_kept(rayscope: Commands, session: str) -> None:
    """The driver's stdout and stderr are kept in files that the job names."""
    (job,) = rayscope.rows("list", "jobs", "--session", session, "--detail")
    assert "to stdout\n" in Path(job["stdout_path"]).read_text()
    assert "to stderr\n" in Path(job["stderr_path"]).read_text()


def test_program_without_ray_is_only_run(rayscope: Commands) -> None:
    """A command that starts no Ray is run all the same, and nothing is claimed to be recorded."""
    done = rayscope("run", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout) == (7, "out\n")
    assert done.stderr.startswith("err\n")
    assert "started no Ray" in done.stderr


def test_arguments_and_input_pass_unchanged(rayscope: Commands) -> None:
    """Options after the program are the program's, whatever they look like."""
    done = rayscope("run", "--", "printf", "%s|", "--help", "-x", "--data", "a b")
    assert done.stdout == "--help|-x|--data|a b|"


def test_signal_is_passed_on(rayscope: Commands) -> None:
    """SIGTERM to `rayscope run` ends the program, and its end by a signal is told as shells tell it."""
    process = rayscope.start("run", "--", "sh", "-c", "echo ready; exec sleep 60")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert "ended by signal 15" in stderr


def test_interrupt_in_a_terminal_reaches_the_program_once(rayscope: Commands, tmp_path: Path) -> None:
    """Ctrl-C ends the program as it would without Rayscope, its cluster is still drained, and the run is told as interrupted."""
    program = tmp_path / "patient.py"
    program.write_text(
        "import ray\n"
        "ray.init(num_cpus=2, logging_level='ERROR')\n"
        "@ray.remote\n"
        "def quick(): pass\n"
        "@ray.remote\n"
        "def work():\n"
        "    import time; time.sleep(600)\n"
        "ray.get([quick.remote() for _ in range(50)])\n"
        "ref = work.remote()\n"
        "ray.wait([ref], timeout=1)\n"
        "print('waiting', flush=True)\n"
        "try: ray.get(ref)\n"
        "except KeyboardInterrupt: print('interrupted', flush=True); raise\n"
    )
    shown = rayscope.in_terminal("run", "--cluster", "interrupted", str(program), answers={"waiting": "\x03"})
    shown = shown.replace("\r", "")
    assert shown.count("interrupted\n") == 1
    assert "failed with code 1 " in shown
    assert "Ray's dashboard was gone by then" in shown
    (session,) = rayscope.rows("list", "sessions", "-f", "cluster=interrupted", "--detail")
    assert (session["state"], session["undrained"]) == ("ENDED", 0)
    groups = {group["name"]: group["state_counts"] for group in rayscope.rows("summary", "tasks", "--session", session["session"])}
    assert groups == {"quick": {"FINISHED": 50}, "work": {"FAILED": 1}}


def test_joined_cluster_lives_on(rayscope: Commands, tmp_path: Path) -> None:
    """A program that joins a cluster which an earlier one started does not end that cluster's record when it leaves."""
    outer = tmp_path / "outer.py"
    inner = tmp_path / "inner.py"
    inner.write_text(
        "import ray\n"
        "ray.init(address='auto', logging_level='ERROR')\n"
        "@ray.remote(num_cpus=0.1)\n"
        "def guest(x): return x\n"
        "ray.get([guest.remote(x) for x in range(30)])\n"
    )
    outer.write_text(
        "import subprocess, sys, ray\n"
        "context = ray.init(num_cpus=2, logging_level='ERROR')\n"
        "@ray.remote(num_cpus=0.1)\n"
        "def host(x): return x\n"
        "ray.get([host.remote(x) for x in range(30)])\n"
        f"subprocess.run([{sys.executable!r}, '-m', 'rayscope', 'run', '--cluster', 'joined', {str(inner)!r}], check=True)\n"
        "found = subprocess.run([sys.executable, '-m', 'rayscope', 'list', 'sessions', '-f', 'cluster=joined', '-c', 'state,tasks', '--format', 'json'],"
        " capture_output=True, text=True, check=True)\n"
        "print('while it lives:', found.stdout, flush=True)\n"
        "ray.get([host.remote(x) for x in range(30)])\n"
    )
    done = rayscope("run", "--cluster", "joined", str(outer))
    assert done.returncode == 0, done.stderr
    assert '{"state":"LIVE","tasks":60}' in done.stdout
    assert "joined the running cluster" in done.stderr
    (session,) = rayscope.rows("list", "sessions", "-f", "cluster=joined", "--detail")
    assert (session["state"], session["tasks"], session["jobs"], session["failed_tasks"]) == ("ENDED", 90, 2, 0)


def test_clusters_of_one_program_are_kept_apart(rayscope: Commands, tmp_path: Path) -> None:
    """A program that starts Ray twice has two sessions, each whole, and the first has ended before the second began."""
    program = tmp_path / "twice.py"
    program.write_text(
        "import ray\n"
        "for turn in range(2):\n"
        "    ray.init(num_cpus=2, logging_level='ERROR')\n"
        "    task = ray.remote(lambda x: x).options(name=f'turn-{turn}')\n"
        "    ray.get([task.remote(x) for x in range(40)])\n"
        "    ray.shutdown()\n"
    )
    done = rayscope("run", "--cluster", "twice", str(program))
    assert done.returncode == 0
    assert "2 clusters, 80 tasks (0 failed)" in done.stderr
    second, first = rayscope.rows("list", "sessions", "-f", "cluster=twice")
    assert (first["tasks"], second["tasks"]) == (40, 40)
    assert first["ended_ns"] < second["started_ns"]


def test_killed_driver_leaves_no_task_running(rayscope: Commands, tmp_path: Path) -> None:
    """kill -9 of a driver in the middle of its work: the run says what may be missing, and no attempt stays RUNNING."""
    program = tmp_path / "doomed.py"
    program.write_text(
        "import os, signal, time, ray\n"
        "ray.init(num_cpus=2, logging_level='ERROR')\n"
        "@ray.remote\n"
        "def work(): time.sleep(60)\n"
        "refs = [work.remote() for _ in range(4)]\n"
        "time.sleep(4)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = rayscope("run", "--cluster", "doomed", str(program))
    assert done.returncode == 128 + signal.SIGKILL
    assert "was ended by signal 9" in done.stderr
    (session,) = rayscope.rows("list", "sessions", "-f", "cluster=doomed")
    assert session["state"] == "ENDED"

    def states() -> set[object]:
        return {row["state"] for row in rayscope.rows("list", "tasks", "--session", session["session"])}

    until(lambda: bool(states()) and states() <= {"FAILED", "LOST"}, f"all attempts are closed; they are {states()}")


def test_missing_script_is_named(rayscope: Commands) -> None:
    """A script that is not there is an error of its own, before anything is started."""
    done = rayscope("run", "no_such_script.py")
    assert done.returncode == 4
    assert "no such script: 'no_such_script.py'" in done.stderr


def test_missing_command_is_named(rayscope: Commands) -> None:
    """So is a command."""
    done = rayscope("run", "--", "no-such-command-at-all")
    assert done.returncode == 4
    assert "no-such-command-at-all" in done.stderr


def test_running_cluster_is_told_about(rayscope: Commands) -> None:
    """With RAY_ADDRESS set, the limits of what can be recorded are said before the program runs."""
    done = rayscope("run", "--", "true", RAY_ADDRESS="127.0.0.1:6379")
    assert "RAY_ADDRESS=127.0.0.1:6379" in done.stderr
    assert "rayscope env" in done.stderr


def test_terminal_stays_a_terminal(rayscope: Commands) -> None:
    """A program run in a terminal sees a terminal of the same width, and its bytes are kept as it wrote them."""
    shown = rayscope.in_terminal("run", "--", "sh", "-c", "test -t 1 && test -t 2 && stty size < /dev/stdout")
    assert "40 80\n" in shown
    newest = max((rayscope.data / "runs").iterdir(), key=os.path.getmtime)
    assert (newest / "stdout.log").read_bytes() == b"40 80\n"


@pytest.mark.parametrize("module", ["ray.tune.examples.tune_basic_example", "ray.tune.examples.custom_func_checkpointing"])
def test_example_of_ray_tune_is_recorded_whole(rayscope: Commands, module: str) -> None:
    """Programs that nobody here wrote: every actor and task of Ray Tune's own examples has its end."""
    name = module.rsplit(".", 1)[-1]
    done = rayscope("run", "--cluster", name, "-m", module, "--smoke-test")
    assert done.returncode == 0, done.stderr[-3000:]
    assert_whole(rayscope, name)


def test_ray_data_pipeline_is_recorded_whole(rayscope: Commands) -> None:
    """The pipeline of Ray Data's quick start is recorded with every block's task finished."""
    done = rayscope("run", "--cluster", "ray-data", str(PROGRAMS / "data_pipeline.py"))
    assert done.returncode == 0, done.stderr[-3000:]
    assert_whole(rayscope, "ray-data")


def assert_whole(rayscope: Commands, cluster: str) -> None:
    """Assert that nothing of the cluster's only session is open, unread or left behind."""
    (row,) = rayscope.rows("list", "sessions", "-f", f"cluster={cluster}", "--detail")
    assert (row["state"], row["undrained"], row["dropped"], row["quarantined"]) == ("ENDED", 0, 0, 0)
    assert row["tasks"] > 0
    tasks = rayscope.rows("list", "tasks", "--session", row["session"], "--limit", "0")
    assert {task["state"] for task in tasks} <= {"FINISHED", "FAILED"}
    assert all(actor["state"] == "DEAD" for actor in rayscope.rows("list", "actors", "--session", row["session"]))
