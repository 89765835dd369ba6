"""What can go wrong in an agent.

AgentError                  it cannot go on
├── AnotherAgent            one watches this node already
└── BadOptions              the command is worded wrongly
ServerAway                  the server does not answer, or cannot take it now: try again
└── WrongToken              it refuses the token: try again, slowly
"""

from __future__ import annotations


class AgentError(Exception):
    """It cannot go on. The message says what, the value and the fix."""

    exit_code = 1


class AnotherAgent(AgentError):
    """Another agent watches this node."""


class BadOptions(AgentError):
    """The command is worded wrongly."""

    exit_code = 2


class ServerAway(Exception):
    """The server does not answer, or not now. ``wait_s``: how long it asked us to wait."""

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class WrongToken(ServerAway):
    """The server refuses the token."""
