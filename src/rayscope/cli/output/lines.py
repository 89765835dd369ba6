"""Log lines in a terminal: who printed each before it, as Ray writes it, in a colour of its own; nothing in it moves the cursor."""

from __future__ import annotations

import re
import zlib
from typing import Final, TextIO

from rayscope.cli.output.colour import is_coloured
from rayscope.cli.output.values import utc
from rayscope.model.log import LogLine

_COLOURS: Final = ("36", "35", "34", "32", "33", "96", "95", "94", "92", "93")
_LEVEL_COLOURS: Final = {"WARNING": "33", "ERROR": "31", "FATAL": "31;1"}
_GREY: Final = "90"
_SHORT_ID: Final = 8
_MAX_NAME: Final = 32

_COLOUR_CODE: Final = re.compile(r"\x1b\[[0-9;:]*m")
_CONTROL: Final = re.compile(r"\x1b\[[0-9;:]*m|\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class LineWriter:
    """Writes lines to a stream. ``time``: with the time of each."""

    def __init__(self, stream: TextIO, *, time: bool = True, sessions: bool = False) -> None:
        self._stream = stream
        self._coloured = is_coloured(stream)
        self._time = time
        self._sessions = sessions

    def write(self, line: LogLine) -> None:
        """One line."""
        self._stream.write(self.text(line) + "\n")

    def text(self, line: LogLine) -> str:
        """One line, as it is shown."""
        parts = [self._paint(utc(line.time_ns)[11:] + ("" if line.time_is == "line" else "~"), _GREY)] if self._time else []
        parts.append(self._paint(f"({_who(line, sessions=self._sessions)})", _colour_of(line)))
        return " ".join([*parts, self._shown(line)])

    def _shown(self, line: LogLine) -> str:
        shown = harmless(line.text, coloured=self._coloured)
        if line.cut:
            shown += self._paint(f" […cut: the whole line is at byte {line.offset} of file {line.file_no}]", _GREY)
        if line.context:
            return self._paint(shown, _GREY) if "\x1b" not in shown else shown
        return self._paint(shown, _LEVEL_COLOURS.get(line.level or "")) if "\x1b" not in shown else shown

    def _paint(self, text: str, code: str | None) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._coloured and code else text


def harmless(text: str, *, coloured: bool) -> str:
    """Text of anyone's, that changes nothing but colours in a terminal; those are taken out where there are none."""
    text = text.removesuffix("\r")
    if text.isprintable():
        return text
    shown = _CONTROL.sub(lambda match: _harmless(match[0], coloured=coloured), text)
    return shown + "\x1b[0m" if coloured and _COLOUR_CODE.search(shown) else shown


def _harmless(found: str, *, coloured: bool) -> str:
    if _COLOUR_CODE.fullmatch(found):
        return found if coloured else ""
    if found == "\r":
        return "␍"
    if len(found) > 1:
        return "␛" + found[1:]
    return chr(0x2400 + ord(found)) if ord(found) < 0x20 else "␡" if found == "\x7f" else "�"  # noqa: PLR2004 the control pictures


def _who(line: LogLine, *, sessions: bool) -> str:
    """As Ray's own prefix: the name, then where. Of Ray's own files the source and the file's name."""
    where = [f"pid={line.pid}"] if line.pid is not None else []
    if line.node_id:
        where.append(f"node={line.node_id[:_SHORT_ID]}")
    if line.stream == "err" and line.source in {"worker", "driver"}:
        where.append("err")
    if sessions:
        where.append(line.session)
    name = line.name or (line.source if line.source in {"worker", "driver"} and line.stream != "log" else line.path.rsplit("/", 1)[-1])
    if line.source == "driver" and line.job_id:
        where.insert(0, f"job={line.job_id}")
    shown = harmless(name if len(name) <= _MAX_NAME else _shortened(name), coloured=False)
    return " ".join([shown, ", ".join(where)]).rstrip()


def _shortened(name: str) -> str:
    """The beginning and the end of a long name."""
    return f"{name[: _MAX_NAME - 12]}…{name[-11:]}"


def _colour_of(line: LogLine) -> str:
    """The same for all lines of one process, in every run of the command."""
    return _COLOURS[zlib.crc32((line.worker_id or line.path).encode()) % len(_COLOURS)]
