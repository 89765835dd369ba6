"""How an agent is told what to do: by options, or by the environment."""

from __future__ import annotations

import os
from typing import NamedTuple, Optional
from urllib.parse import urlsplit

from rayscope.agent.errors import BadOptions
from rayscope.agent.uplink import ingest_url


class Options(NamedTuple):
    """``ingest`` is `http://host:port/ingest/<token>`. ``leave_s``: how long at most it takes its leave."""

    ingest: str
    ray_temp_dir: Optional[str] = None
    session_dir: Optional[str] = None
    node_id: Optional[str] = None
    dashboard: str = ""
    once: bool = False
    leave_s: float = 30.0


def find_ingest(server: Optional[str], token: Optional[str]) -> str:
    """The ingest address by a server's address and token, or by RAYSCOPE_INGEST. Raises BadOptions."""
    given = os.environ.get("RAYSCOPE_INGEST", "")
    if not server and not token:
        if "/ingest/" not in given:
            raise BadOptions("no server is known: give --server and --token, or set RAYSCOPE_INGEST to what `rayscope env` prints")
        return given.rstrip("/")
    base, _, known = given.partition("/ingest/")
    server, token = server or base, token or known
    if not server or not token:
        raise BadOptions(f"no {'token' if server else 'server'} is known: give --server and --token, or set RAYSCOPE_INGEST to what `rayscope env` prints")
    if urlsplit(server if "://" in server else f"http://{server}").hostname is None:
        raise BadOptions(f"--server {server!r} is no address; write http://host:port")
    return ingest_url(server, token)
