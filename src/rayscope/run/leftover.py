"""Workers that outlive their cluster by a moment: what they say last belongs to the record."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_PID: Final = re.compile(r"worker-.*-(\d+)\.out")


def workers_alive(log_dir: str) -> bool:
    """Whether a worker that has a file in a session's folder still runs on this machine."""
    pids = {found[1] for path in Path(log_dir, "logs").glob("worker-*.out") if (found := _PID.fullmatch(path.name))}
    return any(_is_worker(pid) for pid in pids)


def _is_worker(pid: str) -> bool:
    """Ray names its workers ``ray::<what they do>``; a number may be another process's by now."""
    try:
        command = Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return False
    return command.startswith(b"ray::") or b"default_worker.py" in command
