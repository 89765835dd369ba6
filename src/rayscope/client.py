"""The HTTP client of a Rayscope server: typed questions and answers over one kept connection.

It stands on the standard library's HTTP because `rayscope list` must answer before a person notices: importing a full
client library takes longer than the whole question.
"""

from __future__ import annotations

import functools
import http.client
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from msgspec import Struct

from rayscope import errors
from rayscope.errors import NotFound, RayscopeError, ServerUnreachable, Unavailable, UsageError
from rayscope.model.agent import Scraped, Targets
from rayscope.model.export import ExportState, ExportStates
from rayscope.model.finding import Findings
from rayscope.model.job import DriverOutput, read_driver_output
from rayscope.model.log import LogBatch, LogFiles, LogPage
from rayscope.model.metric_answers import MetricCatalogue
from rayscope.model.object_answers import Leaks, ObjectGrowth, ObjectSnapshotInfo, ObjectSnapshots, ObjectSummary
from rayscope.model.page import ActorSummary, Page, Problem, TaskSummary
from rayscope.model.report import ObjectReport, RunReport, StateSnapshot
from rayscope.model.server import Health, Version
from rayscope.model.sql import SqlAnswer, SqlQuestion, SqlSchema
from rayscope.model.storage import Storage
from rayscope.query.logs.request import LogQuery
from rayscope.query.request import ListRequest
from rayscope.query.sessions import LATEST
from rayscope.ray.token import ray_token
from rayscope.store.limits import DEFAULT_PAGE, LOG_READ_BYTES

T = TypeVar("T")

_RETRY_S: Final = 1.0
_BLOCK: Final = 256 * 1024

_SCHEMES: Final = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}

_PIECE: Final = 256 * 1024


class ServerEvent(Struct, frozen=True):
    """One server-sent event."""

    name: str
    data: str
    id: str


class Client:
    """Asks one server. Safe to use from several threads, one question at a time.

    ``token`` is the server's, needed off loopback; without it RAYSCOPE_TOKEN is taken. Every method raises the error
    that the server names (see errors.py), or ServerUnreachable.
    """

    def __init__(self, address: str, token: str | None = None, *, timeout_s: float = 60) -> None:
        parts = urlsplit(address if "//" in address else f"http://{address}")
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise UsageError(f"not a server's address: {address!r}", hint="write it as http://127.0.0.1:8465")
        self.address = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._prefix = parts.path.rstrip("/")
        self._token = token or os.environ.get("RAYSCOPE_TOKEN")
        self._connect = functools.partial(_SCHEMES[parts.scheme], parts.hostname, parts.port, timeout=timeout_s)
        self._connection = self._connect()
        self._lock = threading.Lock()
        self._answered: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        self._connection.close()

    def page(self, request: ListRequest) -> Page:
        """One page of a listing."""
        return self._get(f"/api/v1/{request.resource}", _list_query(request), Page)

    def pages(self, request: ListRequest) -> Iterator[Page]:
        """The page asked for and those that follow, until the last."""
        while True:
            page = self.page(request)
            yield page
            if page.next is None:
                return
            request = msgspec.structs.replace(request, cursor=page.next)

    def get(self, resource: str, wanted: str, session: str = LATEST, at: str | None = None) -> list[dict[str, Any]]:
        """Every row of one id, or of a unique prefix of it, with all columns."""
        path = f"/api/v1/{quote(resource, safe='')}/{quote(wanted, safe='')}"
        rows: list[dict[str, Any]] = self._get(path, _given(session=session, at=at), dict[str, Any])["rows"]
        return rows

    def task_summary(self, session: str = LATEST, filters: Sequence[str] = (), at: str | None = None) -> TaskSummary:
        """Tasks by name and state."""
        return self._get("/api/v1/tasks/summary", _given(session=session, filter=filters, at=at), TaskSummary)

    def actor_summary(self, session: str = LATEST, filters: Sequence[str] = (), at: str | None = None) -> ActorSummary:
        """Actors by class and state."""
        return self._get("/api/v1/actors/summary", _given(session=session, filter=filters, at=at), ActorSummary)

    def logs(self, query: LogQuery) -> LogPage:
        """A page of log lines."""
        return self._get("/api/v1/logs", _log_query(query), LogPage)

    def log_pages(self, query: LogQuery) -> Iterator[LogPage]:
        """The page asked for and those that follow, until the last."""
        while True:
            page = self.logs(query)
            yield page
            if page.next is None:
                return
            query = msgspec.structs.replace(query, cursor=page.next)

    def follow_logs(self, query: LogQuery, cursor: str | None = None) -> Iterator[tuple[str, LogBatch | None]]:
        """A live tail: cursors, with the lines that came before each, or None when it is quiet. On a connection of its own, for ever.

        Raises ServerUnreachable when the server goes; go on from the last cursor.
        """
        parameters = {name: value for name, value in _log_query(query).items() if name not in {"order", "limit", "cursor", "context", "since", "until"}}
        text = urlencode(parameters | _given(cursor=cursor), doseq=True)
        for event in self.events(f"/api/v1/logs/follow?{text}"):
            yield event.id, msgspec.json.decode(event.data, type=LogBatch) if event.name == "lines" else None

    def resumed_logs(self, query: LogQuery, cursor: str | None = None) -> Iterator[tuple[str, LogBatch]]:
        """The same, with a server that goes away waited for. Raises ServerUnreachable only if it was never there."""
        while True:
            try:
                for at, batch in self.follow_logs(query, cursor):
                    if batch is not None:
                        yield at, batch
                    cursor = at
            except ServerUnreachable:
                if cursor is None:
                    raise
                time.sleep(_RETRY_S)

    def ray_log(self, session: str, media_type: str, wish: Mapping[str, Any]) -> Iterator[bytes]:
        """The bytes of a log by Ray's own log API, in chunks. Raises NotFound where there is none."""
        connection = self._connect()
        try:
            connection.request("GET", f"{self._prefix}/ray/{quote(session, safe='')}/api/v0/logs/{media_type}?{urlencode(wish)}", headers=self._headers())
            answer = connection.getresponse()
            if answer.status >= http.client.BAD_REQUEST:
                raise NotFound(answer.read().decode(errors="replace").strip())
            while chunk := answer.read1(_BLOCK):
                yield chunk
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def log_files(self, query: LogQuery) -> LogFiles:
        """The log files that were shipped."""
        names = ("session", "job", "actor", "worker", "node", "source", "stream", "file")
        return self._get("/api/v1/logs/files", _given(**{name: getattr(query, name) for name in names}), LogFiles)

    def log_file(self, file_no: int, offset: int = 0, length: int = LOG_READ_BYTES) -> bytes:
        """Bytes of a log file."""
        return self._request("GET", f"/api/v1/logs/file/{int(file_no)}?{urlencode({'offset': offset, 'length': length})}")

    def driver_output(self, wanted: str, session: str = LATEST, stream: str | None = None, offset: int = 0, limit: int = LOG_READ_BYTES) -> DriverOutput:
        """Bytes of what a job's driver printed, from an offset on, and how the job is."""
        text = urlencode(_given(session=session, stream=stream, offset=offset, limit=limit))
        with self._lock:
            path = f"/api/v1/jobs/{quote(wanted, safe='')}/logs?{text}"
            status, content = self._exchange("GET", self._prefix + path, None, _for_ray(self.address))
            headers = self._answered
        if status >= http.client.BAD_REQUEST:
            raise named_error(status, content, self.address)
        return read_driver_output(headers, content)

    def exchange(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = MappingProxyType({})) -> tuple[int, bytes]:
        """Any exchange with the server: the status, whatever it is, and the body. Raises ServerUnreachable."""
        with self._lock:
            return self._exchange(method, self._prefix + path, body, headers)

    def metrics(self, session: str = LATEST, q: str | None = None) -> MetricCatalogue:
        """The metrics of a session, those whose name or help holds ``q``."""
        return self._get("/api/v1/metrics", _given(session=session, q=q), MetricCatalogue)

    def findings(self, session: str = LATEST, **about: str | None) -> Findings:
        """What the metrics of a session say is wrong; only of one ``job``, ``node``, ``actor`` or ``task`` where one is given."""
        return self._get("/api/v1/findings", _given(session=session, **about), Findings)

    def ray_headers(self) -> dict[str, str]:
        """What a call that is passed on to a cluster needs beside this server's own token."""
        return _for_ray(self.address)

    def post_ray(self, session: str, path: str) -> bytes:
        """A call of Ray's own REST without a body, e.g. to stop a job."""
        with self._lock:
            status, content = self._exchange("POST", f"{self._prefix}/ray/{quote(session, safe='')}{path}", b"", _for_ray(self.address))
        if status >= http.client.BAD_REQUEST:
            raise Unavailable(content.decode(errors="replace").strip() or f"the cluster answers {status}")
        return content

    def storage(self) -> Storage:
        """What takes the room in the server's data folder."""
        return self._get("/api/v1/storage", {}, Storage)

    def delete_session(self, session: str) -> dict[str, int]:
        """Delete all of a session that has ended: rows (of logs bytes) by kind."""
        return msgspec.json.decode(self._request("DELETE", f"/api/v1/storage/{quote(session, safe='')}"), type=dict[str, int])

    def events(self, path: str) -> Iterator[ServerEvent]:
        """A stream of server-sent events, on a connection of its own. Raises ServerUnreachable when it ends."""
        connection = self._connect()
        try:
            connection.request("GET", self._prefix + path, headers=self._headers() | {"Accept": "text/event-stream"})
            answer = connection.getresponse()
            if answer.status >= http.client.BAD_REQUEST:
                raise named_error(answer.status, answer.read(), self.address)
            yield from _read_events(answer)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()
        raise ServerUnreachable(f"{self.address} ended the stream", hint="it may be restarting; go on from the last cursor")

    def object_snapshots(self, session: str = LATEST, at: str | None = None, limit: int = DEFAULT_PAGE) -> ObjectSnapshots:
        """The snapshots of a session's object table, the newest first."""
        return self._get("/api/v1/objects/snapshots", _given(session=session, at=at, limit=limit), ObjectSnapshots)

    def take_objects(self, session: str = LATEST) -> ObjectSnapshotInfo:
        """Have a snapshot of the object table taken now; it can be read when this returns. Raises NotFound where no agent of the head node is connected."""
        content = self._request("POST", f"/api/v1/objects/snapshots?{urlencode({'session': session})}")
        return msgspec.json.decode(content, type=ObjectSnapshotInfo)

    def metric_targets(self, session: str = LATEST) -> Targets:
        """What the agents of a session scrape, and how that goes."""
        return self._get("/api/v1/metrics/targets", _given(session=session), Targets)

    def scrape_metrics(self, session: str = LATEST) -> Scraped:
        """Have the agents of a session scrape their targets now; the samples can be read when this returns. Raises NotFound where no agent is connected."""
        content = self._request("POST", f"/api/v1/metrics/scrapes?{urlencode({'session': session})}")
        return msgspec.json.decode(content, type=Scraped)

    def object_summary(self, session: str = LATEST, by: str = "call-site", filters: Sequence[str] = (), at: str | None = None) -> ObjectSummary:
        """References of one snapshot by call-site, function, node or owner."""
        return self._get("/api/v1/objects/summary", _given(session=session, by=by, filter=filters, at=at), ObjectSummary)

    def object_growth(self, session: str = LATEST, points: int = 3, at: str | None = None) -> ObjectGrowth:
        """Bytes by call site over time."""
        return self._get("/api/v1/objects/growth", _given(session=session, points=points, at=at), ObjectGrowth)

    def object_leaks(self, session: str = LATEST, idle: str = "60s", at: str | None = None) -> Leaks:
        """Objects that only a dead or idle process holds, or whose owner or job is gone."""
        return self._get("/api/v1/objects/leaks", _given(session=session, idle=idle, at=at), Leaks)

    def sql(self, question: SqlQuestion) -> SqlAnswer:
        """A question in SQL. Raises SqlError and SqlTimeout."""
        return msgspec.json.decode(self._request("POST", "/api/v1/sql", msgspec.json.encode(question)), type=SqlAnswer)

    def sql_schema(self) -> SqlSchema:
        """What there is to ask about in SQL."""
        return self._get("/api/v1/sql/schema", {}, SqlSchema)

    def download(self, path: str, query: Mapping[str, Any]) -> Iterator[bytes]:
        """An answer of any size, in pieces, as they come."""
        with self._lock:
            answer = self._open("GET", f"{self._prefix}{path}?{urlencode(query, doseq=True)}")
            if answer.status >= http.client.BAD_REQUEST:
                raise named_error(answer.status, answer.read(), self.address)
            try:
                while piece := answer.read(_PIECE):
                    yield piece
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from error
            finally:
                self._connection.close()

    def version(self) -> Version:
        """Which server this is."""
        return self._get("/api/v1/version", {}, Version)

    def exports(self) -> list[ExportState]:
        """How the destinations are that metrics are sent to."""
        return self._get("/api/v1/exports", {}, ExportStates).exports

    def health(self) -> Health:
        """How the server is."""
        return self._get("/api/v1/health", {}, Health)

    def received(self, session: str) -> dict[str, Any]:
        """What ingest received, by event type, and what of it was unknown."""
        return self._get("/api/v1/ingest/stats", {"session": session}, dict[str, Any])

    def post_run(self, ingest_token: str, report: RunReport) -> None:
        """Report how a run goes. When this returns, everything acknowledged before can be read."""
        self._request("POST", f"/ingest/{ingest_token}/run", msgspec.json.encode(report))

    def post_states(self, ingest_token: str, snapshot: StateSnapshot) -> None:
        """Report rows of Ray's state API."""
        self._request("POST", f"/ingest/{ingest_token}/ray/states", msgspec.json.encode(snapshot))

    def post_objects(self, ingest_token: str, report: ObjectReport) -> None:
        """Report a snapshot of the object table."""
        self._request("POST", f"/ingest/{ingest_token}/ray/objects", msgspec.json.encode(report))

    def post_chunks(self, ingest_token: str, body: bytes) -> dict[str, int]:
        """Ship stretches of log files (msgpack); how far the server has come with each."""
        answer = msgspec.json.decode(self._request("POST", f"/ingest/{ingest_token}/agent/chunks", body), type=dict[str, dict[str, int]])
        return answer["files"]

    def _get(self, path: str, query: Mapping[str, Any], kind: type[T]) -> T:
        text = urlencode(query, doseq=True)
        return msgspec.json.decode(self._request("GET", f"{path}?{text}" if text else path), type=kind)

    def _request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        with self._lock:
            status, content = self._exchange(method, self._prefix + path, body)
        if status >= http.client.BAD_REQUEST:
            raise named_error(status, content, self.address)
        return content

    def _exchange(self, method: str, path: str, body: bytes | None, more: Mapping[str, str] = MappingProxyType({})) -> tuple[int, bytes]:
        """One exchange. A kept connection that the server has closed meanwhile is opened anew, once."""
        reused = self._connection.sock is not None
        try:
            return self._send(method, path, body, more)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            self._connection.close()
            if not reused:
                raise self._unreachable(error) from error
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise self._unreachable(error) from error
        try:
            return self._send(method, path, body, more)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise self._unreachable(error) from error

    def _open(self, method: str, path: str) -> http.client.HTTPResponse:
        """An exchange on a fresh connection, whose answer is read by the caller."""
        self._connection.close()
        try:
            self._connection.request(method, path, headers={"Authorization": f"Bearer {self._token}"} if self._token else {})
            answer: http.client.HTTPResponse = self._connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise self._unreachable(error) from error
        return answer

    def _send(self, method: str, path: str, body: bytes | None, more: Mapping[str, str]) -> tuple[int, bytes]:
        headers = self._headers() | ({} if body is None else {"Content-Type": "application/json"}) | dict(more)
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        self._answered = {name.lower(): value for name, value in answer.headers.items()}
        return answer.status, answer.read()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _unreachable(self, error: Exception) -> ServerUnreachable:
        what = f"{type(error).__name__}: {error}" if not isinstance(error, ConnectionRefusedError) else "nothing listens there"
        return ServerUnreachable(
            f"no Rayscope server answers at {self.address} ({what})",
            hint="start one with `rayscope server start`, or name another with --address",
        )


