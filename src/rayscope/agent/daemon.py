"""Going to the background: a process of a session of its own, with a file that holds its number and one for its words."""

from __future__ import annotations

import os
import select
import sys
import tempfile
from contextlib import suppress
from typing import Callable, NoReturn, Optional

from rayscope.agent.errors import AgentError

WORD_S = 10.0
"""How long the starter waits to hear how the agent fares. One that is busy so long has started."""

WELL = "well"


def default_file(kind: str) -> str:
    """`rayscope-agent-<user>.pid` or `.log` in the temporary folder."""
    return os.path.join(tempfile.gettempdir(), f"rayscope-agent-{os.getuid()}.{kind}")


def daemonize(pid_file: Optional[str], log_file: Optional[str]) -> Callable[[str], None]:
    """Go on in the background, and tell the process that was started, by what is returned, that all is `WELL`, or what is not: it waits for that, and ends.

    Raises AgentError where the files cannot be written; and in the process that was started, with what it was told.
    """
    pid_path, log_path = os.path.abspath(pid_file or default_file("pid")), os.path.abspath(log_file or default_file("log"))
    try:
        log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        pid = os.open(pid_path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise AgentError(f"cannot write {error.filename}: {error.strerror}; give --pid-file and --log-file") from error
    hears, tells = os.pipe()
    child = os.fork()
    if child:
        os.close(tells)
        _await_word(hears, log_path)
        _leave(child, pid, log_path)
    os.close(hears)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number, target in ((0, nothing), (1, log), (2, log)):
        os.dup2(target, number)
    os.chdir("/")
    return _Starter(tells)


class _Starter:
    """Takes one word, and no second one."""

    def __init__(self, tells: int) -> None:
        self._tells = tells

    def __call__(self, word: str) -> None:
        if self._tells < 0:
            return
        with suppress(OSError):  # it may have waited long enough
            os.write(self._tells, word.encode())
        os.close(self._tells)
        self._tells = -1


def _await_word(hears: int, log_path: str) -> None:
    """Raises AgentError where the agent did not come up."""
    if not select.select([hears], [], [], WORD_S)[0]:
        return
    word = os.read(hears, 4096).decode("utf-8", "replace")
    if word != WELL:
        raise AgentError(word or f"the agent ended at once; its words are in {log_path}")


def _leave(child: int, pid: int, log_path: str) -> NoReturn:
    """Only now: the file may name an agent that runs."""
    sys.stderr.write(f"started an agent in the background: pid {child}, words in {log_path}\n")
    os.ftruncate(pid, 0)
    os.write(pid, f"{child}\n".encode())
    sys.stderr.flush()
    os._exit(0)
