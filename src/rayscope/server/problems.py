"""Errors as answers: the status of errors.py, and a Problem as the body."""

from __future__ import annotations

import logging
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from rayscope.errors import RayscopeError
from rayscope.model.page import Problem

log = logging.getLogger("rayscope.server")


def rayscope_problem(request: Request[Any, Any, State], error: RayscopeError) -> Response[Problem]:
    """An error that was raised on purpose."""
    return Response(Problem(error=type(error).__name__, message=error.message, hint=error.hint), status_code=error.http_status)


def http_problem(request: Request[Any, Any, State], error: HTTPException) -> Response[Problem]:
    """One of the framework: no such route, a parameter of the wrong type."""
    detail = error.detail
    if error.status_code == 404 and detail in {"Not Found", ""}:
        detail = f"no such page: {request.url.path}"
    if extra := getattr(error, "extra", None):
        detail = f"{detail}: {extra}"
    return Response(Problem(error="HTTPError", message=detail, hint="GET /schema lists the routes"), status_code=error.status_code)


def unexpected_problem(request: Request[Any, Any, State], error: Exception) -> Response[Problem]:
    """A bug: logged with its traceback, named in the answer."""
    log.exception("%s %s failed", request.method, request.url.path, exc_info=error)
    return Response(Problem(error="InternalError", message=f"{type(error).__name__}: {error}", hint="the server's log has the traceback"), status_code=500)
