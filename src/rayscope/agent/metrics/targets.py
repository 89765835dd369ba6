"""Which pages of metrics are this node's to scrape, so that each of a session is scraped by one agent.

A node's own page is at the port in its file in the session's folder. On the head, Ray also lists all pages of the cluster; of these the head's are the
dashboard's and the autoscaler's, known by their ports. Ray does not say whose page is whose, so another node's page is never taken.
"""

from __future__ import annotations

import json
import os
import socket
from typing import Dict, List, Optional

from rayscope.agent.discovery import Place
from rayscope.agent.processes import environment_of

_LIST = "prom_metrics_service_discovery.json"
_HEAD_PORTS = {"AUTOSCALER_METRIC_PORT": 44217, "DASHBOARD_METRIC_PORT": 44227}
"""The variables that move them, and where they are otherwise."""

_LOCAL = frozenset({"", "127.0.0.1", "localhost", "::1"})


class Targets:
    """Looks them up again and again: a page's address is known some seconds after its node."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._ports: Optional[List[int]] = None

    def now(self) -> List[str]:
        """``host:port`` of each, the node's own first."""
        port = _port_in(os.path.join(self._place.session_dir, f"metrics_export_port_{self._place.node_id}"))
        listed = _listed(os.path.join(self._place.session_dir, _LIST))
        own = self._own(port, listed) if port else None
        others = [target for target in listed if target != own and self._is_of_head(target)] if self._place.is_head else []
        return list(dict.fromkeys([*([own] if own else []), *others]))

    def _own(self, port: int, listed: List[str]) -> str:
        host = self._place.host or next((_host(target) for target in listed if _port(target) == port), "127.0.0.1")
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def _is_of_head(self, target: str) -> bool:
        if self._ports is None:
            self._ports = _head_ports(environment_of(self._place.raylet_pid) if self._place.raylet_pid > 0 else None)
        here = self._place.host
        return _port(target) in self._ports and (not here or _host(target) == here or _host(target) in _LOCAL)


def instance_of(place: Place) -> str:
    """What the samples of the agent's own name as their instance."""
    return place.host or socket.gethostname()


def _head_ports(environment: Optional[Dict[str, str]]) -> List[int]:
    given = environment or {}
    return [int(given[name]) if given.get(name, "").isdigit() else usual for name, usual in _HEAD_PORTS.items()]


def _listed(path: str) -> List[str]:
    try:
        with open(path, encoding="utf-8") as file:
            groups = json.load(file)
        return [str(target) for group in groups for target in group.get("targets", ())]
    except (OSError, ValueError, AttributeError, TypeError):
        return []


def _port_in(path: str) -> Optional[int]:
    """Ray writes -1 where metrics are off."""
    try:
        with open(path, encoding="ascii") as file:
            port = int(file.read())
    except (OSError, ValueError):
        return None
    return port if port > 0 else None


def _host(target: str) -> str:
    return target.rpartition(":")[0].strip("[]")


def _port(target: str) -> int:
    port = target.rpartition(":")[2]
    return int(port) if port.isdigit() else 0
