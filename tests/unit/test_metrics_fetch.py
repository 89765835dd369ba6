"""Getting a page from targets that answer in all ways, good and bad."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable

import pytest

from rayscope.agent.metrics.fetch import BadPage, fetch

PAGE = b"x 1\n" * 1000
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def says(*parts: bytes, status: str = "200 OK", headers: str = "Content-Type: text/plain") -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n".encode())
        for part in parts:
            writer.write(part)
            await writer.drain()
        writer.close()

    return answer


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\nx 1\n")
    await reader.read()


async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
    while True:
        writer.write(b"x{} 1\n" * 10_000)
        await writer.drain()


def get(answer: Answer, *, most: int = 1 << 20, timeout_s: float = 20.0) -> tuple[bytes, str]:
    """The page and its type."""

    async def work() -> tuple[bytes, str]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await answer(reader, writer)
            except OSError:
                return

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        got = bytearray()
        kinds: list[str] = []
        try:
            size = await fetch(f"http://127.0.0.1:{port}/metrics", timeout_s, kinds.append, got.extend, most)
        finally:
            server.close()
        assert size == len(got)
        return bytes(got), kinds[0]

    return asyncio.run(work())


def chunked(data: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (data[:10], data[10:])) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        says(PAGE),
        says(PAGE, b"more than its length", headers=f"Content-Type: text/plain\r\nContent-Length: {len(PAGE)}"),
        says(chunked(PAGE), headers="Content-Type: text/plain\r\nTransfer-Encoding: chunked"),
        says(gzip.compress(PAGE), headers="Content-Type: text/plain\r\nContent-Encoding: gzip"),
    ],
)
def test_a_page(answer: Answer) -> None:
    """To the end of the connection, by its length, in chunks, packed."""
    assert get(answer) == (PAGE, "text/plain")


def test_an_empty_page() -> None:
    """It is one."""
    assert get(says(headers="Content-Length: 0"))[0] == b""


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (says(PAGE, status="404 Not Found"), "it answers 404"),
        (says(status="302 Found", headers="Location: http://127.0.0.1:1/"), "it answers 302 and leads elsewhere"),
        (says(PAGE, headers="Content-Length: 100000"), "bytes are missing"),
        (says(gzip.compress(PAGE)[:-20], headers="Content-Encoding: gzip"), "cut off"),
        (says(PAGE, headers="Content-Encoding: gzip"), "error"),
        (says(PAGE, headers="Content-Encoding: br"), "packed with 'br'"),
        (says(gzip.compress(b"x 1\n" * 10_000_000), headers="Content-Encoding: gzip"), "over 1048576 bytes"),
        (says(b"zz\r\n", headers="Transfer-Encoding: chunked"), "invalid literal"),
        (floods, "over 1048576 bytes"),
    ],
)
def test_no_page(answer: Answer, word: str) -> None:
    """It says what is wrong, and a page without end costs no more than the bound."""
    with pytest.raises(BadPage, match=word):
        get(answer)


def test_a_target_that_hangs_is_left() -> None:
    """After the time that it has."""
    with pytest.raises(BadPage, match=r"no whole answer within 0\.2 s"):
        get(hangs, timeout_s=0.2)


def test_nobody_there() -> None:
    """A closed port."""
    with pytest.raises(BadPage, match="Connect"):
        asyncio.run(fetch("http://127.0.0.1:1/metrics", 5.0, lambda _: None, lambda _: None))
