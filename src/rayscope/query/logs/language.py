"""The query language of log lines: words, "phrases", /regular expressions/, and, or, not, parentheses, field:value.

    timeout or "connection refused"
    level:error not source:raylet /shard-[0-9]+ failed/

A word or phrase fits where its words stand whole, upper or lower case; a * at its beginning or end lets it fit inside of words.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from rayscope.errors import FilterError
from rayscope.store.logs.tokens import probes_of

FIELDS: Final = ("job", "task", "attempt", "actor", "worker", "node", "source", "stream", "level", "file", "pid")
_MAX_DEPTH: Final = 50
_MAX_LENGTH: Final = 10_000


class Text(Struct, frozen=True, dict=True):
    """A word or a phrase, in lower case. ``open_left``: it may begin inside of a word."""

    needle: bytes
    open_left: bool = False
    open_right: bool = False

    @cached_property
    def runs(self) -> tuple[tuple[int, int], ...]:
        """Where its words begin and end."""
        return tuple(match.span() for match in _RUN.finditer(self.needle))

    @cached_property
    def probes(self) -> tuple[tuple[int, ...], ...]:
        """Where to look for its whole words in the filter of a block."""
        whole = [(start, end) for start, end in self.runs if not (self.open_left and start == 0) and not (self.open_right and end == len(self.needle))]
        return tuple(probes_of(self.needle[start:end]) for start, end in whole)


class Regex(Struct, frozen=True):
    """A regular expression (RE2), that fits somewhere in a line."""

    pattern: str
    ignore_case: bool = False


class Field(Struct, frozen=True):
    """A field of the line, and the value that it must have."""

    name: str
    value: str
    at: int = 0


class And(Struct, frozen=True):
    """All of them fit."""

    parts: tuple[Node, ...]


class Or(Struct, frozen=True):
    """One of them fits."""

    parts: tuple[Node, ...]


class Not(Struct, frozen=True):
    """It does not fit."""

    part: Node


Node = Text | Regex | Field | And | Or | Not
ALL: Final = And(())
"""Every line fits."""

_RUN: Final = re.compile(rb"[a-z0-9\x80-\xff]+")
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<paren>[()])
      | (?P<field>FIELDS):(?:"(?P<fq>(?:[^"\\]|\\.)*)"|(?P<fv>[^\s()"]+))
      | "(?P<phrase>(?:[^"\\]|\\.)*)"
      | /(?P<regex>(?:[^/\\]|\\.)+)/(?P<flags>i?)(?=[\s()]|$)
      | (?P<word>[^\s()"]+)
    )""".replace("FIELDS", "|".join(FIELDS)),
    re.VERBOSE | re.IGNORECASE,
)
_OPERATORS: Final = frozenset({"and", "or", "not"})


class _Token(Struct, frozen=True):
    kind: str
    value: str
    at: int
    flags: str = ""


def parse(text: str) -> Node:
    """The query. Raises FilterError, which points at the place."""
    if len(text) > _MAX_LENGTH:
        raise FilterError(f"a query of {len(text):,} characters is too long", hint=f"at most {_MAX_LENGTH:,}")
    return _Parser(text).parse()


