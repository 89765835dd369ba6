"""Questions in SQL from people: checked part by part, over public views only, bounded in time and size.

A question is parsed by the engine itself, and its tree may hold nothing but what console_words.py lists. The name of a view stands for the
resource's public columns: the name is replaced by that query in the text, so no table of the store can be named. Besides, the engine itself
has no access to files or the network (see database.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import duckdb
from msgspec import Struct

from rayscope.errors import SqlError, SqlTimeout
from rayscope.store.console_words import EXPRESSIONS, NODES, PARTS, REFUSED_FUNCTIONS, REFUSED_PREFIXES, RELATIONS, TABLE_FUNCTIONS
from rayscope.store.database import Connection, Database
from rayscope.store.limits import SQL_BYTES

_NOWHERE: Final = 2**63
_NAME: Final = re.compile(rb'"(?:[^"]|"")*"|[A-Za-z_]\w*')
_DEPTH: Final = 400


class Public(Struct, frozen=True, kw_only=True):
    """The views that a question may name: by name, the query that each stands for."""

    views: Mapping[str, str]


class Place(Struct, frozen=True):
    """A view's name in the text: from which byte, how many, and what it is replaced by."""

    at: int
    size: int
    text: bytes


def run(database: Database, question: str, public: Public, timeout_s: float, take: Callable[[Connection], Any]) -> Any:
    """Ask, and give the executed cursor to ``take``. Raises SqlError and SqlTimeout."""
    try:
        return database.read_within(lambda connection: _run(connection, question, public, take), timeout_s)
    except SqlError as error:
        error.locate(question)
        raise
    except TimeoutError:
        raise SqlTimeout(f"the question took longer than {timeout_s:g} s", hint="ask for less, or give it more time with timeout_s") from None


def _run(connection: Connection, question: str, public: Public, take: Callable[[Connection], Any]) -> Any:
    places = check(connection, question, public)
    text = _replaced(question.encode(), places).decode()
    _bind(connection, text, places, question)
    try:
        connection.execute(text)
        return take(connection)
    except duckdb.InterruptException:
        raise
    except duckdb.OutOfMemoryException:
        raise SqlError("the question needs more memory than there is for it", hint="ask for fewer columns or rows, or aggregate") from None
    except duckdb.Error as error:
        raise SqlError(_first_line(str(error)), hint=None) from None


def check(connection: Connection, question: str, public: Public) -> list[Place]:
    """The names of views in a question that asks for nothing else. Raises SqlError."""
    if len(question.encode()) > SQL_BYTES:
        raise SqlError(f"the question is longer than {SQL_BYTES:,} bytes")
    if "\0" in question:
        raise SqlError("the question holds a null character", position=question.index("\0"))
    tree = _parsed(connection, question)
    statements = tree["statements"]
    if len(statements) != 1:
        raise SqlError(f"one question at a time: these are {len(statements)}", hint="give a single SELECT")
    return _Walk(question, public, _table_names(connection)).places(statements[0])


def _parsed(connection: Connection, question: str) -> Any:
    row = connection.execute("SELECT CAST(json_serialize_sql(?) AS VARCHAR)", [question]).fetchone()
    assert row is not None
    try:
        tree = json.loads(row[0])
    except RecursionError:
        raise SqlError("the question is nested too deeply") from None
    if not tree["error"]:
        return tree
    if tree.get("error_type") == "not implemented":
        raise SqlError("only a SELECT can be asked here", hint="the console is read-only; `GET /api/v1/sql/schema` lists the views")
    raise SqlError(_first_line(tree["error_message"]), position=_position(tree, [], question))


def _table_names(connection: Connection) -> frozenset[str]:
    """Names in the store, which a CTE must not bear: what a name means must not be in doubt."""
    rows = connection.execute("SELECT lower(table_name) FROM duckdb_tables() UNION SELECT lower(view_name) FROM duckdb_views()").fetchall()
    return frozenset(row[0] for row in rows)


