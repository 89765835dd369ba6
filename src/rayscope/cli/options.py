"""Options that several verbs share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from rayscope.address import find_address
from rayscope.client import Client
from rayscope.errors import UsageError
from rayscope.model.resources import RESOURCES
from rayscope.query.sessions import ALL, LATEST

Filters = Annotated[
    list[str] | None,
    Parameter(
        name=["--filter", "-f"],
        negative=(),
        allow_leading_hyphen=True,
        help="COLUMN OP VALUE with one of = != < <= > >= ~ !~ in, repeatable: state=FAILED, 'duration_ns>5s', 'name~^load', 'job_id in 01000000,02000000'.",
    ),
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Where:
    """Which server, which session, and when."""

    session: Annotated[str, Parameter(name=["--session", "-s"], help="A session's name, a unique prefix of it, or `latest`.")] = LATEST
    all_sessions: Annotated[bool, Parameter(negative=(), help="Ask every recorded session.")] = False
    at: Annotated[
        str | None,
        Parameter(allow_leading_hyphen=True, help="States as they were then: -5m, 2026-11-23T14:03 (UTC), or epoch seconds."),
    ] = None
    address: Annotated[str | None, Parameter(help="The server's address; else RAYSCOPE_ADDRESS, or the one on this machine.")] = None
    token: Annotated[str | None, Parameter(help="The server's token, needed off loopback; else RAYSCOPE_TOKEN.")] = None

    def client(self, timeout_s: float = 60) -> Client:
        """A connection to the server."""
        return Client(self.address or find_address(), self.token, timeout_s=timeout_s)

    def scope(self) -> str:
        """The session to ask. Raises UsageError where two are named."""
        if not self.all_sessions:
            return self.session
        if self.session != LATEST:
            raise UsageError(f"--session {self.session} and --all-sessions exclude each other")
        return ALL


_ALIASES = {"cluster-events": "events", "pgs": "placement-groups", "attempts": "tasks"}


def resource_name(given: str) -> str:
    """The resource meant: its plural or singular, with - or _. Unknown names are left for the server to refuse."""
    name = given.lower().replace("_", "-")
    name = _ALIASES.get(name, name)
    return f"{name}s" if f"{name}s" in RESOURCES else name
