"""POST /api/v1/sql: a question in SQL, read-only; GET /api/v1/sql/schema: what there is to ask about."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.concurrency import sync_to_thread
from litestar.datastructures import State
from litestar.params import FromQuery
from litestar.response import Stream

from rayscope.errors import PayloadError
from rayscope.model.sql import SqlAnswer, SqlQuestion, SqlSchema
from rayscope.server.api.views import services_of

_MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


@post("", status_code=200)
async def post_sql(request: Request[Any, Any, State], state: State, format: FromQuery[str | None] = None) -> Response[SqlAnswer] | Stream:  # noqa: A002 the parameter's name
    """Ask: a SELECT over the public views, answered as JSON; with ``format`` as a CSV or Parquet file."""
    question, console = _decode(await request.body()), services_of(state).console
    if format is None:
        return Response(await sync_to_thread(console.answer, question))
    file = await sync_to_thread(console.download, question, format)
    headers = {
        "Content-Disposition": f'attachment; filename="rayscope-sql.{format}"',
        "X-Rayscope-Rows": str(file.rows),
        "X-Rayscope-Truncated": str(file.truncated).lower(),
    }
    return Stream(file.pieces(), media_type=_MEDIA[format], headers=headers)


@get("/schema", sync_to_thread=True)
def get_sql_schema(state: State) -> SqlSchema:
    """The views, their columns, functions and keywords."""
    return services_of(state).console.schema()


def _decode(body: bytes) -> SqlQuestion:
    try:
        return msgspec.json.decode(body, type=SqlQuestion)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PayloadError(f"the body is no question in SQL: {error}", hint='send {"sql": "SELECT …"}') from error


sql_router = Router(path="/api/v1/sql", route_handlers=[post_sql, get_sql_schema])
