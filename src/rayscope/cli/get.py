"""`rayscope get`: everything known of one thing."""

from __future__ import annotations

import sys
from typing import Annotated, Final

from cyclopts import App, Parameter

from rayscope.cli.options import Where, resource_name
from rayscope.cli.output.formats import FORMATS, TABLE, check_format
from rayscope.errors import UsageError
from rayscope.model.resources import RESOURCES

app = App(
    name="rayscope get",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope get task 16310a0f0a45af5c
  rayscope get job 01000000 --session session_2026-11-23 --format json""",
)

_WHERE: Final = Where()


@app.default
def get(
    resource: Annotated[str, Parameter(help=f"One of {', '.join(RESOURCES)}; the singular is as good.")],
    id: Annotated[str, Parameter(help="The id, or a prefix of at least 4 characters that fits only one.")],  # noqa: A002 the parameter's name
    /,
    *,
    format: Annotated[str, Parameter(help="yaml, json, jsonl or csv.")] = "yaml",  # noqa: A002 the option's name
    where: Where = _WHERE,
) -> None:
    """Show everything known of one task, actor, job, node … A task that was retried has one row an attempt."""
    if check_format(format) == TABLE:
        raise UsageError("get has no table format", hint=f"there are {', '.join(FORMATS)}")
    name = resource_name(resource)
    with where.client() as client:
        rows = client.get(name, id, where.scope(), where.at)
    sys.stdout.writelines(FORMATS[format](rows, RESOURCES[name].columns))
