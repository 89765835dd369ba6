"""Which log file is whose, where several raylets of one host share a session's folder (Ray's own test clusters do).

A file is a node's if its name is on its raylet's command line; if it carries the node's id; or if it carries the id or the process of a worker that the
raylet started, which the raylet's log tells, also after its death, and the process table. What is nobody's by that (the GCS's, the dashboard's, drivers')
is the head's, or where no head lives here, that of the node whose id comes first. A worker that nobody knows yet is waited for.
"""

from __future__ import annotations

import os
import re
import time
from typing import Callable, Dict, List, Optional

from rayscope.agent.discovery import Place
from rayscope.agent.processes import parent_of
from rayscope.agent.raylet_logs import RayletLogs

PATIENCE_S = 10.0
"""After so long a worker that nobody claims is the head's."""

_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{56}(?![0-9a-f])")
_PID = re.compile(r"[-_](\d+)\.(?:out|err|log|jsonl)(?:\.\d+)?$")
_ROTATED = re.compile(r"\.\d+$")


class Owners:
    """Answers for one node. ``neighbours`` gives the nodes that live on this host, this one among them; those of other sessions have folders of their own."""

    def __init__(self, place: Place, neighbours: Callable[[], List[Place]]) -> None:
        self._place = place
        self._neighbours = neighbours
        self._shared: Dict[str, bool] = {}
        self._raylets = RayletLogs(place.log_dir)
        self._waiting: Dict[str, float] = {}
        self._known: Dict[str, bool] = {}

    def __call__(self, path: str) -> Optional[bool]:
        """Whether the file is this node's; None: not known yet."""
        if not self._is_shared():
            return True
        known = self._known.get(path)
        if known is None:
            known = self._decide(path)
            if known is not None:
                self._known[path] = known
        return known

    def _beside(self) -> List[Place]:
        return [place for place in self._neighbours() if place.session_dir == self._place.session_dir]

    def _decide(self, path: str) -> Optional[bool]:
        name = os.path.basename(path)
        neighbours = {place.node_id: place for place in [*self._beside(), self._place]}
        self._raylets.read_on()
        node_id = self._node_of(name, neighbours)
        if node_id:
            return node_id == self._place.node_id
        if _ID.search(name) and "driver" not in name:
            since_s = self._waiting.setdefault(path, time.monotonic())
            if time.monotonic() - since_s < PATIENCE_S:
                return None
        return self._place.node_id == first_of(neighbours)

    def _node_of(self, name: str, neighbours: Dict[str, Place]) -> str:
        plain = {name, _ROTATED.sub("", name)}
        for node_id, place in neighbours.items():
            if plain & place.own_names:
                return node_id
        if name.startswith("raylet."):
            return self._raylets.node_of_log(name)
        ids = _ID.findall(name)
        nodes = set(neighbours) | self._raylets.nodes
        found = next((known for known in ids if known in nodes), "") or next(
            (self._raylets.of_worker[known] for known in ids if known in self._raylets.of_worker), ""
        )
        return found or self._of_process(name, neighbours)

    def _of_process(self, name: str, neighbours: Dict[str, Place]) -> str:
        match = _PID.search(name)
        if match is None:
            return ""
        pid = int(match[1])
        if pid in self._raylets.of_pid:
            return self._raylets.of_pid[pid]
        parent = parent_of(pid)
        return next((place.node_id for place in neighbours.values() if place.raylet_pid and place.raylet_pid == parent), "")

    def _is_shared(self) -> bool:
        """Whether several raylets live here, or have (or had) their socket here. Once so, always so."""
        folder = os.path.join(self._place.session_dir, "sockets")
        if not self._shared.get(folder) and any(place.node_id != self._place.node_id for place in self._beside()):
            self._shared[folder] = True  # the younger's socket may not be there yet: it must not take everything for its own
        if not self._shared.get(folder):
            try:
                self._shared[folder] = sum(name.startswith("raylet") for name in os.listdir(folder)) > 1
            except OSError:
                return False
        return self._shared[folder]


def first_of(neighbours: Dict[str, Place]) -> str:
    """The node that has what is no single node's: the head, else the one whose id comes first."""
    head = next((node_id for node_id, place in neighbours.items() if place.is_head), None)
    return head or min([node_id for node_id, place in neighbours.items() if not place.is_dead] or neighbours)
