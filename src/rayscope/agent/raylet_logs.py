"""What the raylets' logs of a session's folder say: which node each is, and which workers it started. They say it also when the raylet is dead."""

from __future__ import annotations

import os
import re
from typing import Dict, Set

_RAYLET_LOG = re.compile(r"^raylet(\.\d+)?\.out(?:\.\d+)?$")
_STARTED = re.compile(rb"Started worker process with pid (\d+) worker_id=([0-9a-f]{56})")
_NODE = re.compile(rb"Setting node ID node_id=([0-9a-f]{56})")


class RayletLogs:
    """Reads on from where it was, each time that it is asked to."""

    def __init__(self, log_dir: str) -> None:
        self.of_worker: Dict[str, str] = {}
        self.of_pid: Dict[int, str] = {}
        self.nodes: Set[str] = set()
        self._log_dir = log_dir
        self._places: Dict[str, int] = {}
        self._node: Dict[str, str] = {}

    def node_of_log(self, name: str) -> str:
        """The node of `raylet.1.out`, and of `raylet.1.err` beside it; nothing where it has not said so yet."""
        return self._node.get(name.replace(".err", ".out"), "")

    def suffixes(self) -> Dict[str, str]:
        """Of each node what its log's name has between `raylet` and `.out`: nothing, or `.1`, and so on."""
        matches = {node: _RAYLET_LOG.match(name) for name, node in self._node.items()}
        return {node: match[1] or "" for node, match in matches.items() if match}

    def read_on(self) -> None:
        """Take in what was written since."""
        try:
            names = [name for name in os.listdir(self._log_dir) if _RAYLET_LOG.match(name)]
        except OSError:
            return
        for name in names:
            self._read(name)

    def _read(self, name: str) -> None:
        path = os.path.join(self._log_dir, name)
        try:
            with open(path, "rb") as file:
                if file.seek(0, os.SEEK_END) < self._places.get(name, 0):
                    self._places[name] = 0
                file.seek(self._places.get(name, 0))
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._places[name] = self._places.get(name, 0) + len(line)
                    self._take(name, line)
        except OSError:
            return

    def _take(self, name: str, line: bytes) -> None:
        if name not in self._node:
            node = _NODE.search(line)
            if node:
                self._node[name] = node[1].decode()
                self.nodes.add(self._node[name])
            return
        started = _STARTED.search(line)
        if started:
            self.of_pid[int(started[1])] = self._node[name]
            self.of_worker[started[2].decode()] = self._node[name]
