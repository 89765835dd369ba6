"""Which Ray nodes live on this host: a node is a raylet, and names its session and itself on its command line.

Where processes cannot be seen (a sidecar without the pod's process namespace), the session folders say it: a node's port files carry its id, and its
raylet's socket answers as long as it lives.
"""

from __future__ import annotations

import os
import re
import socket
import tempfile
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Set

from rayscope.agent.processes import Process, ProcessTable, RayProcesses, is_alive
from rayscope.agent.raylet_logs import RayletLogs

_PORT_FILE = re.compile(r"^(?:metrics_export_port|dashboard_agent_listen_port|metrics_agent_port)_([0-9a-f]{56})$")
_LOG_NAME = re.compile(r"--?(?:stdout|stderr)[-_]filepath=(\S+)|--logging-filename=(\S+)")


class Place(NamedTuple):
    """One node on this host.

    ``raylet_pid`` is 0 where its process cannot be seen, -1 where it is dead. ``own_names``: names of log files on its raylet's command line.
    """

    session: str
    session_dir: str
    node_id: str
    raylet_pid: int
    raylet_socket: str
    is_head: bool
    own_names: FrozenSet[str]
    gcs_address: str = ""
    dashboard: str = ""
    ray_version: str = ""
    host: str = ""
    """The node's address, as Ray has it; nothing where it cannot be seen."""

    @property
    def is_dead(self) -> bool:
        """Whether it was dead when it was found."""
        return self.raylet_pid < 0

    @property
    def log_dir(self) -> str:
        """Where its log files are."""
        return os.path.join(self.session_dir, "logs")

    def is_alive(self) -> bool:
        """Whether its raylet runs."""
        if self.is_dead:
            return False
        return is_alive(self.raylet_pid) if self.raylet_pid else answers(self.raylet_socket)


class Discovery:
    """Finds nodes again and again. ``session_dir`` and ``node_id`` restrict what counts."""

    def __init__(self, temp_dir: Optional[str] = None, session_dir: Optional[str] = None, node_id: Optional[str] = None, dashboard: str = "") -> None:
        self._temp_dir = temp_dir or default_temp_dir()
        self._session_dir = os.path.realpath(session_dir) if session_dir else None
        self._node_id = node_id
        self._dashboard = dashboard
        self._table = ProcessTable()
        self._dead: Dict[str, List[Place]] = {}

    def places(self) -> List[Place]:
        """The nodes that live now."""
        running = self._table.look()
        found: Dict[str, Place] = {}
        for raylet in running.raylets:
            place = _place(raylet, running, self._dashboard)
            if place is not None:
                found[place.node_id] = place
        if not found:
            found = {place.node_id: place for folder in self._folders() for place in _places_in(folder, self._dashboard)}
        folders = {place.session_dir for place in found.values()} | ({self._session_dir} if self._session_dir else set())
        for place in (place for folder in folders for place in self._dead_in(folder, set(found))):
            found[place.node_id] = place
        return [place for place in found.values() if self._is_wanted(place)]

    def _dead_in(self, session_dir: str, living: Set[str]) -> List[Place]:
        """Nodes that died here: what their agents did not ship any more, if they died at the same time, is still to be shipped. Found once."""
        if session_dir not in self._dead:
            logs = RayletLogs(os.path.join(session_dir, "logs"))
            logs.read_on()
            self._dead[session_dir] = [_dead(session_dir, node, suffix) for node, suffix in logs.suffixes().items() if node not in living]
        return self._dead[session_dir]

    def _is_wanted(self, place: Place) -> bool:
        if self._node_id and place.node_id != self._node_id:
            return False
        if self._session_dir:
            return os.path.realpath(place.session_dir) == self._session_dir
        return os.path.isdir(place.session_dir)

    def _folders(self) -> List[str]:
        if self._session_dir:
            return [self._session_dir]
        try:
            names = os.listdir(self._temp_dir)
        except OSError:
            return []
        folders = [os.path.join(self._temp_dir, name) for name in names if name.startswith("session_")]
        return [folder for folder in folders if os.path.isdir(folder) and not os.path.islink(folder)]


def default_temp_dir() -> str:
    """Where Ray keeps its sessions unless told otherwise."""
    return os.environ.get("RAY_TMPDIR") or os.path.join(os.environ.get("TMPDIR") or tempfile.gettempdir(), "ray")


