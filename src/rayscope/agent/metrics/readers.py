"""The two ways to read a target: a page over HTTP, or a function that samples."""

from __future__ import annotations

from array import array
from typing import Awaitable, Callable, List

from rayscope.agent.metrics.exposition import Define, Parsed, Parser, Rejects
from rayscope.agent.metrics.fetch import fetch
from rayscope.agent.metrics.samples import FAMILIES, Sample

Read = Callable[[float], Awaitable[Parsed]]
"""Within so many seconds. Raises BadPage."""


def reads_page(url: str) -> Callable[[Define], Read]:
    """Of a page at a URL."""

    def attach(define: Define) -> Read:
        parser = Parser(define)

        async def read(timeout_s: float) -> Parsed:
            await fetch(url, timeout_s, lambda kind: parser.begin(is_openmetrics="openmetrics" in kind), parser.feed)
            return parser.finish()

        return read

    return attach


def reads_samples(sample: Callable[[], Awaitable[List[Sample]]]) -> Callable[[Define], Read]:
    """Of a function."""

    def attach(define: Define) -> Read:
        async def read(_: float) -> Parsed:
            samples = await sample()
            ids = array("I", [define(name, labels) for name, _, labels in samples])
            return Parsed(ids, array("d", [value for _, value, _ in samples]), FAMILIES, Rejects(), 0)

        return read

    return attach
