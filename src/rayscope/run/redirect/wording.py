"""How a worker's line looks on the terminal: ``(name pid=4711, ip=192.0.2.7) text``, as Ray's own redirection writes it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

from rayscope.model.log import LogLine
from rayscope.run.screen import Screen

_COLOURS: Final = (35, 36, 32, 90, 94, 95)  # Ray's choice of those that can be read on dark and light grounds
_METHOD: Final = re.compile(r"(.+)\.[^\W\d]\w*", re.DOTALL)
_GREEN: Final = 32
_RESET: Final = "\x1b[0m"
_NOT_COLOUR: Final = re.compile(r"\x1b\[[0-9;:]*m|[\x00-\x08\x0a-\x1f\x7f-\x9f]")


class Wording:
    """Words lines for one terminal, file or pipe."""

    def __init__(self, *, colour: bool, terminal: bool, environment: Mapping[str, str] = os.environ) -> None:
        self._colour = colour and environment.get("RAY_COLOR_PREFIX") != "0"
        self._terminal = terminal

    def line(self, line: LogLine, ip: str | None, times: int = 1) -> str:
        """A whole line with its end. ``ip`` is given where the worker runs on another node than the driver. ``times`` > 1: it stands for so many."""
        prefix = self._paint(_prefix(line, ip), _COLOURS[(line.pid or 0) % len(_COLOURS)])
        again = self._paint(f" [repeated {times}x across cluster]", _GREEN) if times > 1 else ""
        return f"{prefix} {self._text(line)}{again}\n"

    def _text(self, line: LogLine) -> str:
        """As it was written; on a terminal nothing but colours may move anything."""
        cut = f" … [cut: the rest is at {line.path}:{line.offset}]" if line.cut else ""
        if not self._terminal:
            return line.text + cut
        text = _NOT_COLOUR.sub(self._harmless, line.text.rstrip("\r").rsplit("\r", 1)[-1])
        return text + (_RESET if self._colour and "\x1b[" in text else "") + cut

    def _harmless(self, found: re.Match[str]) -> str:
        piece = found[0]
        if len(piece) > 1:
            return piece if self._colour else ""
        return piece if piece == "\t" else f"\\x{ord(piece):02x}"

    def _paint(self, text: str, colour: int) -> str:
        return f"\x1b[{colour}m{text}{_RESET}" if self._colour else text


def wording_for(screen: Screen, environment: Mapping[str, str] = os.environ) -> Wording:
    """Colours go to terminals that take them, and where NO_COLOR is not set."""
    colour = screen.is_terminal and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    return Wording(colour=colour, terminal=screen.is_terminal, environment=environment)


def name_of(line: LogLine) -> str:
    """What is named on the terminal: the task, or the actor without its method, as Ray does."""
    name = line.name or ""
    method = _METHOD.fullmatch(name) if line.actor_id else None
    return method[1] if method else name


def _prefix(line: LogLine, ip: str | None) -> str:
    name = f"{known} " if (known := name_of(line)) else ""
    return f"({name}pid={line.pid}{f', ip={ip}' if ip else ''})"
