"""Secrets in log bytes, masked in place: the length stays, so that offsets, ranges and marks stay true.

A chunk is looked at only where it holds one of a few literals; almost none does.
"""

from __future__ import annotations

import re
from typing import Final

_LITERALS: Final = (b"://", b"passw", b"passphrase", b"secret", b"token", b"key", b"authorization", b"credential", b"akia", b"-----begin")

_PATTERNS: Final = (
    # scheme://user:password@host
    re.compile(rb"(?i)\b[a-z][a-z0-9+.-]*://[^/\s:@\"']*:(?P<secret>[^/\s@\"']+)@"),
    # name = value, name: value, "name": "value"
    re.compile(
        rb"(?i)(?:passw(?:or)?d|passphrase|secret|api_?key|access_?key|private_?key|auth_?key|auth_?token|access_?token|refresh_?token|secret_?access_?key|credential)"
        rb"[\"']?\s*[:=]\s*[\"']?(?P<secret>[^\s\"',;&}\]]{4,})"
    ),
    re.compile(rb"(?i)\bauthorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+(?P<secret>[A-Za-z0-9._~+/=-]{4,})"),
    re.compile(rb"(?i)\bbearer\s+(?P<secret>[A-Za-z0-9._~+/-]{16,}=*)"),
    re.compile(rb"\b(?P<secret>AKIA[0-9A-Z]{16})\b"),
    re.compile(rb"\b(?P<secret>(?:ghp|gho|ghs|ghu|glpat|xox[abprs]|sk|hf)[_-][A-Za-z0-9_-]{20,})"),
)
_BARE: Final = (b"ghp_", b"gho_", b"ghs_", b"ghu_", b"glpat-", b"xox", b"sk-", b"hf_")


def redact_log(data: bytes) -> tuple[bytes, int]:
    """The bytes with secrets masked by ``*``, of the same length, and how many were masked."""
    lowered = data.lower()
    if not any(literal in lowered for literal in (*_LITERALS, *_BARE)):
        return data, 0
    spans = [match.span("secret") for pattern in _PATTERNS for match in pattern.finditer(data)]
    spans = [(start, end) for start, end in spans if data[start:end].strip(b"*")]
    if not spans:
        return data, 0
    masked = bytearray(data)
    for start, end in spans:
        masked[start:end] = b"*" * (end - start)
    return bytes(masked), len(spans)
