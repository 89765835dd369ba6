"""The token of Ray's own: since 2.59 a local cluster asks for the one that Ray keeps in the user's home."""

from __future__ import annotations

import os
from pathlib import Path


def ray_token() -> str | None:
    """As RAY_AUTH_TOKEN gives it, or the file that RAY_AUTH_TOKEN_PATH names, or Ray's own; None where there is none."""
    return os.environ.get("RAY_AUTH_TOKEN") or _token_in(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token")


def _token_in(path: str) -> str | None:
    try:
        return Path(path).expanduser().read_text().strip() or None
    except OSError:
        return None
