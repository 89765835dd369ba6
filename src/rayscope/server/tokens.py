"""Tokens in files, and which hosts need none."""

from __future__ import annotations

import ipaddress
import secrets
from pathlib import Path


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_or_make_token(path: Path) -> str:
    """The token in a file, readable by its owner only; a new one where there is none."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text().strip()
