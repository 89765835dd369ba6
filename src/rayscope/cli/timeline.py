"""`rayscope timeline`: a trace file of a session, of any size."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Final

from cyclopts import App, Parameter

from rayscope.cli.options import Filters, Where
from rayscope.cli.output.talk import tell
from rayscope.cli.output.values import size
from rayscope.errors import UsageError

app = App(
    name="rayscope timeline",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope timeline --output x.json            for https://ui.perfetto.dev
  rayscope timeline -o x.json -f job_id=01000000 --from -10m
  rayscope timeline -o x.json --format ray     as `ray timeline` has it""",
)

_WHERE: Final = Where()


@app.default
def timeline(
    *,
    output: Annotated[str, Parameter(name=["--output", "-o"], allow_leading_hyphen=True, help="The file to write; `-` is stdout.")],
    format: Annotated[str, Parameter(help="chrome (for Perfetto and chrome://tracing), or ray (the shape of `ray timeline`).")] = "chrome",  # noqa: A002 the option's name
    filters: Filters = None,
    start: Annotated[str | None, Parameter(name="--from", allow_leading_hyphen=True, help="Only what ran after: -10m, 2026-11-23T14:03 (UTC).")] = None,
    end: Annotated[str | None, Parameter(name="--to", allow_leading_hyphen=True, help="Only what ran before.")] = None,
    where: Where = _WHERE,
) -> None:
    """Write what ran when as a trace file. The file is streamed: a session of a million tasks takes no more memory than one of ten."""
    if where.all_sessions:
        raise UsageError("a timeline is of one session", hint="name it with --session")
    asked = {"session": where.session, "format": format, "filter": filters or [], "from": start, "to": end, "at": where.at}
    query = {name: value for name, value in asked.items() if value is not None}
    with where.client() as client:
        pieces = client.download("/api/v1/timeline/trace", query)
        first = next(pieces, b"")  # an error is told before a file is made
        with _writing(output) as file:
            written = file.write(first) + sum(file.write(piece) for piece in pieces)
    if output != "-":
        hint = "open it at https://ui.perfetto.dev" if format == "chrome" else "open it in chrome://tracing, as a file of `ray timeline`"
        tell(f"wrote {output}: {size(written)}; {hint}")


@contextmanager
def _writing(output: str) -> Iterator[BinaryIO]:
    """The file, or stdout. A file that could not be written whole is taken away."""
    if output == "-":
        yield sys.stdout.buffer
        return
    path = Path(output)
    try:
        file = path.open("wb")
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}", hint="give another file with --output") from error
    try:
        with file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise
