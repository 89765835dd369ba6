"""The HTTP client of a Rayscope server: typed questions and answers over one kept connection.

It stands on the standard library's HTTP because `rayscope list` must answer before a person notices: importing a full
client library takes longer than the whole question.
"""

from __future__ import annotations

import http.client
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from rayscope import errors
from rayscope.errors import RayscopeError, ServerUnreachable, UsageError
from rayscope.model.page import ActorSummary, Page, Problem, TaskSummary
from rayscope.model.report import RunReport, StateSnapshot
from rayscope.model.server import Health, Version
from rayscope.model.sql import SqlAnswer, SqlQuestion, SqlSchema
from rayscope.query.request import ListRequest
from rayscope.query.sessions import LATEST

T = TypeVar("T")

_SCHEMES: Final = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}

_PIECE: Final = 256 * 1024


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
        self._connection = _SCHEMES[parts.scheme](parts.hostname, parts.port, timeout=timeout_s)
        self._lock = threading.Lock()

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
                raise _named_error(answer.status, answer.read(), self.address)
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

    def _get(self, path: str, query: Mapping[str, Any], kind: type[T]) -> T:
        text = urlencode(query, doseq=True)
        return msgspec.json.decode(self._request("GET", f"{path}?{text}" if text else path), type=kind)

    def _request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        with self._lock:
            status, content = self._exchange(method, self._prefix + path, body)
        if status >= http.client.BAD_REQUEST:
            raise _named_error(status, content, self.address)
        return content

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """One exchange. A kept connection that the server has closed meanwhile is opened anew, once."""
        reused = self._connection.sock is not None
        try:
            return self._send(method, path, body)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            self._connection.close()
            if not reused:
                raise self._unreachable(error) from error
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise self._unreachable(error) from error
        try:
            return self._send(method, path, body)
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

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def _unreachable(self, error: Exception) -> ServerUnreachable:
        what = f"{type(error).__name__}: {error}" if not isinstance(error, ConnectionRefusedError) else "nothing listens there"
        return ServerUnreachable(
            f"no Rayscope server answers at {self.address} ({what})",
            hint="start one with `rayscope server start`, or name another with --address",
        )


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


def _given(**parameters: Any) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


def _named_error(status: int, content: bytes, address: str) -> RayscopeError:
    """The error of errors.py that the body names."""
    try:
        problem = msgspec.json.decode(content, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ServerUnreachable(f"{address} answers {status}, and not as a Rayscope server does", hint="is it the right address?")
    kind = getattr(errors, problem.error, None)
    if not (isinstance(kind, type) and issubclass(kind, RayscopeError)):
        kind = UsageError if status < http.client.INTERNAL_SERVER_ERROR else RayscopeError
    return kind(problem.message, hint=problem.hint)