class _Walk:
    """One pass over a question's tree."""

    def __init__(self, question: str, public: Public, taken: frozenset[str]) -> None:
        self._question = question
        self._text = question.encode()
        self._public = public
        self._taken = taken
        self._places: list[Place] = []

    def places(self, statement: Any) -> list[Place]:
        """The names of views, in order. Raises SqlError at the first part that is not allowed."""
        self._any(statement, frozenset(), 0)
        return sorted(self._places, key=lambda place: place.at)

    def _any(self, part: Any, ctes: frozenset[str], depth: int) -> None:
        if depth > _DEPTH:
            raise SqlError("the question is nested too deeply")
        if isinstance(part, list):
            for one in part:
                self._any(one, ctes, depth + 1)
        elif isinstance(part, dict):
            self._dict(part, ctes, depth)

    def _dict(self, part: dict[str, Any], ctes: frozenset[str], depth: int) -> None:
        if "class" in part:
            self._expression(part)
        elif isinstance(kind := part.get("type"), str):
            self._kind(part, kind, ctes)
        named = part.get("cte_map")
        if isinstance(named, dict):
            ctes = self._ctes(named, ctes, depth)
        for name, value in part.items():
            if name != "cte_map":
                self._any(value, ctes, depth + 1)

    def _kind(self, part: dict[str, Any], kind: str, ctes: frozenset[str]) -> None:
        if kind not in NODES | RELATIONS | PARTS:
            raise self._refused(part, f"{_words(kind)} cannot be asked here")
        if kind == "BASE_TABLE":
            self._table(part, ctes)
        elif kind == "TABLE_FUNCTION":
            name = str(part.get("function", {}).get("function_name", "")).lower()
            if name not in TABLE_FUNCTIONS:
                raise self._refused(part, f"the table function {name} cannot be used here", hint=f"there are {', '.join(sorted(TABLE_FUNCTIONS))}")
            part["function"] = dict(part["function"]) | {"_table_function": True}

    def _expression(self, part: dict[str, Any]) -> None:
        if part["class"] not in EXPRESSIONS:
            raise self._refused(part, f"{_words(str(part['class']))} cannot be used here")
        name = str(part.get("function_name", "")).lower()
        if part.get("catalog") or part.get("schema"):
            raise self._refused(part, "names of schemas cannot be used here", hint="write the name alone")
        if name and not part.get("_table_function") and (name in REFUSED_FUNCTIONS or name.startswith(REFUSED_PREFIXES)):
            raise self._refused(part, f"the function {name} cannot be used here")

    def _ctes(self, named: dict[str, Any], ctes: frozenset[str], depth: int) -> frozenset[str]:
        """Names of CTEs that the query sees, when each has been looked at with those before it."""
        for entry in named.get("map", []):
            key = str(entry["key"]).lower()
            if key in self._taken and key not in self._public.views:
                raise SqlError(f"a CTE cannot be named {entry['key']}", hint="give it another name")
            query = entry["value"].get("query_node") or {}
            own = frozenset({key}) if query.get("type") == "RECURSIVE_CTE_NODE" else frozenset()
            self._any(entry["value"], ctes | own, depth + 1)
            ctes |= {key}
        return ctes

    def _table(self, part: dict[str, Any], ctes: frozenset[str]) -> None:
        if part.get("catalog_name") or part.get("schema_name") or len(part.get("qualified_name", {}).get("path", [""])) != 1 or part.get("at_clause"):
            raise self._refused(part, "names of schemas cannot be used here", hint="write the view's name alone")
        name = str(part["table_name"]).lower()
        if name in ctes:
            return
        if name not in self._public.views:
            raise self._refused(part, f"there is no view {part['table_name']}", hint=f"there are {', '.join(sorted(self._public.views))}")
        at = part["query_location"]
        match = _NAME.match(self._text, at) if at < _NOWHERE else None
        if match is None or match[0].strip(b'"').decode().lower() != name:
            raise SqlError(f"write FROM {name}", hint="this way of naming a view is not understood here")
        alias = "" if part.get("alias") else f' AS "{name}"'
        self._places.append(Place(at, len(match[0]), f"({self._public.views[name]}){alias}".encode()))

    def _refused(self, part: dict[str, Any], message: str, hint: str | None = None) -> SqlError:
        at = part.get("query_location", _NOWHERE)
        position = len(self._text[:at].decode(errors="ignore")) if isinstance(at, int) and at < _NOWHERE else None
        return SqlError(message, hint=hint, position=position)


def _words(kind: str) -> str:
    return kind.removesuffix("_NODE").removesuffix("_REF").replace("_QUERY", "").replace("_", " ")


def _replaced(text: bytes, places: list[Place]) -> bytes:
    out, done = b"", 0
    for place in places:
        out += text[done : place.at] + place.text
        done = place.at + place.size
    return out + text[done:]


def _bind(connection: Connection, text: str, places: list[Place], question: str) -> None:
    """Let the engine bind the question, which tells where an error is. Raises SqlError."""
    row = connection.execute("SELECT CAST(json_serialize_plan(?) AS VARCHAR)", [text]).fetchone()
    head = str(row[0])[:14] if row else ""
    if head.startswith('{"error":true'):
        assert row is not None
        problem = json.loads(row[0])
        if problem.get("error_type") in {"binder", "catalog", "parser", "syntax"}:
            lines = problem["error_message"].strip().splitlines()
            raise SqlError(lines[0], hint=" ".join(line.strip() for line in lines[1:4]) or None, position=_position(problem, places, question))


def _position(problem: Mapping[str, Any], places: list[Place], question: str) -> int | None:
    """Where in the question's own characters, of a byte in the text with the views put in."""
    if not str(problem.get("position", "")).isdigit():
        return None
    at = int(problem["position"])
    for place in places:
        if at < place.at:
            break
        grown = len(place.text) - place.size
        at = at - grown if at >= place.at + len(place.text) else place.at
    return len(question.encode()[:at].decode(errors="ignore"))


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "the question failed"


def columns_of(connection: Connection) -> list[tuple[str, str]]:
    """Name and type of each column of what was executed."""
    return [(column[0], str(column[1])) for column in connection.description or ()]


def batches(connection: Connection, size: int) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of what was executed."""
    while batch := connection.fetchmany(size):
        yield batch


def record_batches(connection: Connection, size: int) -> Any:
    """The rows of what was executed, as Arrow's record batches."""
    return connection.to_arrow_reader(size) if hasattr(connection, "to_arrow_reader") else connection.fetch_record_batch(size)


def function_names(connection: Connection) -> list[str]:
    """Functions that a question may use, for completion."""
    rows = connection.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('scalar', 'aggregate', 'macro') AND internal ORDER BY 1"
    ).fetchall()
    refused = (*REFUSED_PREFIXES, "icu_", "collate_")
    return [name for (name,) in rows if re.fullmatch(r"[a-z]\w+", name) and name not in REFUSED_FUNCTIONS and not name.startswith(refused)]
