"""Secrets in log bytes, masked in place: the length stays, so that offsets, ranges and marks stay true.

One pass of RE2 over a chunk says whether anything in it looks like a secret; almost nothing does. Only the lines where it does
are looked at closely.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

_NAMES: Final = r"(?:passw(?:or)?d|passphrase|secret|(?:api|access|private|auth)[_-]?key|(?:auth|access|refresh)[_-]?token|credentials?)"
_KNOWN: Final = r"(?:gh[pousr]_|glpat-|xox[abprs]-|sk-|hf_)"

_SIGN: Final = (
    rf"{_NAMES}[\"']?\s*[:=]|authorization[\"']?\s*[:=]|bearer\s+[a-z0-9._~+/-]{{16}}|akia[0-9a-z]{{16}}|{_KNOWN}[a-z0-9_-]{{20}}|://[^\s/:@]*:[^\s/@]+@"
)
"""What every secret below has (RE2, in any case)."""

_PATTERNS: Final = tuple(
    re.compile(pattern.encode())
    for pattern in (
        r"(?i)\b[a-z][a-z0-9+.-]*://[^/\s:@\"']*:(?P<secret>[^/\s@\"']+)@",  # scheme://user:password@host
        rf"(?i){_NAMES}[\"']?\s*[:=]\s*[\"']?(?P<secret>[^\s\"',;&}}\]]{{4,}})",  # name = value, name: value, "name": "value"
        r"(?i)authorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+(?P<secret>[A-Za-z0-9._~+/=-]{4,})",
        r"(?i)\bbearer\s+(?P<secret>[A-Za-z0-9._~+/-]{16,}=*)",
        r"\b(?P<secret>AKIA[0-9A-Z]{16})\b",
        rf"\b(?P<secret>{_KNOWN}[A-Za-z0-9_-]{{20,}})",
    )
)

_AROUND: Final = 4096
"""Of a long line only so many bytes on both sides of a sign are looked at."""

_MANY: Final = 100
"""Signs in a chunk from which on the rest of it is looked at as a whole."""


def redact_log(data: bytes) -> tuple[bytes, int]:
    """The bytes with secrets masked by ``*``, of the same length, and how many were masked."""
    found = {span for start, end in _suspects(data) for span in _secrets(data, start, end)}
    if not found:
        return data, 0
    masked = bytearray(data)
    for start, end in found:
        masked[start:end] = b"*" * (end - start)
    return bytes(masked), len(found)


def _suspects(data: bytes) -> Iterator[tuple[int, int]]:
    """The stretches, mostly lines, that have a sign."""
    at = 0
    for _ in range(_MANY):
        found = pc.find_substring_regex(pa.array([data[at:]], pa.binary()), _SIGN, ignore_case=True)[0].as_py()
        if found < 0:
            return
        sign = at + found
        start, end = max(data.rfind(b"\n", 0, sign) + 1, sign - _AROUND), data.find(b"\n", sign + 1)
        end = min(len(data) if end < 0 else end, sign + _AROUND)
        yield start, end
        at = end
    yield at, len(data)


def _secrets(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The places of secrets in a stretch. What is masked already is none."""
    text = data[start:end]
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            first, last = match.span("secret")
            if text[first:last].strip(b"*"):
                yield start + first, start + last
