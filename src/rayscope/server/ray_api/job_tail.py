"""WS /ray/<session>/api/jobs/<id>/logs/tail: what a driver prints, as Ray sends it, until its job has ended.

Ray's own ends as if all were well when the driver's node dies. This one goes on until the job is known to have ended, and breaks off, which its
reader sees as an error, where that cannot be known any more.
"""

from __future__ import annotations

import asyncio
import codecs
import time
from typing import Any, Final

from litestar import WebSocket, websocket
from litestar.datastructures import State
from litestar.exceptions import WebSocketDisconnect, WebSocketException
from litestar.params import FromPath

from rayscope.errors import RayscopeError
from rayscope.query.tail_end import TailEnd
from rayscope.server.ray_api.jobs import headers_of, refuse_browsers
from rayscope.server.services import Services
from rayscope.store.limits import KIB

_LOOK_S: Final = 0.25
_PART_BYTES: Final = 256 * KIB
_NORMAL, _BROKEN = 1000, 1011


@websocket("/ray/{session:str}/api/jobs/{wanted:str}/logs/tail")
async def tail_job_logs(socket: WebSocket[Any, Any, State], session: FromPath[str], wanted: FromPath[str], state: State) -> None:
    """Send what comes, as text."""
    services: Services = state.services
    refuse_browsers(socket)
    headers = headers_of(socket, services)
    await socket.accept()
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    offset, end = 0, TailEnd(time.monotonic())
    try:
        while not services.ending.is_set():
            found = await services.live_jobs.output(session, wanted, None, offset, _PART_BYTES, headers)
            if found.data:
                await socket.send_text(decoder.decode(found.data))
                offset = found.next_offset
            if end.is_over(time.monotonic(), is_terminal=found.is_terminal, came=len(found.data), offset=offset, size=found.size):
                await socket.close(code=_NORMAL)
                return
            if not found.data:
                await asyncio.sleep(_LOOK_S)
        await socket.close(code=_BROKEN, reason="the server stops")
    except RayscopeError as error:
        await socket.close(code=_BROKEN, reason=error.message[:100])
    except (WebSocketDisconnect, WebSocketException):
        return
