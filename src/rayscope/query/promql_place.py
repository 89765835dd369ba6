"""Where in a question in PromQL its error is. Pure: the text and what the parser said in, a place out.

The parser names no place for most errors. It is found again: the first word after which nothing at all could still make a question of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rayscope.errors import PromqlError

_LONGEST: Final = 4000
"""Of a longer question no place is looked for: finding it takes a hundred parses for each word."""

_PLACE: Final = re.compile(r"\b(\d+):(\d+):\s*(?:parse error:\s*)?")
_FUNCTION: Final = re.compile(r"function(?: with name)? '?\"?([a-zA-Z_][a-zA-Z0-9_]*)")
_TOKEN: Final = re.compile(r"""\s+|\#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|[a-zA-Z_:][\w:.]*|\d[\w.]*|=~|!~|!=|==|<=|>=|.""", re.DOTALL)
_OPENING: Final = {"(": ")", "[": "]", "{": "}"}
_FILLERS: Final = (
    "",
    "a",
    "5m",
    "5m]",
    '"b"',
    '="b"',
    "(a)",
    "[5m]",
    "[5m])",
    "a[5m]",
    "(a[5m])",
    ":1m]",
    "0.5, a",
    ", a",
    "(0.5, a)",
    '(a, "b", "c", "d", "e")',
)
_SYNTAX: Final = ("invalid promql query", "unclosed", "unexpected", "no expression", "bad number", "not allowed")


def place_of(text: str, error: str) -> tuple[str, int | None]:
    """The error without the place that it names, and that place: characters from the start of the text, None where it cannot be told."""
    named = _PLACE.search(error)
    if named:
        return (error[: named.start()] + error[named.end() :]).strip(": ") or error, _offset(text, int(named[1]), int(named[2]))
    function = _FUNCTION.search(error)
    if function and (found := re.search(rf"\b{re.escape(function[1])}\b", text)):
        return error, found.start()
    if any(word in error for word in _SYNTAX) and len(text) <= _LONGEST:
        return error, _first_impossible(text)
    return error, None


def caret_lines(text: str, position: int | None, width: int = 78) -> list[str]:
    """The line of the text that holds the place, with a caret under it; cut around it where it is wider than ``width``."""
    if position is None:
        return []
    start = text.rfind("\n", 0, position) + 1
    line = text[start:].split("\n", 1)[0].replace("\t", " ")
    column = position - start
    if len(line) > width:
        left = min(max(column - width // 2, 0), len(line) - width)
        line, column = line[left : left + width], column - left
    return [line, " " * column + "^"]


def _offset(text: str, line: int, column: int) -> int:
    before = "".join(part + "\n" for part in text.split("\n")[: line - 1])
    return min(len(before) + column - 1, len(text))


def _first_impossible(text: str) -> int | None:
    end = 0
    for match in _TOKEN.finditer(text):
        word = match[0]
        if word.isspace() or word.startswith("#"):
            continue
        if not _can_go_on(text[: match.end()]):
            return match.start()
        end = match.end()
    return end


def _can_go_on(text: str) -> bool:
    """Whether something appended makes a question of it."""
    closing = _closing(text)
    return any(_parses(text + filler + rest) for filler in _FILLERS for rest in _rests(closing))


def _rests(closing: Sequence[str]) -> list[str]:
    """What closes the brackets: all, or all but the one that a filler has closed; a range before the rest."""
    whole = "".join(reversed(closing))
    return list(dict.fromkeys([whole, whole[1:], "[5m]" + whole, whole[:1] + "[5m]" + whole[1:], whole[:1] + "(a)" + whole[1:]]))


def _closing(text: str) -> list[str]:
    stack: list[str] = []
    for match in _TOKEN.finditer(text):
        if match[0] in _OPENING:
            stack.append(_OPENING[match[0]])
        elif stack and match[0] == stack[-1]:
            stack.pop()
    return stack


def _parses(text: str) -> bool:
    """Whether it is PromQL. What is only wrong in its types is."""
    from rayscope.query.promql.parse import parse  # a compiled module: loaded when there is an error to place

    try:
        parse(text)
    except PromqlError as error:
        return not any(word in error.message for word in _SYNTAX)
    return True
