"""A small HTTP/1.1 client on asyncio: one server, one kept connection, whole bodies.

aiohttp would do, but its import alone costs a node 20 MB of memory, and Rayscope's own environment need not have it.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import urlsplit

from rayscope.agent.errors import ServerAway

Stream = Tuple[asyncio.StreamReader, asyncio.StreamWriter]

_LONGEST_ANSWER = 64 * 1024 * 1024
"""An answer that is longer is not one of ours: the longest lists the offsets of all files of a node."""


class Answer(NamedTuple):
    """A status, headers by their names in lower case, a body."""

    status: int
    headers: Dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises ServerAway where it is none: something else answers there."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ServerAway(f"the answer is no JSON: {self.body[:80]!r}") from error


class Web:
    """Requests to one server, one after the other. Raises ServerAway for whatever keeps an answer from coming."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        self.url = url.rstrip("/")
        self.prefix = parts.path.rstrip("/")
        self.host = parts.hostname or "127.0.0.1"
        self.is_tls = parts.scheme == "https"
        self.port = parts.port or (443 if self.is_tls else 80)
        self._lock = asyncio.Lock()
        self._stream: Optional[Stream] = None

    async def request(self, method: str, path: str, body: bytes = b"", headers: Optional[Mapping[str, str]] = None, timeout_s: float = 30.0) -> Answer:
        """One exchange. A kept connection that turns out to be closed is opened anew, once: our requests may be repeated."""
        async with self._lock:
            kept = self._stream is not None
            try:
                return await self._exchange(method, path, body, headers or {}, timeout_s)
            except ServerAway:
                if not kept:
                    raise
            return await self._exchange(method, path, body, headers or {}, timeout_s)

    async def open(self, timeout_s: float = 10.0) -> Stream:
        """A connection of one's own. Raises ServerAway."""
        context = ssl.create_default_context() if self.is_tls else None
        try:
            return await asyncio.wait_for(asyncio.open_connection(self.host, self.port, ssl=context, limit=1 << 18), timeout_s)
        except (OSError, asyncio.TimeoutError) as error:
            raise ServerAway(f"cannot connect to {self.host}:{self.port}: {error or 'no answer'}") from error

    def close(self) -> None:
        """Drop the connection."""
        if self._stream is not None:
            self._stream[1].close()
            self._stream = None

    def head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        """The first lines of a request."""
        lines = [f"{method} {self.prefix}{path} HTTP/1.1", f"Host: {self.host}:{self.port}", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")

    async def _exchange(self, method: str, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Answer:
        try:
            return await asyncio.wait_for(self._talk(method, path, body, headers), timeout_s)
        except (OSError, EOFError, ValueError, asyncio.TimeoutError, asyncio.LimitOverrunError) as error:
            self.close()
            if isinstance(error, ServerAway):
                raise
            raise ServerAway(f"{self.url} does not answer: {str(error) or type(error).__name__}") from error
        except asyncio.CancelledError:
            self.close()  # an answer may be under way that nobody reads
            raise

    async def _talk(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        if self._stream is None:
            self._stream = await self.open()
        reader, writer = self._stream
        writer.write(self.head(method, path, {"Content-Length": str(len(body)), **headers}))
        if body:
            writer.write(body)
        await writer.drain()
        status, received = await read_head(reader)
        content = await _read_body(reader, received)
        if received.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, received, content)


async def read_head(reader: asyncio.StreamReader) -> Tuple[int, Dict[str, str]]:
    """The status and the headers of an answer. Raises ValueError for what is no HTTP, EOFError for nothing."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    protocol, status, *_ = lines[0].split(" ", 2)
    if not protocol.startswith("HTTP/1"):
        raise ValueError(f"not HTTP: {lines[0][:80]!r}")
    pairs = (line.partition(":") for line in lines[1:] if line)
    return int(status), {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _read_chunked(reader)
    size = int(headers.get("content-length") or 0)
    if size > _LONGEST_ANSWER:
        raise ValueError(f"an answer of {size} bytes")
    return await reader.readexactly(size)


async def _read_chunked(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        size = int((await reader.readline()).split(b";")[0], 16)
        body += await reader.readexactly(size)
        await reader.readline()
        if size == 0:
            return bytes(body)
        if len(body) > _LONGEST_ANSWER:
            raise ValueError("an answer without end")
