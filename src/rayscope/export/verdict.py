"""What an answer to a POST means: taken, to be sent again, or refused."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from rayscope.store.limits import EXPORT_RETRY_AFTER_S

_TOO_MANY: Final = 429
_REASON_CHARS: Final = 160
_SPLIT: Final = frozenset({400, 413, 422, 500})


class Answer(Struct, frozen=True):
    """A status with what was said. ``retry_after`` and ``location`` are the headers as they came."""

    status: int
    body: bytes = b""
    retry_after: str = ""
    location: str = ""


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


def is_server_error(status: int) -> bool:
    """Remote write 1.0: any 5xx is asked again."""
    return status >= 500  # noqa: PLR2004 HTTP's own


def is_overload(status: int) -> bool:
    """OTLP: these alone are asked again; a 500 means that the content is to blame."""
    return status in {502, 503, 504}


def verdict(answer: Answer, is_again: Callable[[int], bool] = is_server_error) -> Taken | Again | Refused:
    """What to do. Both protocols ask again on 429, and never on another 4xx. What has moved waits for whoever runs this to give the new address."""
    status, detail = answer.status, _printable(answer.body.decode("utf-8", "replace"))
    if 200 <= status < 300:  # noqa: PLR2004
        return Taken()
    if 300 <= status < 400:  # noqa: PLR2004
        return Again(f"HTTP {status}: it is elsewhere: {_printable(answer.location)}")
    if is_again(status) or status == _TOO_MANY:
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


def _printable(text: str) -> str:
    """The first line, as far as it can be shown."""
    lines = text.strip().splitlines()
    return "".join(character if character.isprintable() else "." for character in lines[0][:_REASON_CHARS]) if lines else ""
