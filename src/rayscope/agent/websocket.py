"""A WebSocket client for text messages (RFC 6455), on a connection of `Web`. No extensions, no fragments of our own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import struct
from typing import Optional

from rayscope.agent.errors import ServerAway, WrongToken
from rayscope.agent.web import Web, read_head

LONGEST_MESSAGE = 32 * 1024 * 1024

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_SWITCHED = 101


class Closed(ServerAway):
    """The other side went."""


class WebSocket:
    """One open connection. Raises Closed when it is no more."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._sending = asyncio.Lock()

    @classmethod
    async def connect(cls, web: Web, path: str) -> WebSocket:
        """Open one. Raises ServerAway; WrongToken where it is refused."""
        reader, writer = await web.open()
        key = base64.b64encode(os.urandom(16))
        headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key.decode()}
        try:
            writer.write(web.head("GET", path, headers))
            await writer.drain()
            status, answered = await asyncio.wait_for(read_head(reader), 10.0)
        except (OSError, EOFError, ValueError, asyncio.TimeoutError, asyncio.LimitOverrunError) as error:
            writer.close()
            raise ServerAway(f"no channel: {error!r}") from error
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()  # noqa: S324 as the protocol has it
        if status != _SWITCHED or answered.get("sec-websocket-accept") != accept:
            writer.close()
            raise (WrongToken if status in {401, 403} else ServerAway)(f"no channel: the server answers {status}")
        return cls(reader, writer)

    async def send(self, text: str) -> None:
        """Send one message."""
        await self._send(_TEXT, text.encode())

    async def ping(self) -> None:
        """See that the other side is there: its answer is read with the next message."""
        await self._send(_PING, b"")

    async def receive(self, timeout_s: Optional[float] = None) -> str:
        """The next message. Raises Closed also when nothing at all comes for so long."""
        message = b""
        while True:
            try:
                last, kind, data = await asyncio.wait_for(self._frame(), timeout_s)
            except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
                raise Closed(f"the channel is gone: {error!r}") from error
            if kind == _CLOSE:
                raise Closed("the server closed the channel")
            if kind == _PING:
                await self._send(_PONG, data)
            elif kind != _PONG:
                message += data
                if last:
                    return message.decode("utf-8", "replace")

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def _frame(self) -> tuple[bool, int, bytes]:
        first, second = await self._reader.readexactly(2)
        size = second & 0x7F
        if size == 126:  # noqa: PLR2004 the protocol's: 16 bits follow
            size = struct.unpack(">H", await self._reader.readexactly(2))[0]
        elif size == 127:  # noqa: PLR2004 64 bits follow
            size = struct.unpack(">Q", await self._reader.readexactly(8))[0]
        if size > LONGEST_MESSAGE:
            raise ValueError(f"a message of {size} bytes")
        mask = await self._reader.readexactly(4) if second & 0x80 else b""
        data = await self._reader.readexactly(size)
        return bool(first & 0x80), first & 0x0F, masked(data, mask) if mask else data

    async def _send(self, kind: int, data: bytes) -> None:
        mask = os.urandom(4)
        size = len(data)
        if size < 126:  # noqa: PLR2004
            head = struct.pack(">BB", 0x80 | kind, 0x80 | size)
        elif size < 1 << 16:
            head = struct.pack(">BBH", 0x80 | kind, 0xFE, size)
        else:
            head = struct.pack(">BBQ", 0x80 | kind, 0xFF, size)
        async with self._sending:
            try:
                self._writer.write(head + mask + masked(data, mask))
                await self._writer.drain()
            except OSError as error:
                raise Closed(f"the channel is gone: {error!r}") from error


def masked(data: bytes, mask: bytes) -> bytes:
    """Every byte with its byte of the mask: as one large number, which is a hundred times faster than byte by byte."""
    size = len(data)
    pattern = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(pattern, "big")).to_bytes(size, "big")
