"""GET /api/v1/storage, and DELETE /api/v1/storage/<session>: what takes the room, and making some."""

from __future__ import annotations

import time

from litestar import delete, get
from litestar.datastructures import State
from litestar.params import FromPath

from rayscope.model.storage import Storage
from rayscope.server.services import Services
from rayscope.server.storage import measure


@get("/api/v1/storage", sync_to_thread=True)
def get_storage(state: State) -> Storage:
    """What takes the room in the data folder, what was deleted, and what will be."""
    services: Services = state.services
    segments = (services.logs.store.sizes(), services.metric_ingest.store.directory.sizes())
    return measure(services.data, services.database, services.queries, services.retainer, segments, time.time_ns())


@delete("/api/v1/storage/{session:str}", status_code=200, sync_to_thread=True)
def delete_session(session: FromPath[str], state: State) -> dict[str, int]:
    """Delete all of a session that has ended: rows (of logs and metrics bytes) by kind."""
    services: Services = state.services
    return services.retainer.delete_session(session)
