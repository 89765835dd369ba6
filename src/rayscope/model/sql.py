"""Questions in SQL and their answers."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from rayscope.model.page import Problem


class SqlQuestion(Struct, frozen=True, kw_only=True):
    """A SELECT over the public views. ``session`` limits them to one session, ``at`` shows them as they were then."""

    sql: str
    session: str | None = None
    at: str | None = None
    limit: int = 1000
    timeout_s: float = 10.0


class SqlColumn(Struct, frozen=True, kw_only=True):
    """A column of an answer, with the engine's name of its type."""

    name: str
    type: str


class SqlAnswer(Struct, frozen=True, kw_only=True):
    """The rows, or the first of them where ``truncated``. Values that JSON lacks come as texts; blobs as hex."""

    columns: list[SqlColumn]
    rows: list[list[Any]]
    rows_count: int
    truncated: bool
    took_ms: float


class SqlProblem(Problem, frozen=True, kw_only=True):
    """What is wrong with a question, and where: ``position`` in characters from 0, ``line`` and ``column`` from 1; null where not known."""

    position: int | None = None
    line: int | None = None
    column: int | None = None


class SqlViewColumn(Struct, frozen=True, kw_only=True):
    """A column of a view."""

    name: str
    type: str
    unit: str | None
    description: str


class SqlView(Struct, frozen=True, kw_only=True):
    """A view that a question may name."""

    name: str
    description: str
    columns: list[SqlViewColumn]


class SqlExample(Struct, frozen=True, kw_only=True):
    """A question to begin with."""

    title: str
    sql: str


class SqlSchema(Struct, frozen=True, kw_only=True):
    """What there is to ask about, for completion and for people."""

    tables: list[SqlView]
    functions: list[str]
    keywords: list[str]
    examples: list[SqlExample]
