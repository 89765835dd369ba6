"""How an agent is told what to do: by options, or by the environment."""

from __future__ import annotations

import os
from typing import NamedTuple, Optional
from urllib.parse import urlsplit

from rayscope.agent.errors import BadOptions
from rayscope.agent.uplink import ingest_url

SCRAPE_S = 5.0
"""How often a target is scraped unless told otherwise; RAYSCOPE_SCRAPE_S tells it to agents that others start."""


LEAST_SCRAPE_S, MOST_SCRAPE_S = 0.5, 3600.0


class Options(NamedTuple):
    """``ingest`` is `http://host:port/ingest/<token>`. ``leave_s``: how long at most it takes its leave.

    ``scrape_s``: how often metrics are scraped; 0: never.
    """

    ingest: str
    ray_temp_dir: Optional[str] = None
    session_dir: Optional[str] = None
    node_id: Optional[str] = None
    dashboard: str = ""
    once: bool = False
    leave_s: float = 30.0
    scrape_s: float = SCRAPE_S


def scrape_interval(given: Optional[float]) -> float:
    """Seconds between two scrapes: as given, else by RAYSCOPE_SCRAPE_S. 0: none. Raises BadOptions."""
    text = os.environ.get("RAYSCOPE_SCRAPE_S", "")
    try:
        seconds = given if given is not None else float(text or SCRAPE_S)
    except ValueError:
        raise BadOptions(f"RAYSCOPE_SCRAPE_S is {text!r}; it takes seconds, or 0 for no metrics") from None
    if seconds != 0 and not LEAST_SCRAPE_S <= seconds <= MOST_SCRAPE_S:
        raise BadOptions(f"metrics cannot be scraped every {seconds:g} s; give {LEAST_SCRAPE_S:g} to {MOST_SCRAPE_S:g}, or 0 for no metrics")
    return seconds


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
