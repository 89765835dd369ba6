"""A running server, as it describes itself."""

from __future__ import annotations

from msgspec import Struct


class ServerInfo(Struct, frozen=True, kw_only=True):
    """Who a running server is; also the content of server.json in its data folder."""

    pid: int
    host: str
    port: int
    url: str
    data: str
    version: str
    started_ns: int


class Version(Struct, frozen=True, kw_only=True):
    """The answer of /api/v1/version."""

    version: str
    pid: int
    data: str
    url: str
    started_ns: int
    schema_version: int
    auth: bool


class Health(Struct, frozen=True, kw_only=True):
    """The answer of /api/v1/health. ``status`` is ok or disk_full."""

    status: str
    sessions: int
    events: int
    quarantined: int
    free_bytes: int
    db_bytes: int
    rss_bytes: int
    uptime_s: float
