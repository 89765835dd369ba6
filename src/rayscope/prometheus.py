"""Questions in PromQL over HTTP, as any Prometheus takes them: `/prometheus/<session>/api/v1/query` and `query_range`."""

from __future__ import annotations

import http.client
from typing import Final
from urllib.parse import quote, urlencode

from rayscope.client import Client, named_error
from rayscope.errors import NotFound, PromqlError, RayscopeError, ServerUnreachable, Unauthorized, Unavailable
from rayscope.model.prometheus import PromqlAnswer, Refusal, read_answer
from rayscope.query.promql_place import place_of
from rayscope.query.sessions import LATEST


class PlacedPromqlError(PromqlError):
    """A PromqlError with its place: ``position`` in characters from the start of the text, None where it is not known."""

    def __init__(self, message: str, *, hint: str | None = None, position: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.position = position


_NAMED: Final[dict[str, type[RayscopeError]]] = {"not_found": NotFound, "unauthorized": Unauthorized}
_BUSY: Final = frozenset({"timeout", "unavailable"})


def query(client: Client, text: str, time_ms: int | None = None, session: str = LATEST) -> PromqlAnswer:
    """The value of an expression at a time, now where none is given. Raises PromqlError, NotFound, Ambiguous, ServerUnreachable."""
    return _ask(client, session, "query", text, {} if time_ms is None else {"time": _seconds(time_ms)})


def query_range(client: Client, text: str, start_ms: int, end_ms: int, step_ms: int, session: str = LATEST) -> PromqlAnswer:
    """The values of an expression from one time to another, both included, every step. Raises as `query`."""
    return _ask(client, session, "query_range", text, {"start": _seconds(start_ms), "end": _seconds(end_ms), "step": _seconds(step_ms)})


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"


def _ask(client: Client, session: str, what: str, text: str, more: dict[str, str]) -> PromqlAnswer:
    path = f"/prometheus/{quote(session, safe='')}/api/v1/{what}"
    status, content = client.exchange("POST", path, urlencode({"query": text} | more).encode(), {"Content-Type": "application/x-www-form-urlencoded"})
    answer = read_answer(content)
    if isinstance(answer, PromqlAnswer):
        return answer
    if isinstance(answer, Refusal):
        raise _refused(answer, text)
    if status >= http.client.BAD_REQUEST:
        raise named_error(status, content, client.address)
    raise ServerUnreachable(f"{client.address} does not answer as a Prometheus does", hint="is it the right address, and this version's server?")


def _refused(refusal: Refusal, text: str) -> RayscopeError:
    if refusal.type in _NAMED:
        return _NAMED[refusal.type](refusal.error)
    if refusal.type in _BUSY:
        return Unavailable(refusal.error, hint="ask for less: a shorter range, a longer step, more labels")
    message, position = place_of(text, refusal.error)
    return PlacedPromqlError(message, position=position)
