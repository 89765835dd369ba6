"""Errors as answers: the status of errors.py, and a Problem as the body."""

from __future__ import annotations

import logging
from typing import Any

from litestar import MediaType, Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.status_codes import HTTP_404_NOT_FOUND, HTTP_500_INTERNAL_SERVER_ERROR

from rayscope.errors import RayscopeError, SqlError, Unauthorized, Unavailable
from rayscope.model.page import Problem
from rayscope.model.sql import SqlProblem
from rayscope.server.auth import TOKEN_COOKIE

log = logging.getLogger("rayscope.server")


_SIGN_IN = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Rayscope: token</title><link rel="icon" href="/static/mark.svg"><link rel="stylesheet" href="/static/signin.css">
<script src="/static/theme.js"></script></head>
<body><main><h1><img src="/static/mark.svg" alt="" width="24" height="24"> Rayscope</h1><form>
<label for="token">This server asks for its token</label>
<p>It is in the file <code>token</code> of the data folder; <code>rayscope server status</code>, where the server runs, says which folder that is.</p>
%s<div><input id="token" name="token" type="password" required autofocus autocomplete="current-password"> <button>Open</button></div>
</form></main></body></html>"""
_RETRY_AFTER_S = "5"
_WRONG = '<p class="wrong" role="alert">That is not the token of this server.</p>'


def rayscope_problem(request: Request[Any, Any, State], error: RayscopeError) -> Response[Problem] | Response[str]:
    """An error that was raised on purpose. A person who opens a page without the token is asked for it."""
    asks_for_token = isinstance(error, Unauthorized) and not request.app.state.services.guard.loopback
    if asks_for_token and "text/html" in request.headers.get("accept", ""):
        said = _WRONG if "token" in request.query_params or TOKEN_COOKIE in request.cookies else ""
        return Response(_SIGN_IN % said, status_code=error.http_status, media_type=MediaType.HTML)
    headers = {"Retry-After": _RETRY_AFTER_S} if isinstance(error, Unavailable) else None
    return Response(_problem(error), status_code=error.http_status, headers=headers)


def _problem(error: RayscopeError) -> Problem:
    said: dict[str, Any] = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
    if isinstance(error, SqlError):
        return SqlProblem(**said, position=error.position, line=error.line, column=error.column)
    return Problem(**said)


def http_problem(request: Request[Any, Any, State], error: HTTPException) -> Response[Problem]:
    """One of the framework: no such route, a parameter of the wrong type."""
    detail = error.detail
    if error.status_code == HTTP_404_NOT_FOUND and detail in {"Not Found", ""}:
        detail = f"no such page: {request.url.path}"
    if extra := getattr(error, "extra", None):
        detail = f"{detail}: {_reasons(extra)}"
    return Response(Problem(error="HTTPError", message=detail, hint="GET /schema lists the routes"), status_code=error.status_code)


def _reasons(extra: Any) -> str:
    """What the framework holds against each parameter."""
    if not isinstance(extra, list):
        return str(extra)
    return "; ".join(f"{part.get('key', '?')}: {part.get('message', part)}" if isinstance(part, dict) else str(part) for part in extra)


def unexpected_problem(request: Request[Any, Any, State], error: Exception) -> Response[Problem]:
    """A bug: logged with its traceback, named in the answer."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return Response(
        Problem(error="InternalError", message=f"{type(error).__name__}: {error}", hint="the server's log has the traceback"),
        status_code=HTTP_500_INTERNAL_SERVER_ERROR,
    )
