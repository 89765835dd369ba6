"""What a process gets of the hooks: by its command line, its environment, and what its program says."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from rayscope.worker import driver, python_path, roles

HOOK = str(resources.files("rayscope.worker") / "hook")


@pytest.mark.parametrize(
    ("command", "environment", "wanted"),
    [
        (["python", "-u", "/x/ray/_private/workers/default_worker.py", "--node-id=1"], {"RAYSCOPE_RUN_DIR": "/r"}, "worker"),
        (["python", "/x/ray/_private/workers/default_worker.py"], {"RAYSCOPE_HOOKS": "off", "RAYSCOPE_RUN_DIR": "/r"}, "none"),
        (["python", "/x/setup_worker.py", "--worker-type", "WORKER"], {}, "setup_worker"),
        (["python", "/x/ray/dashboard/agent.py"], {}, "none"),
        (["python", "train.py"], {"RAYSCOPE_RUN_DIR": "/r", "RAYSCOPE_HOOKS": "off"}, "driver"),
        (["python", "train.py"], {}, "none"),
        ([], {}, "none"),
    ],
)
def test_the_role_of_a_process(command: list[str], environment: dict[str, str], wanted: str) -> None:
    """RAYSCOPE_HOOKS=off is of workers; a run's driver keeps its words."""
    assert roles.role(command, environment) == wanted


@pytest.mark.parametrize(
    ("before", "after"),
    [({}, HOOK), ({"PYTHONPATH": ""}, HOOK), ({"PYTHONPATH": "/a:/b"}, f"{HOOK}:/a:/b"), ({"PYTHONPATH": f"/a:{HOOK}"}, f"/a:{HOOK}")],
)
def test_the_folder_stays_on_the_path(before: dict[str, str], after: str) -> None:
    """Once."""
    python_path.keep(before)
    assert before["PYTHONPATH"] == after


@pytest.mark.parametrize(
    ("mode", "given", "wanted"),
    [("rayscope", {}, True), ("off", {}, False), ("ray", {}, None), (None, {}, None), ("rayscope", {"log_to_driver": False}, None)],
)
def test_who_shows_the_workers_output(mode: str | None, given: dict[str, object], wanted: bool | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that says how it wants it is left alone."""
    monkeypatch.delenv("RAYSCOPE_RUN_REDIRECT", raising=False)
    if mode is not None:
        monkeypatch.setenv("RAYSCOPE_RUN_REDIRECT", mode)
    assert driver._takes_output(given) is wanted


def test_python_starts_as_ever_with_the_folder_on_its_path(tmp_path: Path) -> None:
    """A worker's command line, without Ray; a sitecustomize that the folder hides is run."""
    (tmp_path / "sitecustomize.py").write_text("print('hidden')\n")
    (tmp_path / "default_worker.py").write_text("import sys; print(type(sys.stdout).__name__)\n")
    environment = os.environ | {"PYTHONPATH": f"{HOOK}:{tmp_path}"}
    done = subprocess.run([sys.executable, tmp_path / "default_worker.py"], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("hidden\nTextIOWrapper\n", "")
