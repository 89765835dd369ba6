"""What Ray's own dashboard and agents tell a recorder: metrics pages, and the states that the event feed lacks."""

from __future__ import annotations

import socket
import time
import urllib.request
from http.client import HTTPException
from typing import Any, Final

import msgspec

from rayscope.model.report import ObjectReport, RayAnswer, StateSnapshot
from rayscope.ray.exporter_metrics import ExporterCounts, read_exporter_counts
from rayscope.ray.token import ray_token

_TIMEOUT_S: Final = 2.0
_OBJECTS_S: Final = 5.0
"""How long the end of a program waits at most for a look at what it held: 10,000 references take Ray half a second."""

_LIMIT: Final = 10_000
_STATES: Final = ("placement_groups", "runtime_envs", "cluster_events")


def exporter_counts(metrics: str) -> ExporterCounts | None:
    """What the agent at ``host:port`` says of its export; None where it cannot be asked or has exported nothing."""
    try:
        return read_exporter_counts(_fetch(f"http://{metrics}/metrics").decode())
    except OSError:
        return None


def is_listening(address: str) -> bool:
    """Whether something still listens at ``host:port``; of a cluster's own address: whether it is still there."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_TIMEOUT_S):
            return True
    except OSError:
        return False


def state_snapshot(session: str, dashboard: str) -> StateSnapshot | None:
    """Rows of Ray's state API at ``host:port``; None where it does not answer: not at all, or not every question."""
    try:
        states: dict[str, Any] = {name: _rows(f"http://{dashboard}/api/v0/{name}?limit={_LIMIT}&detail=true&timeout={_TIMEOUT_S:.0f}") for name in _STATES}
        submissions: list[dict[str, Any]] = msgspec.json.decode(_fetch(f"http://{dashboard}/api/jobs/"))
    except (OSError, HTTPException, msgspec.DecodeError):
        return None
    return StateSnapshot(session=session, taken_ns=time.time_ns(), submissions=submissions, **states)


def object_report(session: str, dashboard: str) -> ObjectReport | None:
    """A last snapshot of the object table; None where Ray does not answer soon."""
    taken_ns, began_s = time.time_ns(), time.monotonic()
    try:
        content = _fetch(f"http://{dashboard}/api/v0/objects?limit={_LIMIT}&detail=true&timeout={_OBJECTS_S:.0f}", _OBJECTS_S + 1)
        answer = msgspec.json.decode(content, type=RayAnswer)
    except (OSError, HTTPException, msgspec.DecodeError):
        return None
    return ObjectReport(session=session, taken_ns=taken_ns, trigger="end", answer=answer, duration_ns=int((time.monotonic() - began_s) * 1e9))


def _rows(url: str) -> list[dict[str, Any]]:
    data = msgspec.json.decode(_fetch(url)).get("data") or {}
    rows: list[dict[str, Any]] = (data.get("result") or {}).get("result") or []
    return rows


def _fetch(url: str, timeout_s: float = _TIMEOUT_S) -> bytes:
    request = urllib.request.Request(url, headers=_authorization())  # noqa: S310 the cluster's own address
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content


def _authorization() -> dict[str, str]:
    token = ray_token()
    return {"Authorization": f"Bearer {token}"} if token else {}
