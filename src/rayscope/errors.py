"""Every error that Rayscope raises on purpose. Each message says what is wrong, the value, and the fix.

RayscopeError                    exit code 1, HTTP 500
├── UsageError                   the caller's words are off                   2, 400
│   ├── FilterError              a filter, sort, column or time that does not parse
│   ├── SqlError                 a SQL question that cannot be asked, and where
│   ├── SqlTimeout               … and one that takes too long                2, 408
│   ├── PromqlError              a PromQL expression that cannot be asked     2, 400
│   │   ├── PromqlExecutionError … and one that cannot be evaluated           2, 422
│   │   └── PromqlTimeout        … and one that takes too long                2, 503
│   ├── LimitExceeded            a question that would touch more than a limit  2, 422
│   └── PayloadError             a request body that is not what the route takes
│       └── PayloadTooLarge      … and is over the limit                      2, 413
├── NotFound                     no such session, id or resource              4, 404
├── Ambiguous                    an id prefix that fits several               2, 409
├── Conflict                     somebody else does it already                2, 409
├── Unauthorized                 a missing or wrong token                     5, 401
├── ServerUnreachable            nobody answers at the address                3, 503
├── Unavailable                  the server cannot do it now; try again       3, 503
│   └── DiskFull                 no room left for the store
└── ServerStartError             the server cannot start                      1, 500
    ├── PortInUse
    ├── DataFolderInUse          another server holds the data folder
    └── DataFolderTooNew         a newer Rayscope wrote it
"""

from __future__ import annotations

from typing import ClassVar


class RayscopeError(Exception):
    """The root. ``hint`` is one line that tells the reader what to do next; it is printed on a line of its own."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RayscopeError):
    """The caller's words are off."""

    exit_code = 2
    http_status = 400


class FilterError(UsageError):
    """A filter, a sort, a column or a time does not parse or names nothing."""


class SqlError(UsageError):
    """A SQL question that does not parse, names nothing, or asks for what the console does not give.

    ``position`` is where, in characters from the start of the text; None where it is not known.
    """

    def __init__(self, message: str, *, hint: str | None = None, position: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.position = position
        self.line: int | None = None
        self.column: int | None = None

    def locate(self, question: str) -> None:
        """Set line and column, from 1, of the position in its text."""
        if self.position is not None:
            before = question[: self.position]
            self.line, self.column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


class SqlTimeout(UsageError):
    """A SQL question that took longer than it may."""

    http_status = 408


class PromqlError(UsageError):
    """A PromQL expression, or a parameter beside it, that does not parse or does not fit. ``kind`` is Prometheus's errorType."""

    kind: ClassVar[str] = "bad_data"


class PromqlExecutionError(PromqlError):
    """A PromQL expression whose evaluation fails, or would touch more than it may."""

    http_status = 422
    kind = "execution"


class PromqlTimeout(PromqlError):
    """A PromQL expression that took longer than it may."""

    http_status = 503
    kind = "timeout"


class LimitExceeded(UsageError):
    """A question would touch more than a limit allows. The message names the limit and the estimate."""

    http_status = 422


class PayloadError(UsageError):
    """A request body is not what the route takes."""


class PayloadTooLarge(PayloadError):
    """A request body is over the size limit."""

    http_status = 413


class NotFound(RayscopeError):
    """No such session, id or resource."""

    exit_code = 4
    http_status = 404


class Ambiguous(RayscopeError):
    """An id prefix fits several ids."""

    exit_code = 2
    http_status = 409


class Conflict(RayscopeError):
    """Somebody else does it already."""

    exit_code = 2
    http_status = 409


class Unauthorized(RayscopeError):
    """The token is missing or wrong."""

    exit_code = 5
    http_status = 401


class ServerUnreachable(RayscopeError):
    """Nobody answers at the server's address."""

    exit_code = 3
    http_status = 503


class Unavailable(RayscopeError):
    """The server cannot do it now; the same request may succeed later."""

    exit_code = 3
    http_status = 503


class DiskFull(Unavailable):
    """There is no room left for the store."""


class ServerStartError(RayscopeError):
    """The server cannot start."""


class PortInUse(ServerStartError):
    """Something else listens on the port."""


class DataFolderInUse(ServerStartError):
    """Another server holds the data folder."""


class DataFolderTooNew(ServerStartError):
    """A newer Rayscope wrote the data folder."""
