"""What an answer to a POST means: taken, to be sent again, or refused."""

from __future__ import annotations

import email.utils
import time
from typing import Final

from msgspec import Struct

from rayscope.store.limits import EXPORT_RETRY_AFTER_S

_TOO_MANY: Final = 429
_REASON_CHARS: Final = 160
_SPLIT: Final = frozenset({400, 413, 422})


class Answer(Struct, frozen=True):
    """A status with what was said. ``retry_after`` is the header as it came."""

    status: int
    body: bytes = b""
    retry_after: str = ""


class Taken(Struct, frozen=True):
    """It has them."""


class Again(Struct, frozen=True):
    """Ask again, not before ``after_s`` (None: as the backoff says)."""

    reason: str
    after_s: float | None = None


class Refused(Struct, frozen=True):
    """It will not have them, however often it is asked. ``is_content``: something in the body is to blame, so parts of it may do."""

    reason: str
    detail: str
    is_content: bool


def verdict(answer: Answer) -> Taken | Again | Refused:
    """By the rules of remote write 1.0 and OTLP, which agree: 5xx and 429 again, any other 4xx never."""
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004 HTTP's own
        return Taken()
    detail = _first_line(answer.body)
    if status >= 500 or status == _TOO_MANY:  # noqa: PLR2004
        return Again(f"HTTP {status}{f': {detail}' if detail else ''}", _wait_s(answer.retry_after))
    return Refused(f"HTTP {status}", detail, status in _SPLIT)


def _wait_s(header: str) -> float | None:
    """Seconds of a Retry-After, which is a number or a date."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(seconds, 0.0), EXPORT_RETRY_AFTER_S) if seconds == seconds else None  # noqa: PLR0124 a NaN


def _first_line(body: bytes) -> str:
    lines = body.decode("utf-8", "replace").strip().splitlines()
    return "".join(character if character.isprintable() else "." for character in lines[0][:_REASON_CHARS]) if lines else ""