class _Parser:
    """Recursive descent: or binds least, then and (or nothing between two terms), then not."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._next = 0
        self._depth = 0

    def parse(self) -> Node:
        if not self._tokens:
            return ALL
        node = self._or()
        if (token := self._peek()) is not None:
            raise _error(self._text, token.at, "a ) without its (")
        return node

    def _or(self) -> Node:
        parts = [self._and()]
        while self._accept("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Node:
        parts = [self._not()]
        while True:
            if self._accept("and") or self._begins_term():
                parts.append(self._not())
            else:
                return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _error(self._text, self._place(), f"nested deeper than {_MAX_DEPTH}")
        node = Not(self._not()) if self._accept("not") else self._term()
        self._depth -= 1
        return node

    def _term(self) -> Node:
        token = self._peek()
        if token is None or token.kind in {"and", "or"} or (token.value == ")" and token.kind == "paren"):
            what = f"after {self._tokens[self._next - 1].value!r}" if self._next else "here"
            raise _error(self._text, self._place(), f"a word, phrase, /regex/ or field:value is missing {what}")
        self._next += 1
        if token.kind == "paren":
            node = self._or()
            if not self._accept(")"):
                raise _error(self._text, token.at, "a ( without its )")
            return node
        return _leaf(self._text, token)

    def _begins_term(self) -> bool:
        token = self._peek()
        return token is not None and token.kind not in {"and", "or"} and not (token.kind == "paren" and token.value == ")")

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _place(self) -> int:
        token = self._peek()
        return len(self._text) if token is None else token.at

    def _accept(self, wanted: str) -> bool:
        token = self._peek()
        if token is None or wanted not in {token.kind, token.value if token.kind == "paren" else ""}:
            return False
        self._next += 1
        return True


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        start = at + len(text[at:]) - len(text[at:].lstrip())
        if match is None:
            raise _error(text, start, 'a " without its end' if text[start] == '"' else "cannot be read")
        kind = str(match.lastgroup)
        found.append(_token(match, start, kind))
        at = match.end()
    return found


def _token(match: re.Match[str], start: int, kind: str) -> _Token:
    if match["field"] is not None:
        return _Token("field", match["fv"] if match["fv"] is not None else _unescaped(match["fq"]), start, match["field"].lower())
    if match["phrase"] is not None:
        return _Token("phrase", _unescaped(match["phrase"]), start)
    if match["regex"] is not None:
        return _Token("regex", match["regex"].replace("\\/", "/"), start, match["flags"])
    if match["word"] is not None and match["word"].lower() in _OPERATORS:
        return _Token(match["word"].lower(), match["word"], start)
    return _Token("word" if match["word"] is not None else kind, match["word"] or match["paren"], start)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _leaf(text: str, token: _Token) -> Node:
    if token.kind == "field":
        return Field(token.flags, token.value, token.at)
    if token.kind == "regex":
        return _regex(text, token)
    value = token.value
    open_left, open_right = False, False
    if token.kind == "word":
        if not value.strip("*"):
            return ALL
        open_left, open_right = value.startswith("*"), value.endswith("*")
        value = value.strip("*")
    if "\n" in value:
        raise _error(text, token.at, "a line break is never inside of a line")
    needle = value.encode("utf-8", "surrogateescape").lower()
    return Text(needle, open_left, open_right) if needle else ALL


def _regex(text: str, token: _Token) -> Regex:
    try:
        pc.match_substring_regex(pa.array([b""]), token.value, ignore_case=bool(token.flags))
    except (pa.ArrowInvalid, UnicodeEncodeError) as error:
        raise _error(text, token.at, f"not a regular expression (RE2): {str(error).split(': ', 1)[-1]}") from None
    return Regex(token.value, bool(token.flags))


_SHOWN: Final = 60


def _error(text: str, at: int, what: str) -> FilterError:
    """With the query, and a caret under the place."""
    first = max(0, at - _SHOWN // 2)
    shown = text[first : first + _SHOWN].replace("\n", " ")
    return FilterError(
        f"the query, at character {at + 1}: {what}\n  {shown}\n  {' ' * (at - first)}^", hint='words, "phrases", /regex/, and, or, not, ( ), field:value'
    )


def lift(node: Node) -> tuple[dict[str, str], Node]:
    """The fields that must hold in any case, by name, and the rest of the query. Raises FilterError for one that is given twice."""
    parts = node.parts if isinstance(node, And) else (node,)
    fields: dict[str, str] = {}
    rest: list[Node] = []
    for part in parts:
        if isinstance(part, Field) and part.name not in fields:
            fields[part.name] = part.value
        else:
            rest.append(part)
    return fields, rest[0] if len(rest) == 1 else And(tuple(rest))
