"""POSTs to one address over a kept connection."""

from __future__ import annotations

import base64
import http.client
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from rayscope import __version__
from rayscope.errors import UsageError
from rayscope.export.verdict import Answer
from rayscope.store.limits import EXPORT_WAIT_S

_SCHEMES: Final = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
_ANSWER_BYTES: Final = 64 * 1024


class Poster:
    """Sends bodies to ``url``. A user and password in it become basic authentication."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = check_url(url)
        self._make = _SCHEMES[parts.scheme]
        self._host, self._port = parts.hostname or "", parts.port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"User-Agent": f"rayscope/{__version__}", **_basic(parts.username, parts.password), **headers}
        self._connection: http.client.HTTPConnection | None = None
        self._asked: http.client.HTTPConnection | None = None

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One POST. Raises OSError or HTTPException where nothing, or nothing sensible, is answered."""
        connection = self._asked = self._connection or self._make(self._host, self._port, timeout=EXPORT_WAIT_S)
        self._connection = None
        try:
            connection.request("POST", self._path, body, {**self._headers, **headers})
            response = connection.getresponse()
            answer = Answer(response.status, response.read(_ANSWER_BYTES), response.headers.get("Retry-After", ""), response.headers.get("Location", ""))
            if response.isclosed() and not response.will_close:
                self._connection = connection
        finally:
            self._asked = None
            if self._connection is None:
                connection.close()
        return answer

    def abort(self) -> None:
        """From another thread: the POST that waits for its answer fails now."""
        asked = self._asked
        if asked is not None and asked.sock is not None:
            with suppress(OSError):
                asked.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def check_url(url: str) -> SplitResult:
    """The parts of an address. Raises UsageError for one that cannot be posted to."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"not an address: {url!r}: {error}", hint=_HINT) from error
    if parts.scheme not in _SCHEMES or not parts.hostname or any(character.isspace() for character in url):
        raise UsageError(f"not an address to send metrics to: {url!r}", hint=_HINT)
    return parts


def shown_url(url: str) -> str:
    """An address without what may be secret: user, password, query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _basic(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


_HINT: Final = "write it as http://HOST:PORT/api/v1/write (Prometheus) or http://HOST:4318/v1/metrics (an OpenTelemetry collector)"
