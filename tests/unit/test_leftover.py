"""Workers that outlive their cluster, by their files and processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from rayscope.run.leftover import workers_alive
from support.commands import until


def test_a_worker_is_alive_until_it_has_ended(tmp_path: Path) -> None:
    """A process of another kind that has its number by now is none."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / f"worker-{'ab' * 28}-01000000-{os.getpid()}.out").touch()
    assert not workers_alive(str(tmp_path))
    script = tmp_path / "default_worker.py"
    script.write_text("input()")
    with subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE) as worker:
        (tmp_path / "logs" / f"worker-{'cd' * 28}-ffffffff-{worker.pid}.out").touch()
        until(lambda: workers_alive(str(tmp_path)), "the worker is seen")
        worker.communicate(b"\n")
    assert not workers_alive(str(tmp_path))
