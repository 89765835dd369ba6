"""Where the server is: as given, by RAYSCOPE_ADDRESS, or the one that runs on this machine's data folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8465


def default_data() -> Path:
    """The data folder: RAYSCOPE_DATA, or rayscope in the user's data home."""
    if given := os.environ.get("RAYSCOPE_DATA"):
        return Path(given)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "rayscope"


def find_address() -> str:
    """The server's address, whether or not it answers."""
    if given := os.environ.get("RAYSCOPE_ADDRESS"):
        return given
    try:
        url: str = json.loads((default_data() / "server.json").read_bytes())["url"]
    except (OSError, ValueError, KeyError):
        return f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"
    return url
