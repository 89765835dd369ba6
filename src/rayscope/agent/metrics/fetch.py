"""Getting a page of metrics in pieces: bounded in time and bytes, gzip taken, no redirect followed."""

from __future__ import annotations

import asyncio
import zlib
from typing import AsyncIterator, Callable, Dict, Mapping
from urllib.parse import urlsplit

from rayscope.agent.web import read_head

MOST_BYTES = 64 * 1024 * 1024
"""Of a page, unpacked: 20,000 series are some 6 MB."""

PIECE_BYTES = 256 * 1024
"""So much at once, then others have their turn."""

_OK = 200
# On this host, packing a page costs more than passing it on; a target that packs it all the same is understood.
_HEADERS = "Accept: text/plain;version=0.0.4;q=0.9,*/*;q=0.1\r\nAccept-Encoding: identity\r\nUser-Agent: rayscope-agent\r\nConnection: close"


class BadPage(Exception):
    """There is no page to be had: why."""


async def fetch(url: str, timeout_s: float, begin: Callable[[str], None], feed: Callable[[bytes], None], most: int = MOST_BYTES) -> int:
    """GET the page: ``begin`` gets its content type, ``feed`` its pieces. Returns its bytes. Raises BadPage: what was fed then is not the whole."""
    try:
        return await asyncio.wait_for(_fetch(url, begin, feed, most), timeout_s)
    except asyncio.TimeoutError:
        raise BadPage(f"no whole answer within {timeout_s:g} s") from None
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError, zlib.error) as error:
        raise BadPage(f"{type(error).__name__}: {error}"[:200]) from error


async def _fetch(url: str, begin: Callable[[str], None], feed: Callable[[bytes], None], most: int) -> int:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80, limit=PIECE_BYTES)
    try:
        writer.write(f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n{_HEADERS}\r\n\r\n".encode())
        await writer.drain()
        status, headers = await read_head(reader)
        if status != _OK:
            raise BadPage(f"it answers {status}{' and leads elsewhere' if 'location' in headers else ''}")
        begin(headers.get("content-type", ""))
        return await _pass_on(_body(reader, headers), headers, feed, most)
    finally:
        writer.close()


async def _pass_on(body: AsyncIterator[bytes], headers: Mapping[str, str], feed: Callable[[bytes], None], most: int) -> int:
    encoding = headers.get("content-encoding", "").lower()
    if encoding not in {"", "identity", "gzip"}:
        raise BadPage(f"it is packed with {encoding[:20]!r}")
    packed = zlib.decompressobj(31) if encoding == "gzip" else None
    size = 0
    async for raw in body:
        data = packed.decompress(raw, PIECE_BYTES) if packed else raw
        while data:
            size += len(data)
            if size > most:
                raise BadPage(f"the page is over {most} bytes")
            feed(data)
            await asyncio.sleep(0)
            data = packed.decompress(packed.unconsumed_tail, PIECE_BYTES) if packed else b""
    if packed and not packed.eof:
        raise BadPage("the page is cut off")
    return size


async def _body(reader: asyncio.StreamReader, headers: Dict[str, str]) -> AsyncIterator[bytes]:
    """The bytes of an answer, as they come: by length, in chunks, or up to the end of the connection. Raises EOFError where it is cut off."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        async for piece in _chunks(reader):
            yield piece
        return
    left = int(headers.get("content-length") or -1)
    while left:
        piece = await reader.read(PIECE_BYTES if left < 0 else min(left, PIECE_BYTES))
        if not piece:
            if left > 0:
                raise EOFError(f"{left} bytes are missing")
            return
        left = max(left - len(piece), 0) if left > 0 else left
        yield piece


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        left = int((await reader.readline()).split(b";")[0], 16)
        if left <= 0:
            return
        while left:
            piece = await reader.readexactly(min(left, PIECE_BYTES))
            left -= len(piece)
            yield piece
        await reader.readline()
