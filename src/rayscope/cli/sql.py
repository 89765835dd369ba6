"""`rayscope sql`: a question in SQL."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from rayscope.cli.options import Where
from rayscope.cli.output.formats import FORMATS, TABLE, check_format
from rayscope.cli.output.table import lay_out, terminal_width
from rayscope.cli.output.talk import tell, tell_warning
from rayscope.errors import UsageError
from rayscope.model.resources import Column
from rayscope.model.sql import SqlAnswer, SqlQuestion

app = App(
    name="rayscope sql",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope sql "SELECT name, state, count(*) FROM tasks GROUP BY ALL"
  rayscope sql "SELECT * FROM nodes" --all-sessions --format json
  echo "SELECT count(*) FROM actors" | rayscope sql -
  rayscope sql --schema""",
)

_WHERE: Final = Where()
_KINDS: Final = {"BIGINT": "int", "INTEGER": "int", "HUGEINT": "int", "DOUBLE": "float", "BOOLEAN": "bool", "JSON": "json"}


@app.default
def sql(
    question: Annotated[str | None, Parameter(help="A SELECT; `-` reads it from stdin.")] = None,
    /,
    *,
    schema: Annotated[bool, Parameter(negative=(), help="Show the views and their columns.")] = False,
    limit: Annotated[int, Parameter(name=["--limit", "-n"], help="Rows to show, at most 10,000.")] = 1000,
    timeout: Annotated[float, Parameter(help="Seconds that it may take, at most 60.")] = 10.0,
    format: Annotated[str, Parameter(help="table, json, jsonl, yaml or csv.")] = TABLE,  # noqa: A002 the option's name
    where: Where = _WHERE,
) -> None:
    """Ask in SQL, read-only, over views named as the resources: tasks, actors, jobs, nodes … Of one session, or with --all-sessions of all."""
    check_format(format)
    with where.client() as client:
        if schema:
            _show_schema(client.sql_schema().tables)
            return
        text = sys.stdin.read() if question == "-" else question
        if not text:
            raise UsageError("no question given", hint='rayscope sql "SELECT count(*) FROM tasks"; --schema shows the views')
        scope = where.scope()
        answer = client.sql(SqlQuestion(sql=text, session=scope, at=where.at, limit=limit, timeout_s=timeout))
    _show(answer, format)


def _show(answer: SqlAnswer, chosen: str) -> None:
    names = _distinct([column.name for column in answer.columns])
    columns = [Column(name=name, kind=_kind(column.type), level="brief", unit=None, description="") for name, column in zip(names, answer.columns, strict=True)]
    rows: list[dict[str, Any]] = [dict(zip(names, values, strict=True)) for values in answer.rows]
    if chosen == TABLE:
        print("\n".join(lay_out(columns, rows, terminal_width(sys.stdout)).lines) if rows else "no rows")
    else:
        sys.stdout.writelines(FORMATS[chosen](rows, columns))
    if answer.truncated:
        tell_warning(f"only the first {answer.rows_count:,} rows are shown; --limit gives more, LIMIT in the question silences this")


def _distinct(names: list[str]) -> list[str]:
    """Columns of one name get numbers."""
    return [name if name not in names[:at] else f"{name}_{at + 1}" for at, name in enumerate(names)]


def _kind(kind: str) -> str:
    return _KINDS.get(kind, "json" if kind.endswith("[]") or kind.startswith(("STRUCT", "MAP")) else "text")


def _show_schema(tables: list[Any]) -> None:
    for table in tables:
        print(f"{table.name}: {table.description}")
        for column in table.columns:
            print(f"  {column.name:<24}{column.type:<10}{column.description}")
    tell("each view has the rows of the asked session; --all-sessions of all")
