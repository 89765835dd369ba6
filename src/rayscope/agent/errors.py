"""What can go wrong in an agent.

AgentError                  it cannot go on
├── AnotherAgent            one watches this node already
└── BadOptions              the command is worded wrongly
ServerAway                  the server does not answer, or cannot take it now: try again
└── Hopeless                it will not take it until a person does something: try again, slowly
    ├── WrongToken          it refuses the token
    └── NoAgents            it knows nothing of agents
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


class Hopeless(ServerAway):
    """It will not do until a person does something: tried again slowly, and not at all by an agent that takes its leave."""


class WrongToken(Hopeless):
    """The server refuses the token."""


class NoAgents(Hopeless):
    """What answers there has no routes for agents."""
