"""One agent a node: a lock on a file in the session's folder, which also keeps the agent's name over its restarts."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import uuid
from typing import Optional

from rayscope.agent.errors import AnotherAgent


class NodeLock:
    """Held as long as the process lives. The file says who holds it: `<agent id> <pid>`."""

    def __init__(self, session_dir: str, node_id: str) -> None:
        self.path = lock_path(session_dir, node_id)
        self._file: Optional[int] = None

    def take(self) -> str:
        """The agent's id: that of the last one on this node, so that the server knows one that comes back. Raises AnotherAgent."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = holder_of(self.path)
            os.close(descriptor)
            raise AnotherAgent(f"another agent{f' (pid {holder})' if holder else ''} watches this node already; this one leaves") from None
        words = os.pread(descriptor, 200, 0).decode("ascii", "replace").split()
        agent_id = words[0] if words else uuid.uuid4().hex[:16]
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{agent_id} {os.getpid()}\n".encode(), 0)
        self._file = descriptor
        return agent_id

    def release(self) -> None:
        """Let go."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def lock_path(session_dir: str, node_id: str) -> str:
    """In the session's folder; where that is not ours to write in, in a temporary folder."""
    if os.access(session_dir, os.W_OK):
        return os.path.join(session_dir, f"rayscope-agent-{node_id}.lock")
    key = hashlib.blake2b(f"{os.path.realpath(session_dir)} {node_id}".encode(), digest_size=12).hexdigest()
    return os.path.join(tempfile.gettempdir(), f"rayscope-agent-{key}.lock")


def holder_of(path: str) -> int:
    """The process that a lock's file names; 0 where it names none."""
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
