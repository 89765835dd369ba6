"""A session: one lifetime of one Ray cluster."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from rayscope.model.column import brief, detail


class Session(Struct, frozen=True, kw_only=True):
    """One Ray cluster lifetime, keyed by Ray's ``session_name``."""

    session: Annotated[str, brief("Ray's session name", "id")]
    cluster: Annotated[str | None, brief("The cluster's name: as given to `rayscope env`, else the head node's host name")] = None
    state: Annotated[str, brief("LIVE or ENDED")] = "LIVE"
    state_reason: Annotated[str | None, brief("Why it counts as ended, e.g. `no word since …`")] = None
    started_ns: Annotated[int | None, brief("First time seen in its events", "ns")] = None
    ended_ns: Annotated[int | None, brief("When it ended; of a silent one, its last word", "ns")] = None
    nodes: Annotated[int, brief("Nodes seen", "count")] = 0
    jobs: Annotated[int, brief("Jobs seen", "count")] = 0
    actors: Annotated[int, brief("Actors seen", "count")] = 0
    tasks: Annotated[int, brief("Tasks seen, each counted once however often it was retried", "count")] = 0
    failed_tasks: Annotated[int, brief("Tasks whose last attempt failed or was lost", "count")] = 0
    last_word_ns: Annotated[int | None, detail("When the server last heard from it", "ns")] = None
    ray_version: Annotated[str | None, detail("Ray's version, where known")] = None
    python_version: Annotated[str | None, detail("Python's version, where known")] = None
    command: Annotated[str | None, detail("The command that `rayscope run` ran, if it did")] = None
    exit_code: Annotated[int | None, detail("That command's exit code")] = None
    events: Annotated[int, detail("Events received, duplicates counted", "count")] = 0
    quarantined: Annotated[int, detail("Events that could not be read and are kept aside", "count")] = 0
    redacted: Annotated[int, detail("Values masked because they look like secrets, duplicates counted", "count")] = 0
    undrained: Annotated[int | None, detail("Events that Ray still held when the cluster went; null: not known", "count")] = None
    dropped: Annotated[int | None, detail("Events that Ray's own buffers dropped; null: not known", "count")] = None
    log_dir: Annotated[str | None, detail("Ray's session folder on the head node")] = None
