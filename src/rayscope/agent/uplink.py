"""The agent's side of what it and the server say to each other over HTTP (docs/formats/agent.md), with patience: nothing is given up that can still be sent."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import random
import socket
import sys
import time
from email.utils import parsedate_to_datetime
from typing import Any, Callable, Dict, List, Optional, Tuple
from urllib.parse import quote, urlencode, urlsplit

from rayscope.agent.discovery import Place
from rayscope.agent.errors import AnotherAgent, Hopeless, NoAgents, ServerAway, WrongToken
from rayscope.agent.followed import Known
from rayscope.agent.talk import say
from rayscope.agent.tracker import Chunk
from rayscope.agent.web import Answer, Web
from rayscope.agent.wire import packb

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 10.0
HOPELESS_WAIT_S = 30.0
"""A wrong token is put right by a person, or never."""

_SECOND_NS = 1_000_000_000
_HTTP_CONFLICT, _HTTP_UNAUTHORIZED, _HTTP_TOO_LARGE, _HTTP_BAD = 409, 401, 413, 400


class Refused(Exception):
    """The server will never take this body."""


class UnknownEpoch(Exception):
    """The server has not got the definitions that a body of metrics builds on."""


class Uplink:
    """One node's road to the server."""

    def __init__(self, ingest_url: str, place: Place, agent_id: str) -> None:
        self.place = place
        self.agent_id = agent_id
        self.interval_s = 0.2
        self.max_chunk = 1024 * 1024
        self.skew_ns: Optional[int] = None
        self.shipped = 0
        self.away_since_s: Optional[float] = None
        self.is_leaving = False
        self.ingest_url = ingest_url
        self._web = Web(ingest_url)
        self._side = Web(ingest_url)
        self._metrics = Web(ingest_url)
        self._gzip = not _is_near(self._web.host)

    @property
    def who(self) -> Dict[str, str]:
        """What every message begins with."""
        return {"session": self.place.session, "node_id": self.place.node_id, "agent_id": self.agent_id}

    async def hello(self, version: str) -> None:
        """Introduce ourselves. Raises AnotherAgent, ServerAway."""
        place = self.place
        about = {"host": socket.gethostname(), "pid": os.getpid(), "version": version, "python": ".".join(map(str, sys.version_info[:3]))}
        about.update(ray_version=place.ray_version, is_head=place.is_head, log_dir=place.log_dir, started_ns=time.time_ns())
        answer = await self._post(self._web, "/agent/hello", _json({**self.who, **about}))
        told = answer.json()
        self.interval_s = float(told.get("interval_s") or self.interval_s)
        self.max_chunk = int(told.get("max_chunk_bytes") or self.max_chunk)

    async def files(self) -> Dict[str, Known]:
        """How far the server has come. Raises ServerAway."""
        query = urlencode({"session": self.place.session, "node_id": self.place.node_id})
        answer = _checked(await self._web.request("GET", f"/agent/files?{query}"))
        try:
            return {file: Known(str(known["path"]), int(known["offset"])) for file, known in answer.json()["files"].items() if file.count("-") == 2}  # noqa: PLR2004
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ServerAway(f"the server's list of files makes no sense: {error!r}") from error

    async def chunks(self, chunks: List[Chunk]) -> Dict[str, int]:
        """Send chunks; the server's offsets. Raises ServerAway, Refused."""
        body, headers = self._packed(packb({**self.who, "chunks": [chunk.wire() for chunk in chunks]}))
        answer = await self._post(self._web, "/agent/chunks", body, headers)
        try:
            offsets = {str(file): int(offset) for file, offset in answer.json()["files"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ServerAway(f"the server's offsets make no sense: {error!r}") from error
        self.shipped += sum(len(chunk.data) for chunk in chunks)
        return offsets

    async def post(self, path: str, content: Dict[str, Any], timeout_s: float = 10.0) -> None:
        """Post JSON beside the stream of chunks, such as `/agent/health`. Raises ServerAway."""
        await self._post(self._side, path, _json(content), timeout_s=timeout_s)

    async def metrics(self, content: bytes) -> None:
        """Send a body of metrics, on a connection of its own. Raises UnknownEpoch, Refused, ServerAway."""
        body, headers = self._packed(content)
        answer = await self._metrics.request("POST", "/agent/metrics", body, headers, 30.0)
        if answer.status == _HTTP_CONFLICT:
            raise UnknownEpoch(f"the server asks for all definitions ({_said(answer)})")
        _checked(answer)

    async def patiently(self, work: Callable[[], Any], is_over: Callable[[], bool]) -> Any:
        """Do it until it succeeds, with longer and longer waits. Raises ServerAway once ``is_over``."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                done = await work()
            except ServerAway as away:  # noqa: PERF203 trying again is what this is about
                self.away_since_s = self.away_since_s or time.monotonic()
                say(f"{away}; trying again")
                is_hopeless = isinstance(away, Hopeless)
                if is_over() or (is_hopeless and self.is_leaving):
                    raise
                longest = HOPELESS_WAIT_S if is_hopeless else LONGEST_WAIT_S
                wait_s = HOPELESS_WAIT_S if is_hopeless else wait_s
                await self.pause(max(away.wait_s, wait_s * random.uniform(0.7, 1.3)), is_over)  # noqa: S311 jitter
                wait_s = min(wait_s * 2, longest)
            else:
                if self.away_since_s is not None:
                    say(f"the server answers again after {time.monotonic() - self.away_since_s:.0f} s")
                    self.away_since_s = None
                return done

    async def pause(self, seconds: float, is_over: Callable[[], bool] = lambda: False) -> None:
        """Wait, but not longer than there is sense in it: who takes his leave tries more often."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s and not is_over():
            until_s = min(until_s, time.monotonic() + 0.5) if self.is_leaving else until_s
            await asyncio.sleep(min(0.2, max(until_s - time.monotonic(), 0.0)))

    def close(self) -> None:
        """Drop the connections."""
        self._web.close()
        self._side.close()
        self._metrics.close()

    def _packed(self, body: bytes) -> Tuple[bytes, Dict[str, str]]:
        """MessagePack with its headers, compressed where it goes far."""
        headers = {"Content-Type": "application/x-msgpack"}
        if self._gzip and len(body) > 1000:  # noqa: PLR2004 a packet
            body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
        return body, headers

    async def _post(self, web: Web, path: str, body: bytes, headers: Optional[Dict[str, str]] = None, timeout_s: float = 60.0) -> Answer:
        began_ns = time.time_ns()
        answer = await web.request("POST", path, body, headers or {"Content-Type": "application/json"}, timeout_s)
        self._see_clock(answer, (began_ns + time.time_ns()) // 2)
        return _checked(answer)

    def _see_clock(self, answer: Answer, now_ns: int) -> None:
        """How far our clock is ahead of the server's. A Date counts whole seconds, so less than that is nothing."""
        try:
            date_ns = int(parsedate_to_datetime(answer.headers["date"]).timestamp()) * _SECOND_NS + _SECOND_NS // 2
        except (KeyError, TypeError, ValueError):
            return
        skew_ns = now_ns - date_ns
        self.skew_ns = skew_ns if abs(skew_ns) > _SECOND_NS else 0


def _checked(answer: Answer) -> Answer:
    """The answer, where it is a good one. Raises AnotherAgent, WrongToken, Refused, ServerAway."""
    if 200 <= answer.status < 300:  # noqa: PLR2004 HTTP's own
        return answer
    said = _said(answer)
    if answer.status == _HTTP_CONFLICT:
        raise AnotherAgent(f"the server hears another agent of this node already; this one leaves ({said})")
    if answer.status == _HTTP_UNAUTHORIZED:
        raise WrongToken(f"the server refuses the ingest token ({said}); take the address that `rayscope env` prints as RAYSCOPE_INGEST")
    if answer.status in {404, 405}:
        raise NoAgents(f"the server knows nothing of agents (it answers {answer.status}): is it a Rayscope server of this version?")
    if answer.status in {_HTTP_BAD, _HTTP_TOO_LARGE}:
        raise Refused(f"the server refuses it with {answer.status}: {said}")
    raise ServerAway(f"the server answers {answer.status}: {said}", _seconds(answer.headers.get("retry-after", "")))


def _said(answer: Answer) -> str:
    try:
        told = json.loads(answer.body)
        return str(told.get("detail") or told.get("error") or told.get("message") or told)[:200]
    except (ValueError, AttributeError):
        return answer.body[:100].decode("utf-8", "replace")


def _seconds(text: str) -> float:
    try:
        return min(float(text), 60.0)
    except ValueError:
        return 0.0


def _json(content: Dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _is_near(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def ingest_url(server: str, token: str) -> str:
    """`http://host:port/ingest/<token>` of a server's address and its ingest token."""
    base = server if urlsplit(server).scheme else f"http://{server}"
    return f"{base.rstrip('/')}/ingest/{quote(token, safe='')}"
