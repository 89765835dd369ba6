"""Going to the background: a process of a session of its own, with a file that holds its number and one for its words."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Optional

from rayscope.agent.errors import AgentError


def default_file(kind: str) -> str:
    """`rayscope-agent-<user>.pid` or `.log` in the temporary folder."""
    return os.path.join(tempfile.gettempdir(), f"rayscope-agent-{os.getuid()}.{kind}")


def daemonize(pid_file: Optional[str], log_file: Optional[str]) -> None:
    """Go on in the background; the process that was started says where, and ends. Raises AgentError where the files cannot be written."""
    pid_path, log_path = os.path.abspath(pid_file or default_file("pid")), os.path.abspath(log_file or default_file("log"))
    try:
        log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        pid = os.open(pid_path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise AgentError(f"cannot write {error.filename}: {error.strerror}; give --pid-file and --log-file") from error
    child = os.fork()
    if child:
        sys.stderr.write(f"started an agent in the background: pid {child}, words in {log_path}\n")
        os.ftruncate(pid, 0)
        os.write(pid, f"{child}\n".encode())
        sys.stderr.flush()
        os._exit(0)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number, target in ((0, nothing), (1, log), (2, log)):
        os.dup2(target, number)
    os.chdir("/")