def _for_ray(address: str) -> dict[str, str]:
    """Ray's own token, for calls that are passed on to a cluster: to this machine's server only, unless it was given for this purpose."""
    host = urlsplit(address).hostname or ""
    token = ray_token() if host in {"127.0.0.1", "localhost", "::1"} or os.environ.get("RAY_AUTH_MODE") == "token" else os.environ.get("RAY_AUTH_TOKEN")
    return {"X-Ray-Authorization": f"Bearer {token}"} if token else {}


def _list_query(request: ListRequest) -> dict[str, Any]:
    query = _given(
        session=request.session,
        filter=request.filters,
        sort=request.sort,
        limit=request.limit,
        cursor=request.cursor,
        columns=request.columns,
        at=request.at,
        **{"from": request.start, "to": request.end},
    )
    return query | {"detail": str(request.detail).lower(), "exclude_driver": str(request.exclude_driver).lower()}


def _log_query(query: LogQuery) -> dict[str, Any]:
    return _given(**{name: getattr(query, name) for name in query.__struct_fields__})


def _read_events(lines: Iterable[bytes]) -> Iterator[ServerEvent]:
    """The events of a text/event-stream (WHATWG HTML, 9.2.6)."""
    name, data, last = "message", [], ""
    for raw in lines:
        field, _, value = raw.decode().rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "id":
            last = value
        elif field == "data":
            data.append(value)
        elif not field and not value and data:
            yield ServerEvent(name, "\n".join(data), last)
            name, data = "message", []


def _given(**parameters: Any) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


def named_error(status: int, content: bytes, address: str) -> RayscopeError:
    """The error of errors.py that the body names."""
    try:
        problem = msgspec.json.decode(content, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ServerUnreachable(f"{address} answers {status}, and not as a Rayscope server does", hint="is it the right address?")
    kind = getattr(errors, problem.error, None)
    if not (isinstance(kind, type) and issubclass(kind, RayscopeError)):
        kind = UsageError if status < http.client.INTERNAL_SERVER_ERROR else RayscopeError
    return kind(problem.message, hint=problem.hint)
