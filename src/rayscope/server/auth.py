"""Who may ask. On loopback anyone on this machine; elsewhere the bearer of the token. Ingest always asks for its own token.

A browser can be tricked into sending requests to a loopback server for a page from elsewhere; such a request names that
page's host, so on loopback only loopback names are answered.
"""

from __future__ import annotations

import hmac
from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers.base import BaseRouteHandler
from msgspec import Struct

from rayscope.errors import Unauthorized
from rayscope.server.tokens import is_loopback

OPEN = "open"
TOKEN_COOKIE = "rayscope_token"  # noqa: S105 a name


class Guard(Struct, frozen=True, kw_only=True):
    """The rules of one server: whether it listens on loopback only, and its tokens."""

    loopback: bool
    token: str
    ingest_token: str

    def __call__(self, connection: ASGIConnection[Any, Any, Any, State], handler: BaseRouteHandler) -> None:
        """Litestar's guard for every route. Raises Unauthorized. Routes marked `OPEN` are health, and ingest, which has a token of its own."""
        if self.loopback:
            self._refuse_foreign_host(connection)
        elif OPEN not in handler.opt and not self._bears_token(connection):
            raise Unauthorized("this server asks for a token", hint="give --token, or set RAYSCOPE_TOKEN; it is in the file `token` of the data folder")

    def check_ingest(self, token: str) -> None:
        """Raises Unauthorized unless it is the ingest token."""
        if not hmac.compare_digest(token.encode(), self.ingest_token.encode()):
            raise Unauthorized("wrong ingest token", hint="take the address that `rayscope env` prints")

    def _bears_token(self, connection: ASGIConnection[Any, Any, Any, State]) -> bool:
        """In a header, as programs do; in a cookie, as browsers do; or in the address of a page, which makes it a cookie.

        Any of them will do: the header of a call that is passed on to Ray may hold Ray's own token.
        """
        return any(self.is_token(given) for given in _given(connection))

    def is_token(self, given: str) -> bool:
        """Whether this is the server's token."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def _refuse_foreign_host(self, connection: ASGIConnection[Any, Any, Any, State]) -> None:
        host = connection.headers.get("host", "")
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if not is_loopback(name.strip("[]")):
            raise Unauthorized(
                f"this server answers on loopback only, not as {host!r}", hint="open it as http://127.0.0.1, or start it with --host and a token"
            )


def _given(connection: ASGIConnection[Any, Any, Any, State]) -> list[str]:
    header = connection.headers.get("authorization", "").removeprefix("Bearer ").strip()
    return [header, connection.query_params.get("token") or "", connection.cookies.get(TOKEN_COOKIE, "")]