def answers(path: str) -> bool:
    """Whether something listens at a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(path)
        except OSError:
            return False
        return True


def _place(raylet: Process, running: RayProcesses, dashboard: str) -> Optional[Place]:
    node_id, raylet_socket = raylet.option("node_id"), raylet.option("raylet_socket_name") or ""
    session_dir = raylet.option("session_dir") or os.path.dirname(os.path.dirname(raylet_socket))
    if not node_id or not session_dir:
        return None
    is_head = os.path.exists(os.path.join(session_dir, f"gcs_server_port_{node_id}")) or any(gcs.option("node-id") == node_id for gcs in running.gcs)
    return Place(
        session=raylet.option("session-name") or os.path.basename(session_dir),
        session_dir=session_dir,
        node_id=node_id,
        raylet_pid=raylet.pid,
        raylet_socket=raylet_socket,
        is_head=is_head,
        own_names=_names_on(raylet),
        gcs_address=raylet.option("gcs-address") or "",
        dashboard=(dashboard or _dashboard_of(session_dir, running)) if is_head else "",
        ray_version=_version_beside(raylet.arguments[0]),
        host=raylet.option("node_ip_address") or "",
    )


def _places_in(session_dir: str, dashboard: str) -> List[Place]:
    """Nodes of a folder whose raylets answer. With several nodes it cannot be told whose socket is whose: as long as one answers, all live."""
    try:
        names = os.listdir(session_dir)
        sockets = [os.path.join(session_dir, "sockets", name) for name in os.listdir(os.path.join(session_dir, "sockets")) if name.startswith("raylet")]
    except OSError:
        return []
    living = next((path for path in sockets if answers(path)), None)
    if living is None:
        return []
    nodes = sorted({found[1] for name in names for found in [_PORT_FILE.match(name)] if found})
    heads = {name.rpartition("_")[2] for name in names if name.startswith("gcs_server_port_")}
    return [
        Place(os.path.basename(session_dir), session_dir, node, 0, living, node in heads, frozenset(), "", dashboard if node in heads else "") for node in nodes
    ]


def _dead(session_dir: str, node_id: str, suffix: str) -> Place:
    """A node that is no more. Its agents' logs have its raylet's suffix, as all of them are named in one go."""
    names = frozenset(f"{name}{suffix}.{kind}" for name in ("dashboard_agent", "runtime_env_agent") for kind in ("log", "out", "err"))
    is_head = os.path.exists(os.path.join(session_dir, f"gcs_server_port_{node_id}"))
    return Place(os.path.basename(session_dir), session_dir, node_id, -1, "", is_head, names)


def _names_on(raylet: Process) -> FrozenSet[str]:
    """Log files that the raylet's command line gives to it and to its agents."""
    found = (match for argument in raylet.arguments for match in _LOG_NAME.finditer(argument))
    return frozenset(os.path.basename(match[1] or match[2]) for match in found)


def _dashboard_of(session_dir: str, running: RayProcesses) -> str:
    """Host and port of the session's dashboard. Its log names the port that it got, its command line the one that it was to try first."""
    for dashboard in running.dashboards:
        if os.path.realpath(dashboard.option("session-dir") or "") == os.path.realpath(session_dir):
            host, port = dashboard.option("host") or "127.0.0.1", dashboard.option("port") or "8265"
            said = _said_in(os.path.join(session_dir, "logs", "dashboard.log"))
            host = "127.0.0.1" if host in {"0.0.0.0", "::", "localhost"} else host  # noqa: S104 compared, not listened on
            return f"{host}:{said or port}"
    return ""


def _said_in(log: str) -> str:
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            found = re.search(r"Dashboard head http address: \S*?:(\d+)\s", file.read(1 << 18))
    except OSError:
        return ""
    return found[1] if found else ""


def _version_beside(program: str) -> str:
    """Ray's version, from the package that the raylet's program lies in."""
    package = program.partition("/ray/core/src/")[0]
    try:
        with open(os.path.join(package, "ray", "_version.py"), encoding="utf-8") as file:
            found = re.search(r'^version = "([^"]+)"', file.read(), re.MULTILINE)
    except OSError:
        return ""
    return found[1] if found else ""
